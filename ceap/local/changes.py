"""Which files have changed: found by looking at their dates and sizes, again and again."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

INTERVAL_S: Final = 0.1
"""How long to wait between two looks; longer where a look takes more than a hundredth of it."""
SETTLE_S: Final = 0.05
"""How long files must stay the same to be read: an editor may write one twice, or remove it first."""


class Stamp(NamedTuple):
    """What differs when a file was written, or another was moved to its place."""

    modified_ns: int
    size_bytes: int
    inode: int


Stamps: TypeAlias = Mapping[str, Stamp]
"""By path, which is a text: a look at 250 files is twice as fast without their Paths."""


class Changes:
    """The changes of files since a moment: of the modules below some folders, and of all files at other places.

    `interval_s` is how long to wait before the next look.
    """

    def __init__(self, folders: Iterable[Path], places: Iterable[Path]) -> None:
        self._folders: Final = tuple(folders)
        self._places: Final = tuple(places)
        self._named: tuple[Path, ...] = ()
        self.interval_s = INTERVAL_S
        self._stamps = self._look()

    def name(self, *places: Path) -> None:
        """Watch these places, too, instead of those that were named before."""
        self._named = places
        kept = {path: stamp for path, stamp in self._stamps.items() if not _is_at(path, places)}
        self._stamps = kept | {path: stamp for path, stamp in self._look().items() if _is_at(path, places)}

    def renew(self) -> None:
        """Count from now on."""
        self._stamps = self._look()

    def find(self) -> Mapping[Path, Stamp | None]:
        """Return the files that have changed, with their new stamps; None: the file is gone."""
        now = self._look()
        paths = sorted(self._stamps.keys() | now.keys()) if now != self._stamps else []
        return {Path(path): now.get(path) for path in paths if self._stamps.get(path) != now.get(path)}

    def wait(self) -> list[Path]:
        """Wait until files have changed and change no more, and return them."""
        while not (found := self.find()):
            time.sleep(self.interval_s)
        while True:
            time.sleep(SETTLE_S)
            if (again := self.find()) == found:
                return list(found)
            found = again

    def _look(self) -> Stamps:
        began = time.thread_time()
        stamps: dict[str, Stamp] = {}
        for folder in self._folders:
            stamps.update(_read_stamps(folder, only_modules=True))
        for place in (*self._places, *self._named):
            stamps.update(_read_stamps(place, only_modules=False))
        self.interval_s = max(INTERVAL_S, 100 * (time.thread_time() - began))
        return stamps


def _read_stamps(place: Path, *, only_modules: bool) -> dict[str, Stamp]:
    """Return the stamps of a file, or of all files below a folder; empty if there is nothing."""
    stamps: dict[str, Stamp] = {}
    try:
        status = place.stat()
    except OSError:
        return {}
    if not stat.S_ISDIR(status.st_mode):
        return {str(place): _stamp(status)}
    folders = [str(place)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if only_modules and entry.name.startswith((".", "__pycache__")):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif not only_modules or entry.name.endswith(".py"):
                        stamps[entry.path] = _stamp(entry.stat())
        except OSError:  # it has just gone: the next look will tell
            continue
    return stamps


def _stamp(status: os.stat_result) -> Stamp:
    return Stamp(status.st_mtime_ns, status.st_size, status.st_ino)


def _is_at(path: str, places: Iterable[Path]) -> bool:
    return any(Path(path).is_relative_to(place) for place in places)
