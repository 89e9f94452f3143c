from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ceap import project
from ceap.deploy.diff.contracts import Field
from ceap.deploy.diff.old_contracts import load_old_fields
from ceap.deploy.diff.repository import Repository
from ceap.errors import SetupError, UsageError

WHO = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *WHO, *words], check=True, capture_output=True)


def commit(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "x")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a commit on main and one on a branch, whose folder is the current one."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    commit(tmp_path, a="1")
    git(tmp_path, "switch", "--quiet", "-c", "branch")
    commit(tmp_path, a="2", b="3")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_is_read_as_it_was_where_the_branch_left_main(folder: Path) -> None:
    repository = Repository(folder)
    base = repository.merge_base()
    assert [repository.text(base, name) for name in ("a", "b")] == ["1", None]
    assert list(repository.files(base)) == ["a"]
    (folder / "c").touch()
    assert repository.changed(base, "a", "b", "c") == ["a", "b", "c"]


def test_a_branch_without_main_says_what_to_do(folder: Path) -> None:
    git(folder, "branch", "--quiet", "-D", "main")
    with pytest.raises(
        UsageError, match=r"^\.: there is no main or origin/main, to compare with; name what to compare"
    ):
        Repository(folder).merge_base()


def test_a_shallow_clone_says_how_to_deepen_it(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "clone"
    git(folder, "clone", "--quiet", "--depth=1", "--branch=branch", folder.as_uri(), str(target))
    with pytest.raises(UsageError, match=r"the clone is shallow: call `git fetch --unshallow`"):
        Repository(target).merge_base()


def test_an_unknown_revision_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"^--against --all: is no file, and git knows no such revision; name what"):
        Repository(folder).commit("--all")


def test_a_folder_without_a_repository_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"^\.: is in no git repository, so no earlier state is known; name what"):
        Repository(tmp_path)


def test_a_machine_without_git_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match="git is not installed; install it, or compare with a file"):
        Repository(tmp_path)


def test_the_handlers_of_an_earlier_commit_are_asked(tmp_path: Path) -> None:
    for name in ("handlers/runtime", "templates"):
        shutil.copytree(project.ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "handlers/__init__.py").touch()
    (tmp_path / "handlers/old.py").write_text(OLD, encoding="utf-8")
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "x")
    (tmp_path / "handlers/old.py").unlink()
    repository = Repository(tmp_path)
    found = load_old_fields(repository, repository.commit("main"), ["old", "none"])
    assert found.keys() == {"old"}
    assert found["old"].takes == {"id": Field("string", is_required=True), "note": Field("string", is_required=False)}


OLD = """
import msgspec
from handlers.runtime.needs import Needs
from handlers.runtime.stage import WorkflowLambdaHandler


class Order(msgspec.Struct):
    id: str
    note: str = ""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True): ...


class OldStage(WorkflowLambdaHandler[Order, Settings]):
    record_type = Order

    def process_data(self, records, stage):
        yield from records


NEEDS = Needs(settings=Settings)
print("loud")
handler = OldStage(NEEDS)
"""
