"""The revision of git that is deployed."""

import subprocess
from pathlib import Path
from typing import NamedTuple


class Revision(NamedTuple):
    """The hash of a commit, and whether the tree is as committed; both None outside of a repository."""

    commit: str | None
    is_clean: bool | None


def read_revision(folder: Path) -> Revision:
    """Return the revision of the repository that a folder is in; files that git ignores do not count as changes."""
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    changes = _git(folder, "status", "--porcelain")
    return Revision(commit or None, None if changes is None or not commit else not changes)


def _git(folder: Path, *words: str) -> str | None:
    try:
        command = ["git", "-C", str(folder), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - words of our own
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
