"""What a run may leave in its process: threads, open files, child processes and temporary files."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil

JOIN_S = 5.0
"""How long a thread may take to end after what it works for has been closed."""


class Held(NamedTuple):
    """What this process holds at a moment; `files` are the targets of its descriptors, where the system tells them."""

    threads: frozenset[threading.Thread]
    files: dict[int, str]
    processes: frozenset[int]
    temporary: frozenset[str]


def look() -> Held:
    me = psutil.Process()
    return Held(
        frozenset(threading.enumerate()),
        dict(_files()),
        frozenset(child.pid for child in me.children(recursive=True)),
        frozenset(path.name for path in Path(tempfile.gettempdir()).iterdir()),
    )


def _files() -> Iterator[tuple[int, str]]:
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 (names are all that is wanted)
        with suppress(OSError):  # of the descriptor that has listed them
            os.fstat(int(name))
            link = Path("/dev/fd", name)
            yield int(name), str(link.readlink()) if link.is_symlink() else name


def left_since(before: Held) -> list[str]:
    """Return what is held now and was not before, after threads had the time to end."""
    for thread in set(threading.enumerate()) - before.threads:
        thread.join(JOIN_S)
    now = look()
    return [
        *(f"thread {thread.name}" for thread in now.threads - before.threads),
        *(f"file {target}" for number, target in now.files.items() if before.files.get(number) != target),
        *(f"process {pid}" for pid in now.processes - before.processes),
        *(f"temporary file {name}" for name in now.temporary - before.temporary),
    ]


@contextmanager
def own_temporary_files(folder: Path) -> Iterator[None]:
    """Let temporary files of this process be made in a folder, in which others make none."""
    before = tempfile.tempdir
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
