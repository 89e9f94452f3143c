"""The sets of packages that handlers name in NEEDS: what a function has beside the packages that all functions have.

A set is `handlers/packages/NAME.in`, which lists packages, and `NAME.txt`, which locks them.
"""

import re
from pathlib import Path
from typing import Any, Final

import handlers
from templates import naming
from templates.words import allowed, shown

BASE_LOCK: Final = "requirements.txt"
"""What every function has; in the folder of the handlers, as `FOLDER` is."""
FOLDER: Final = "packages"
_NAME: Final = re.compile("[a-z][a-z0-9]*(_[a-z0-9]+)*")

_PIN: Final = re.compile(r"^([\w.-]+)(?:\[[^]]*\])?==([^\s;\\]+)", re.MULTILINE)


def find_sets() -> dict[str, Path]:
    """Return the lock of each set by the set's name, sorted, whether or not it has been made."""
    found: dict[str, Path] = {}
    for folder in handlers.__path__:
        for path in Path(folder, FOLDER).glob("*.*"):
            if path.suffix in {".in", ".txt"}:
                found.setdefault(path.stem, path.with_suffix(".txt"))
    return dict(sorted(found.items()))


def set_problem(name: Any) -> str | None:
    """Return what is wrong with what NEEDS name as their set, with the cure; None if nothing is."""
    place = f"handlers/{FOLDER}/"
    if name is None:
        return None
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"is {shown(name)}; name a set by lower-case words, e.g. tables, which {place}tables.in lists"
    if name == naming.BASE_SET:
        return f"is {name!r}, the name of the packages that every function has; leave it out, or name another set"
    sets = find_sets()
    if name not in sets:
        other = f"; {allowed(name, sets)}" if sets else ""
        return f"is {name!r}, but there is no {place}{name}.in; write it, then call `make lock`{other}"
    if not sets[name].is_file():
        return f"is {name!r}, but {place}{name}.in is not locked; call `make lock`, which writes {name}.txt"
    return None


def read_pins(text: str) -> dict[str, str]:
    """Return the version that a lock gives each package, by normalized name."""
    return {normalize(name): version for name, version in _PIN.findall(text)}


def normalize(name: str) -> str:
    """Return the one form of a package's name. Source: Python packaging specifications, "Names and normalization"."""
    return re.sub(r"[-_.]+", "-", name).lower()
