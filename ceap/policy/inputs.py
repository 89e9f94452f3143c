"""What a verdict depends on besides its template: all that judges it, as one digest.

Of what lies in a repository, contents are read, not times: a check-out changes files without making them newer.
"""

import hashlib
import os
import platform
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Final

import handlers
from templates import discovery

_ROOT: Final = Path(__file__).resolve().parents[2]
_CODE: Final = ("ceap", "templates", "guard_rules")
"""Folders with what judges: checks, rules, their catalogue, the generator that sizes are compared with."""

_INSTALLED: Final = (".dist-info", ".egg-info")

_PYTHON: Final = tuple(os.path.join(folder, "") for folder in (Path(os.__file__).parent, sysconfig.get_path("scripts")))  # noqa: PTH118
_PACKAGES: Final = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
"""Where modules lie that versions tell of: those of Python, and those of what is installed."""


def read_inputs() -> str | None:
    """Return the digest of ceap, the handlers, the jobs, what is installed, and the day; None if one cannot be read.

    The day is the one by which cfn-lint tells whether AWS still takes a runtime: that of this machine's clock. The
    handlers are all of `handlers/`, for their NEEDS and what they import to make them.
    """
    try:
        return _digest()
    except OSError:
        return None


def _digest() -> str:
    digest = hashlib.sha256()
    machine = (sys.version, sys.platform, platform.machine(), date.today().isoformat())  # noqa: DTZ011 (as cfn-lint)
    for text in (*machine, *_installed()):
        _add(digest, text.encode())
    folders = [*(_ROOT / name for name in _CODE), *map(Path, handlers.__path__), *discovery.JOB_FOLDERS]
    for folder in folders:
        for file in _files(folder):
            _add(digest, os.fsencode(file))
            _add(digest, file.read_bytes())
    for name in _modules_elsewhere(folders):
        _add(digest, os.fsencode(name))
    return digest.hexdigest()


def _modules_elsewhere(folders: Iterable[Path]) -> list[str]:
    """Return the files of loaded modules that the digest does not stand for, such as one that a handler imports.

    Who compares the digest with that from before the import sees that there is one, and that it cannot know all.
    """
    known = (*_PYTHON, *(os.path.join(folder, "") for folder in folders))  # noqa: PTH118
    files = {str(getattr(module, "__file__", None) or "") for module in [*sys.modules.values()]}
    return sorted(file for file in files if file and not file.startswith(known) and not _is_installed(file))


def _is_installed(file: str) -> bool:
    return any(part in file for part in _PACKAGES)


def _installed() -> list[str]:
    """Return names and versions of all that is installed, as the names of folders tell them; reading each is slow.

    With the time at which each was made: the same version may be installed again with other content.
    """
    folders = [Path(folder) for folder in sys.path if Path(folder).is_dir()]
    entries = [entry for folder in folders for entry in os.scandir(folder) if entry.name.endswith(_INSTALLED)]
    return sorted(f"{entry.name} {entry.stat().st_mtime_ns}" for entry in entries)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()) if folder.exists() else ():
        if path.is_dir() and path.name != "__pycache__":
            if path.is_symlink():
                raise OSError(f"{path} is a link, which may lead anywhere, and round")
            yield from _files(path)
        elif path.is_file():
            yield path


def _add(digest: "hashlib._Hash", content: bytes) -> None:
    digest.update(len(content).to_bytes(8))
    digest.update(content)
