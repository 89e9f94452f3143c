from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ceap.deploy.revision import Revision, read_revision


def git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@example.com", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_a_revision_is_clean_until_a_file_is_changed_or_new(tmp_path: Path) -> None:
    git(tmp_path, "init")
    (tmp_path / ".gitignore").write_text("build/\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "base.zip").touch()
    assert read_revision(tmp_path) == Revision(commit, True)
    (tmp_path / "new.py").touch()
    assert read_revision(tmp_path) == Revision(commit, False)


def test_without_a_commit_or_a_repository_or_git_there_is_no_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert read_revision(tmp_path) == Revision(None, None)
    git(tmp_path, "init")
    assert read_revision(tmp_path) == Revision(None, None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_revision(tmp_path) == Revision(None, None)
