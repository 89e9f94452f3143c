"""The sets of packages that handlers name in NEEDS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import handlers
from templates.package_sets import set_problem


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the packages of a project, which has one locked set."""
    folder = tmp_path / "packages"
    folder.mkdir()
    for name in ("tables.in", "tables.txt", "notes.md"):
        (folder / name).touch()
    monkeypatch.setattr(handlers, "__path__", [str(tmp_path)])
    return folder


@pytest.mark.usefixtures("packages")
@pytest.mark.parametrize("name", [None, "tables"])
def test_no_set_and_a_locked_one_have_no_problem(name: str | None) -> None:
    assert set_problem(name) is None


@pytest.mark.usefixtures("packages")
@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (7, "is 7; name a set by lower-case words, e.g. tables, which handlers/packages/tables.in lists"),
        ("Tables", "is 'Tables'; name a set by lower-case words, e.g. tables, which handlers/packages/tables.in lists"),
        ("base", "is 'base', the name of the packages that every function has; leave it out, or name another set"),
        (
            "table",
            "is 'table', but there is no handlers/packages/table.in; write it, then call `make lock`; "
            "did you mean tables? allowed: tables",
        ),
        (
            "notes",
            "is 'notes', but there is no handlers/packages/notes.in; write it, then call `make lock`; allowed: tables",
        ),
    ],
)
def test_any_other_name_is_told_what_to_do(name: Any, problem: str) -> None:
    assert set_problem(name) == problem


def test_a_set_that_is_not_locked_is_told_so(packages: Path) -> None:
    (packages / "tables.txt").unlink()
    problem = "is 'tables', but handlers/packages/tables.in is not locked; call `make lock`, which writes tables.txt"
    assert set_problem("tables") == problem
