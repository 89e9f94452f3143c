"""What git knows of an earlier state of a folder: its templates, and the code of the handlers."""

import subprocess
import tarfile
from collections.abc import Iterator
from os.path import relpath
from pathlib import Path
from typing import Final

from ceap.errors import SetupError, UsageError

MAIN: Final = ("main", "origin/main")
"""The branches that changes are compared with, where they exist."""

_CURE: Final = "name what to compare with: --against REVISION, or --against TEMPLATE"
_SHALLOW: Final = "the clone is shallow: call `git fetch --unshallow` (actions/checkout: `fetch-depth: 0`)"


class Repository:
    """The git repository of a folder; `Repository` raises UsageError if there is none, SetupError without git."""

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder
        root = self._output("rev-parse", "--show-toplevel")
        if root is None:
            raise UsageError(f"{relpath(folder)}: is in no git repository, so no earlier state is known; {_CURE}")
        self._root: Final = Path(root.rstrip("\n"))

    def has(self, folder: Path) -> bool:
        """Tell whether a folder is the root of the repository."""
        return folder.resolve() == self._root.resolve()

    def merge_base(self) -> str:
        """Return the commit at which this branch left main, as a full hash."""
        mains = [name for name in MAIN if self._commit(name)]
        base = self._output("merge-base", "HEAD", *mains) if mains else None
        if base is None:
            found = f"HEAD and {mains[0]} have no commit in common" if mains else f"there is no {' or '.join(MAIN)}"
            raise UsageError(f"{relpath(self._folder)}: {found}, to compare with; {self._deepen()}{_CURE}")
        return base.strip()

    def commit(self, revision: str) -> str:
        """Return the full hash of a revision; UsageError if git knows none of that name."""
        found = self._commit(revision)
        if found is None:
            cure = self._deepen()
            raise UsageError(f"--against {revision}: is no file, and git knows no such revision; {cure}{_CURE}")
        return found

    def files(self, commit: str) -> Iterator[str]:
        """Yield the names of the files that were right in the folder at a commit."""
        listed = self._output("ls-tree", "-z", "--name-only", commit) or ""
        yield from filter(None, listed.split("\0"))

    def text(self, commit: str, name: str) -> str | None:
        """Return the text of a file below the folder at a commit, None if it was not there."""
        return self._output("show", f"{commit}:./{name}")

    def text_of_root(self, commit: str, name: str) -> str | None:
        """Return the text of a file below the root of the repository at a commit, None if it was not there."""
        return self._output("show", f"{commit}:{name}")

    def changed(self, commit: str, *folders: str) -> list[str]:
        """Return the files in folders of the root that are not as at a commit, without those that git ignores."""
        places = [f":(top){folder}" for folder in folders]
        tracked = self._output("diff", "-z", "--name-only", "--no-ext-diff", commit, "--", *places) or ""
        others = self._output("ls-files", "-z", "--others", "--exclude-standard", "--full-name", "--", *places) or ""
        return sorted({name for listed in (tracked, others) for name in listed.split("\0") if name})

    def write_tree(self, commit: str, target: Path) -> bool:
        """Write what the repository had at a commit into a folder; return whether git could."""
        archive = target / "archive.tar"
        if self._output("archive", f"--output={archive}", f"{commit}:") is None:
            return False
        with tarfile.open(archive) as tar:
            tar.extractall(target, filter="data")
        archive.unlink()
        return True

    def _commit(self, revision: str) -> str | None:
        found = self._output("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        return found and found.strip()

    def _deepen(self) -> str:
        is_shallow = (self._output("rev-parse", "--is-shallow-repository") or "").strip() == "true"
        return f"{_SHALLOW}, or " if is_shallow else ""

    def _output(self, *words: str) -> str | None:
        """Return what git prints, None if it fails."""
        command = ["git", "-C", str(self._folder), *words]
        try:
            done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 (no shell)
        except FileNotFoundError:
            raise SetupError("git is not installed; install it, or compare with a file: --against TEMPLATE") from None
        return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
