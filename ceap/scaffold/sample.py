"""The sample of a clone, which the framework does not need: what it is, and taking it out."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ceap.errors import SetupError, UsageError

WORKFLOWS: Final = ("realtime", "batch", "backfill")
HANDLERS: Final = ("etl", "filter", "score", "store", "reactive")
FOLDERS: Final = ("handlers/candidates", "tests/handlers/candidates", "tests/workflows", "bench/candidates")
_OF_WORKFLOW: Final = (
    *("workflows/{}.yaml", "workflows/messages/{}.*", "workflows/fixtures/{}"),
    "generated/{}.template.yaml",
)
_OF_HANDLER: Final = ("handlers/{}.py", "tests/handlers/test_{}.py")
PATHS: Final = (
    *(path.format(name) for name in WORKFLOWS for path in _OF_WORKFLOW),
    *(path.format(name) for name in HANDLERS for path in _OF_HANDLER),
    *FOLDERS,
    "generated/deploy.template.yaml",  # written again where a workflow is left
    "releases/*/sample/*",
)
"""The sample's files and folders, as git takes them."""

_DELETED: Final = (" D", "D ")
_NAMED_MAX: Final = 5


def find_sample(root: Path) -> list[str]:
    """Return the sample's files that git tracks and the project still has.

    Raises:
        UsageError: one of them has changes that no commit has.
        SetupError: git is missing, or the project is not under its control.
    """
    states = _git(root, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--", *PATHS)
    if unsaved := [state[3:] for state in _split(states) if state[:2] not in _DELETED]:
        names = ", ".join([*unsaved[:_NAMED_MAX], *(["..."] if len(unsaved) > _NAMED_MAX else [])])
        raise UsageError(f"{names}: not committed, and would be lost with the sample; commit or move what you need")
    return [file for file in _split(_git(root, "ls-files", "-z", "--", *PATHS)) if (root / file).exists()]


def remove_sample(root: Path) -> None:
    """Remove the sample's files from the project and from git's index."""
    _git(root, "rm", "-rq", "--ignore-unmatch", "--", *PATHS)


def restore_sample(root: Path, files: Sequence[str]) -> None:
    """Put files of the sample back, as the last commit has them."""
    _git(root, "restore", "--source=HEAD", "--staged", "--worktree", "--", *files)


def _split(output: str) -> list[str]:
    return [part for part in output.split("\0") if part]


def _git(root: Path, *words: str) -> str:
    try:
        command = ["git", "-C", str(root), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (words of our own)
    except FileNotFoundError:
        raise SetupError("git is not in PATH, so nobody can tell what is committed; install git") from None
    if done.returncode:
        said = done.stderr.strip().removeprefix("fatal: ")
        raise SetupError(f"{root}: git {words[0]} failed: {said}; keep the project in a git repository")
    return done.stdout
