"""Writing files so that none is ever half-written."""

import os
from collections.abc import Iterable
from pathlib import Path

from ceap.errors import UsageError


def check_place(path: Path, option: str) -> Path:
    """Return the path of a file that an option names, or raise UsageError if it cannot be written; leaves nothing."""
    try:
        if not path.parent.is_dir():
            raise UsageError(f"{option} {path}: there is no folder {path.parent}; make it, or name another file")
        if path.exists() and not path.is_file():
            raise UsageError(f"{option} {path}: is not a file; name a file, such as run.html")
        beside = _beside(path)
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
                beside.write_bytes(content)
            written.append((path, len(content), changed))
        for beside, path in waiting:
            beside.replace(path)
    except OSError as error:
        raise UsageError(f"{error.filename}: cannot be written: {error.strerror}; name another folder") from None
    finally:
        for beside, _ in waiting:
            beside.unlink(missing_ok=True)
    return written


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")
