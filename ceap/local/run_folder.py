"""The folder of a run that was kept: what is where in it, and how an object of the workflow bucket is found again.

An object lies at the path that its key is; one whose key is no safe path, or is taken, lies in `other-objects/`, and
`names.json` has the key of each such path.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

REPORT: Final = "report.json"
NAMES: Final = "names.json"
EVENTS: Final = "events.jsonl"
DEAD_LETTERS: Final = "dead-letters.jsonl"
ALERTS: Final = "alerts.jsonl"
LATEST: Final = "latest"
"""The link beside the folders of runs that leads to the newest; where there are no links, a file with its name."""
NAME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z(-\d\d+)?")
"""What the folder of a run is called: when it began, in UTC."""

_OTHERS: Final = "other-objects"
# What is no object of the bucket, in any spelling: not every file system tells upper case from lower.
_OWN_FILES: Final = "|".join(map(re.escape, (REPORT, NAMES, EVENTS, DEAD_LETTERS, ALERTS)))
_OWN: Final = re.compile(rf"({_OWN_FILES}|tables|{_OTHERS}|executions/[^/]+/logs)(/.*)?", re.IGNORECASE)
# Names that every file system takes as they are: no device of Windows, no dot or space at the end, not too long.
_PATH_MAX: Final = 500
_SEGMENT: Final = re.compile(r"(?!\.)[A-Za-z0-9_=+@,(). -]{1,200}(?<![. ])")
_DEVICE: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)\b", re.IGNORECASE)


class SafePaths:
    """Gives every key a path of its own below a folder, also where upper and lower case are one."""

    def __init__(self) -> None:
        self.keys: Final[dict[str, str]] = {}
        """The keys that are not their own path, by path."""
        self._spellings: Final[dict[str, tuple[str, bool]]] = {"executions": ("executions", False)}
        """Every file and folder by its name in lower case: as it is spelt, and whether it is a file."""

    def assign(self, key: str) -> str:
        """Return the path of an object; call it once for each key."""
        return key if not _OWN.fullmatch(key) and self._take(key) else self._number(key)

    def assign_own(self, path: str) -> str:
        """Return the path of a file that is no object: the given one, if that is safe."""
        return path if self._take(path) else self._number(path)

    def _take(self, path: str) -> bool:
        parts = path.split("/")
        if len(path) > _PATH_MAX or not all(_SEGMENT.fullmatch(part) and not _DEVICE.match(part) for part in parts):
            return False
        folders = ["/".join(parts[:end]) for end in range(1, len(parts))]
        if path.lower() in self._spellings:
            return False
        if any(self._spellings.get(folder.lower(), (folder, False)) != (folder, False) for folder in folders):
            return False
        self._spellings.update({folder.lower(): (folder, False) for folder in folders} | {path.lower(): (path, True)})
        return True

    def _number(self, key: str) -> str:
        path = f"{_OTHERS}/{len(self.keys) + 1}-{re.sub(r'[^A-Za-z0-9]+', '-', key)[-60:].strip('-')}".rstrip("-")
        self.keys[path] = key
        return path


def is_run(folder: Path) -> bool:
    return (folder / REPORT).is_file()


def resolve_latest(path: Path) -> Path:
    """Return a path with the folder that `latest` in it stands for now; any other path as it is."""
    for place in (path, *path.parents):
        if place.name == LATEST and (place.is_symlink() or place.is_file()):
            target = str(place.readlink()) if place.is_symlink() else place.read_text("utf-8", errors="replace").strip()
            return place.with_name(target) / path.relative_to(place) if NAME.fullmatch(target) else path
    return path


def find_objects(folder: Path) -> Mapping[str, Path]:
    """Return the file of each object of the bucket, by key; ValueError if `names.json` is not as a run writes it."""
    names = folder / NAMES
    keys = msgspec.convert(json.loads(names.read_bytes()), dict[str, str]) if names.is_file() else {}
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {keys.get(path, path): file for path, file in found.items() if path in keys or not _OWN.fullmatch(path)}
