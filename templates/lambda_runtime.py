"""The Lambda runtime that the functions are declared with and that their package is built for."""

from typing import Final

PYTHON: Final = "3.13"
RUNTIME: Final = f"python{PYTHON}"
ARCHITECTURE: Final = "arm64"
