"""The Lambda runtime that the functions are declared with and that their package is built for."""

from typing import Final

PYTHON: Final = "3.13"
RUNTIME: Final = f"python{PYTHON}"
ARCHITECTURE: Final = "arm64"
PACKAGES: Final = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3")
"""What the runtime has installed: boto3 and what comes with it.

Source: Lambda Developer Guide, "Runtime-included SDK versions".
"""
