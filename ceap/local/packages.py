"""What a function may import here, of all that is installed: what its zip on AWS and Lambda's runtime hold.

Packages come from this environment, in the versions of the zip: those of its wheels, or, in the zips of a local run,
of the locks that stand for wheels.
"""

import json
import re
import sysconfig
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import handlers
from ceap.archive import build_zip, read_sources
from ceap.errors import SetupError, UsageError
from templates import lambda_runtime, naming, package_sets

_BASE_PLACE: Final = f"handlers/{package_sets.BASE_LOCK}"
_SETS_PLACE: Final = f"handlers/{package_sets.FOLDER}"
_WHEELS: Final = "*.dist-info"
_MODULES: Final = (".py", ".so", ".pyd")
_MISSING: Final = re.compile(r"No module named '([\w.]+)'")


State: TypeAlias = tuple[tuple[str, int], ...]
"""The folders of packages, each with the time of its last change: what was read of them holds so long."""


class Distribution(NamedTuple):
    """An installed distribution: `units` are the modules and packages that come with it, each with all below it."""

    name: str
    version: str
    units: frozenset[str]


def package_folders() -> list[str]:
    """Return where the third-party packages are installed."""
    return list(dict.fromkeys(sysconfig.get_paths()[kind] for kind in ("purelib", "platlib")))


def build_zips() -> dict[str, bytes]:
    """Return the functions' zips of a local run by file name: one per set that is locked, and that without a set.

    Raises:
        UsageError: The packages that every function has are not locked.
    """
    base = _base_lock()
    if base is None:
        raise UsageError(f"{_BASE_PLACE}: is missing, which locks what every function has; `make lock` writes it")
    files = read_sources(*map(Path, handlers.__path__)) | {_BASE_PLACE: base.read_bytes()}
    locks = {name: lock.read_bytes() for name, lock in package_sets.find_sets().items() if lock.is_file()}
    zips = {naming.zip_name(None): build_zip(files)}
    for name, lock in locks.items():
        zips[naming.zip_name(name)] = build_zip(files | {f"{_SETS_PLACE}/{name}.txt": lock})
    return zips


def check_installed(root: Path) -> None:
    """Raise SetupError if a package that an unpacked zip holds, or locks, is not here in that version."""
    installed = _installed(_state())
    for place, pins in _locks(root):
        for name, version in pins.items():
            found = installed.get(name)
            if found is None or _plain(found.version) != _plain(version):
                is_what = f"is installed in version {found.version}" if found else "is not installed"
                raise SetupError(
                    f"{place}: {name} {version} is locked, but {name} {is_what} here, where functions would import it; "
                    "call `make check`: each target of make installs what is locked"
                )


def remove_wheels(root: Path) -> None:
    """Remove the files of wheels from an unpacked zip, all but the folder that tells name and version of each.

    They are made for the machine and the Python of Lambda, which need not be those of this environment.
    Source: Python packaging specifications, "Recording installed projects".
    """
    root = root.resolve()
    for info in root.glob(_WHEELS):
        for path in _recorded(info):
            # RECORD has the paths before the installation: what is in .data/ has been moved.
            file = (root / re.sub(r"^[^/]+\.data/(purelib|platlib)/", "", path)).resolve()
            if root in file.parents and info not in file.parents and file.is_file():
                file.unlink()
                _remove_empty(file.parent)


def _remove_empty(folder: Path) -> None:
    """Remove a folder and those above it as long as they are empty: an empty one could be imported."""
    while not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _plain(version: str) -> str:
    """Return a version as locks write it: the folders of some packages have the zeros of 2026.07."""
    return re.sub(r"\b0+(?=\d)", "", version)


def lacking_file(root: Path) -> Path:
    """Return the file, beside the code in a folder, that tells `child/worker.py` what the code lacks."""
    return root.with_name(f"{root.name}-lacking.json")


def write_lacking(root: Path) -> Path:
    """Write and return the file that tells what the code in a folder lacks."""
    path = lacking_file(root)
    path.write_text(json.dumps(lacking_of(root)), encoding="utf-8")
    return path


def missing_module(text: str) -> str | None:
    """Return the module that Python does not find; None if a text tells of none."""
    missing = _MISSING.match(text)
    return missing[1] if missing else None


def cure_import(root: Path, text: str) -> str | None:
    """Return the cure for a module that Python does not find; None if it is not one that the function's zip lacks."""
    missing = missing_module(text)
    if missing is None or (owner := lacking_of(root).get(missing)) is None:
        return None
    sets = [place for place, _ in _locks(root) if place.startswith(_SETS_PLACE)]
    cure = (
        f"list it in {sets[0].removesuffix('.txt')}.in and call `make lock`"
        if sets
        else f"list it in a set, e.g. {_SETS_PLACE}/tables.in, call `make lock`, and name the set in NEEDS: "
        'packages="tables"'
    )
    return f"{owner or missing} is installed here, but the function's zip does not hold it; {cure}"


def lacking_everywhere() -> Mapping[str, str]:
    """Return what functions lack whose zip holds no set, as `write_lacking` writes it."""
    base = _base_lock()
    return _find_lacking(frozenset(package_sets.read_pins(base.read_text(encoding="utf-8")) if base else ()), _state())


def lacking_of(root: Path) -> Mapping[str, str]:
    """Return the installed modules that the code in a folder lacks on AWS, each with its distribution."""
    return _find_lacking(frozenset(name for _, pins in _locks(root) for name in pins), _state())


@lru_cache(maxsize=64)
def _find_lacking(packaged: frozenset[str], state: State) -> Mapping[str, str]:
    """Return the installed modules that are not of these packages, nor of the runtime, each with its distribution."""
    allowed = packaged | {package_sets.normalize(name) for name in lambda_runtime.PACKAGES}
    installed = _installed(state)
    units = {unit for name in allowed & installed.keys() for unit in installed[name].units}
    ancestors = {unit[: match.start()] for unit in units for match in re.finditer(r"\.", unit)}
    lacking = dict.fromkeys(_at_top(), "") | {
        unit: each.name for name, each in installed.items() if name not in allowed for unit in each.units
    }
    return {module: owner for module, owner in lacking.items() if module not in units | ancestors}


def _base_lock() -> Path | None:
    locks = (Path(folder, package_sets.BASE_LOCK) for folder in handlers.__path__)
    return next((lock for lock in locks if lock.is_file()), None)


def _locks(root: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the place and the pins of each lock and of each wheel in the code of a function."""
    for path in (root / _BASE_PLACE, *sorted(root.glob(f"{_SETS_PLACE}/*.txt"))):
        if path.is_file():
            yield path.relative_to(root).as_posix(), package_sets.read_pins(path.read_text(encoding="utf-8"))
    for info in sorted(root.glob(_WHEELS)):
        name, version = _name_and_version(info)
        yield info.name, {package_sets.normalize(name): version}


def _name_and_version(info: Path) -> tuple[str, str]:
    name, _, version = info.stem.rpartition("-")
    return name, version


def _recorded(info: Path) -> list[str]:
    """Return the paths of a distribution's files; none if it has no record."""
    record = info / "RECORD"
    lines = record.read_text(encoding="utf-8").splitlines() if record.is_file() else []
    return [line.partition(",")[0] for line in lines]


def _state() -> State:
    return tuple((folder, Path(folder).stat().st_mtime_ns) for folder in package_folders())


@lru_cache(maxsize=1)
def _installed(state: State) -> Mapping[str, Distribution]:
    """Return what is installed, by normalized name; what is not on record has no files that could be told apart."""
    found: dict[str, Distribution] = {}
    for folder, _ in state:
        for info in Path(folder).glob(_WHEELS):
            name, version = _name_and_version(info)
            found.setdefault(package_sets.normalize(name), Distribution(name, version, _units(_recorded(info))))
    return found


def _at_top() -> Iterator[str]:
    """Yield the modules and folders where packages are installed, those that are not on record too."""
    for folder in map(Path, package_folders()):
        for path in folder.iterdir():
            name = path.name.partition(".")[0]
            if name.isidentifier() and (name == path.name or path.suffix in _MODULES):
                yield name


def _units(paths: list[str]) -> frozenset[str]:
    """Return the topmost packages and the modules outside of them, as dotted names, of files by their paths."""
    modules = [path for path in paths if path.endswith(_MODULES)]
    packages = {path[:end] for path in modules if (end := path.rfind("/__init__.")) > 0}
    units = set()
    for path in modules:
        unit, *below = path.split("/") if path.partition("/")[0] not in packages else [path.partition("/")[0]]
        while below and unit not in packages:
            unit = f"{unit}/{below.pop(0)}"
        units.add(unit)
    names = (".".join(part.partition(".")[0] for part in unit.split("/")) for unit in units)
    return frozenset(name for name in names if all(map(str.isidentifier, name.split("."))))
