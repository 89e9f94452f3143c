"""A revision that is checked out for a while."""

import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.revision import checked_out, find_commit, lock_differences
from ceap.errors import UsageError

WHO = ("-c", "user.name=Name", "-c", "user.email=name@example.com")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *WHO, *arguments], check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose file was changed by its second commit."""
    git(tmp_path, "init", "--quiet")
    for text in ("old", "new"):
        (tmp_path / "file").write_text(text)
        git(tmp_path, "add", "file")
        git(tmp_path, "commit", "--quiet", "--no-gpg-sign", "-m", text)
    return tmp_path


def test_a_revision_is_there_as_it_was_and_the_tree_stays(repository: Path) -> None:
    with checked_out(find_commit("HEAD~1", repository), repository) as folder:
        assert ((folder / "file").read_text(), (repository / "file").read_text()) == ("old", "new")


def test_nothing_is_left_of_it_when_the_measuring_is_interrupted(repository: Path) -> None:
    interrupted = ExitStack()
    folder = interrupted.enter_context(checked_out(find_commit("HEAD~1", repository), repository))
    (folder / "written").touch()
    with pytest.raises(KeyboardInterrupt), interrupted:
        raise KeyboardInterrupt
    assert (folder.exists(), git(repository, "worktree", "list").count("\n")) == (False, 1)


@pytest.mark.parametrize("revision", ["HEAD~2", "nothing", "--all", ""])
def test_what_names_no_commit_is_refused(repository: Path, revision: str) -> None:
    with pytest.raises(UsageError, match=f"REV={revision}: git finds no such commit in .*HEAD~5, main or a tag"):
        find_commit(revision, repository)


def test_packages_that_both_lock_and_differently_are_told() -> None:
    now = "boto3==1.2 \\\n    --hash=sha256:a\nmoto==5.2.5 ; python_version > '3.11'\nnew==1\n"
    then = "boto3==1.2 \\\n    --hash=sha256:b\nmoto==5.2.4 \\\nold==2\n"
    assert lock_differences(now, then) == ["moto 5.2.5, then 5.2.4"]
