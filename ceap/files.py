"""Writing files so that none is ever half-written, and temporary folders so that none is ever left."""

import os
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from ceap import signals
from ceap.errors import UsageError

_REMOVALS_MAX: Final = 100


def check_place(path: Path, option: str, suffix: str) -> Path:
    """Return the path of a file that an option names, or raise UsageError if it cannot be written; leaves nothing.

    The suffix is required, lest a slip of the hand replace a file of another kind.
    """
    if path.suffix != suffix:
        raise UsageError(f"{option} {path}: its name does not end in {suffix}; name a file that does")
    try:
        if not path.parent.is_dir():
            raise UsageError(f"{option} {path}: there is no folder {path.parent}; make it, or name another file")
        if path.exists() and not path.is_file():
            raise UsageError(f"{option} {path}: is not a file; name a file")
        beside = _beside(path)
        with signals.held():
            beside.touch()
            beside.unlink()
    except OSError as error:
        raise UsageError(f"{option} {path}: cannot be written: {error.strerror}; name another file") from None
    return path


def write_all(files: Iterable[tuple[Path, str | bytes]]) -> list[tuple[Path, int, bool]]:
    """Write all files or none; return each file's path, size in bytes and whether it changed.

    Each is written beside its place, and moved there when all are written: an earlier error changes no file.

    Raises:
        UsageError: a folder or file cannot be written.
    """
    waiting: list[tuple[Path, Path]] = []
    written: list[tuple[Path, int, bool]] = []
    try:
        for path, given in files:
            content = given.encode("utf-8") if isinstance(given, str) else given
            changed = not (path.is_file() and path.read_bytes() == content)
            if changed:
                path.parent.mkdir(parents=True, exist_ok=True)
                beside = _beside(path)
                waiting.append((beside, path))
                signals.begin(beside, partial(beside.unlink, missing_ok=True))
                beside.write_bytes(content)
            written.append((path, len(content), changed))
        with signals.held():
            for beside, path in waiting:
                beside.replace(path)
    except OSError as error:
        raise UsageError(f"{error.filename}: cannot be written: {error.strerror}; name another folder") from None
    finally:
        for beside, _ in waiting:
            beside.unlink(missing_ok=True)
            signals.settle(beside)
    return written


def make_folder(parent: Path | None = None) -> Path:
    """Make a folder that only this user can read, for temporary files unless `parent` is given.

    `remove_folder` removes it, as does a signal that ends the command.
    """
    import tempfile  # slow to import, and most commands need no folder

    with signals.held():
        folder = Path(tempfile.mkdtemp(prefix="ceap-", dir=parent))
        signals.begin(folder, partial(remove_folder, folder))
    return folder


def remove_folder(folder: Path) -> None:
    """Remove a folder and all in it, also what is read-only, and what a thread still writes there."""
    import shutil

    for _ in range(_REMOVALS_MAX):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            break
        for path, _, _ in os.walk(folder):
            with suppress(OSError):
                Path(path).chmod(0o700)
    signals.settle(folder)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")
