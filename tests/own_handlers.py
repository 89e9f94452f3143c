"""Stages of a test's own, in place of the project's."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import handlers
from templates import discovery


@contextmanager
def handlers_in(folder: Path) -> Iterator[Path]:
    """Let the project's handlers be the framework and the stages that are written into a folder, which is made."""
    shutil.copytree(discovery.HANDLERS_FOLDER / "runtime", folder / "runtime")
    (folder / "__init__.py").touch()
    shutil.copy(discovery.HANDLERS_FOLDER / "requirements.txt", folder)
    imported = {name: module for name, module in sys.modules.items() if name.startswith("handlers.")}
    names = dict(vars(handlers))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handlers, "__path__", [str(folder)])
        discovery.forget_handlers()
        yield folder
    discovery.forget_handlers()
    sys.modules.update(imported)
    vars(handlers).update({name: names[name] for name in names if name != "__path__"})
