from __future__ import annotations

import datetime
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ceap.policy import inputs
from templates import discovery

Change = Callable[[Path, pytest.MonkeyPatch], object]


@pytest.fixture
def tree(tmp_path: Path, own_handlers: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What judges, in little: all that the digest is made of."""
    for name in ("ceap/policy/checks", "templates", "guard_rules", "glue/lib", "installed/cfn_lint-1.58.0.dist-info"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "ceap/policy/checks/no_null.py").write_text("RULE = 'CFN01_NO_NULL'\n")
    (tmp_path / "ceap/policy/checks/stacks.yaml").write_text("stacks: {}\n")
    (tmp_path / "templates/naming.py").write_text("PREFIX = 'ceap'\n")
    (tmp_path / "guard_rules/p41_pipe.guard").write_text("rule P41_PIPE { Resources exists }\n")
    (tmp_path / "glue/job.py").write_text("print(1)\n")
    (own_handlers / "take.py").write_text("NEEDS = 1\n")
    (own_handlers / "packages").mkdir()
    monkeypatch.setattr(inputs, "_ROOT", tmp_path)
    monkeypatch.setattr(discovery, "JOB_FOLDERS", [tmp_path / "glue"])
    monkeypatch.setattr(sys, "path", [str(tmp_path / "installed"), str(tmp_path / "nowhere")])
    return tmp_path


class Tomorrow(datetime.date):
    @classmethod
    def today(cls) -> Tomorrow:
        return cls.fromordinal(datetime.date.today().toordinal() + 1)  # noqa: DTZ011


def write(name: str, text: str = "# changed\n") -> Change:
    return lambda tree, _: (tree / name).write_text(text)


CHANGES: list[tuple[str, Change]] = [
    ("a check", write("ceap/policy/checks/no_null.py")),
    ("the vocabulary", write("ceap/policy/checks/stacks.yaml")),
    ("a check that is new", write("ceap/policy/checks/more.py")),
    ("a check that is gone", lambda tree, _: (tree / "ceap/policy/checks/no_null.py").unlink()),
    (
        "a check of another name",
        lambda tree, _: (tree / "ceap/policy/checks/no_null.py").rename(tree / "ceap/policy/checks/null.py"),
    ),
    ("the generator", write("templates/naming.py")),
    ("a Guard rule", write("guard_rules/p41_pipe.guard")),
    ("the NEEDS of a handler", write("handlers/take.py", "NEEDS = 2\n")),
    ("a handler that is new", write("handlers/sift.py")),
    ("the framework of handlers", write("handlers/runtime/needs.py")),
    ("a set of packages", write("handlers/packages/tables.txt")),
    ("a job", write("glue/job.py")),
    ("what jobs share", write("glue/lib/tables.py")),
    (
        "cfn-lint",
        lambda tree, _: (tree / "installed/cfn_lint-1.58.0.dist-info").rename(tree / "installed/c-2.dist-info"),
    ),
    (
        "the same version, installed again",
        lambda tree, _: os.utime(tree / "installed/cfn_lint-1.58.0.dist-info", ns=(0, 1)),
    ),
    ("what else is installed", lambda tree, _: (tree / "installed/orders-1.dist-info").mkdir()),
    ("Python", lambda _, patch: patch.setattr(sys, "version", "3.99")),
    ("the system", lambda _, patch: patch.setattr(sys, "platform", "plan9")),
    ("the machine", lambda _, patch: patch.setattr("platform.machine", lambda: "riscv64")),
    ("the day", lambda _, patch: patch.setattr(inputs, "date", Tomorrow)),
]


@pytest.mark.parametrize("change", [change for _, change in CHANGES], ids=[name for name, _ in CHANGES])
def test_each_thing_that_judges_changes_the_digest(change: Change, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = inputs.read_inputs()
    assert before == inputs.read_inputs()
    change(tree, monkeypatch)
    assert inputs.read_inputs() not in (None, before)


def test_what_judges_nothing_leaves_it_as_it_is(tree: Path) -> None:
    before = inputs.read_inputs()
    (tree / "templates/__pycache__").mkdir()
    (tree / "templates/__pycache__/naming.pyc").write_text("compiled")
    os.utime(tree / "templates/naming.py", (0, 0))
    (tree / "README.md").write_text("Read me.")
    assert before == inputs.read_inputs()


@pytest.mark.parametrize(
    ("folder", "is_known"), [("elsewhere", False), ("site-packages", True), ("glue/lib", True), ("ceap/policy", True)]
)
def test_a_module_from_elsewhere_that_was_loaded_meanwhile_changes_it(
    folder: str, is_known: bool, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a handler imports one to make its NEEDS: what may change there, the digest does not hold."""
    (tree / folder).mkdir(exist_ok=True)
    (tree / folder / "team_needs.py").write_text("TABLES = {}\n")
    monkeypatch.setattr(sys, "path", [str(tree / folder), *sys.path])
    before = inputs.read_inputs()
    monkeypatch.setitem(sys.modules, "team_needs", sys)  # put back afterwards
    del sys.modules["team_needs"]
    importlib.import_module("team_needs")
    assert (inputs.read_inputs() == before) is is_known


def test_content_does_not_pass_for_that_of_its_neighbour(tree: Path) -> None:
    (tree / "glue/a.py").write_text("12")
    (tree / "glue/b.py").write_text("3")
    before = inputs.read_inputs()
    (tree / "glue/a.py").write_text("1")
    (tree / "glue/b.py").write_text("23")
    assert inputs.read_inputs() != before


def test_without_all_of_it_there_is_none(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    (tree / "handlers/shared").symlink_to(tree / "glue")
    assert inputs.read_inputs() is None
    (tree / "handlers/shared").unlink()
    assert inputs.read_inputs() is not None
    monkeypatch.setattr(Path, "read_bytes", fail)
    assert inputs.read_inputs() is None
