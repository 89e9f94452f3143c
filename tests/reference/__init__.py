"""A small project that the tests of the framework use: stages, declarations and messages of their own.

Its stages are importable as `handlers.take` and so on, beside the project's own: see `tests/conftest.py`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final

HANDLERS: Final = Path(__file__).parent / "handlers"
GLUE: Final = Path(__file__).parent / "glue"
WORKFLOWS: Final = Path(__file__).parent / "workflows"
EXPRESS: Final = WORKFLOWS / "express.yaml"
STANDARD: Final = WORKFLOWS / "standard.yaml"
TRIGGERED: Final = WORKFLOWS / "triggered.yaml"
OUTSIDE: Final = WORKFLOWS / "outside.yaml"
GOVERNED: Final = WORKFLOWS / "governed.yaml"
ADOPTING: Final = WORKFLOWS / "adopting.yaml"
MIXED: Final = WORKFLOWS / "mixed.yaml"
OWNED: Final = WORKFLOWS / "owned.yaml"
MESSAGE: Final = (WORKFLOWS / "messages" / "express.json").read_text(encoding="utf-8")
STAGES: Final = ("TakeStage", "SiftStage", "RateStage", "KeepStage", "TellStage")


def load_stage(name: str) -> ModuleType:
    """Import a stage; the type checker does not know where `tests/conftest.py` says that it is."""
    return import_module(f"handlers.{name}")


def read_stages() -> dict[str, bytes]:
    """Return the sources of the stages by their path in a function's zip."""
    return {f"handlers/{path.name}": path.read_bytes() for path in sorted(HANDLERS.glob("*.py"))}
