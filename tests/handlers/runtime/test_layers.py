"""The framework knows no stage and no domain; no stage knows another."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import handlers
from templates import discovery

FOLDERS = [Path(folder) for folder in handlers.__path__]
STAGES = [file for folder in FOLDERS for name in discovery.handler_names() if (file := folder / f"{name}.py").is_file()]
SHARED = sorted(path for folder in FOLDERS for path in folder.glob("*/**/*.py"))


def imported(source: Path) -> Iterator[str]:
    """Yield the modules that a file imports, anywhere in it, by their full names."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        match node:
            case ast.ImportFrom(module=str(module), names=names):
                yield from (module, *(f"{module}.{alias.name}" for alias in names))
            case ast.Import(names=names):
                yield from (alias.name for alias in names)


def stages_imported(source: Path) -> set[str]:
    return {f"handlers.{name}" for name in discovery.handler_names()} & set(imported(source))


@pytest.mark.parametrize("source", STAGES, ids=lambda path: path.stem)
def test_no_stage_imports_another(source: Path) -> None:
    assert stages_imported(source) == set()


def test_no_module_of_the_packages_beside_the_stages_imports_a_stage() -> None:
    assert len(SHARED) > 15
    assert {source.name: stages for source in SHARED if (stages := stages_imported(source))} == {}


def test_the_framework_imports_nothing_of_the_project_but_itself() -> None:
    runtime = [source for source in SHARED if "runtime" in source.parts]
    modules = {module for source in runtime for module in imported(source)}
    ours = {module for module in modules if module.partition(".")[0] in ("handlers", "templates", "ceap", "glue")}
    assert {module for module in ours if not module.startswith("handlers.runtime.")} == set()


@pytest.mark.parametrize("word", ["candidate", "program_id", "programId", "ProgramId", "marketplace"])
def test_the_framework_names_nothing_of_the_sample(word: str) -> None:
    runtime = [source for source in SHARED if "runtime" in source.parts]
    assert [source.name for source in runtime if word in source.read_text(encoding="utf-8")] == []
