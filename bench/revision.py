"""Another revision of this repository, checked out beside it for a while."""

from __future__ import annotations

import compileall
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.measure import PACKAGES
from ceap.errors import UsageError
from ceap.project import ROOT

LOCK: Final = "requirements.lock"
_PIN: Final = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", re.MULTILINE)


def find_commit(revision: str, repository: Path = ROOT) -> str:
    """Return the id of the commit that a revision names; UsageError if there is none."""
    try:
        return _git(
            repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
        ).strip()
    except subprocess.CalledProcessError:
        raise UsageError(
            f"REV={revision}: git finds no such commit in {repository}; name one, such as HEAD~5, main or a tag"
        ) from None


@contextmanager
def checked_out(commit: str, repository: Path = ROOT) -> Iterator[Path]:
    """Check a commit out into a temporary folder, which is gone at the end, as is what git notes of it."""
    with tempfile.TemporaryDirectory(prefix="ceap-bench-") as parent:
        folder = Path(parent, "then")
        _git(repository, "worktree", "add", "--quiet", "--detach", str(folder), commit)
        try:
            yield folder
        finally:
            _git(repository, "worktree", "remove", "--force", str(folder))


def prepare(folder: Path) -> None:
    """Give a revision the measurements of this one, so that both sides do the same, and compile all of it."""
    shutil.rmtree(folder / "bench", ignore_errors=True)
    ignored = shutil.ignore_patterns("node_modules", "__pycache__")
    shutil.copytree(ROOT / "bench", folder / "bench", ignore=ignored)
    for package in (*PACKAGES, "bench"):
        compileall.compile_dir(folder / package, quiet=2)


def lock_differences(now: str, then: str) -> list[str]:
    """Return what two texts of requirements.lock pin both, and differently, e.g. `moto 5.2.5, then 5.2.4`."""
    pins, old = (dict(_PIN.findall(text)) for text in (now, then))
    names = sorted(name for name in pins.keys() & old.keys() if pins[name] != old[name])
    return [f"{name} {pins[name]}, then {old[name]}" for name in names]


def _git(repository: Path, *arguments: str) -> str:
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - git itself
