"""The packages of the Lambda functions: zips of the handlers and of the wheels they import, one per set of them."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from ceap.archive import build_zip, read_sources
from ceap.deploy.runtime_bytecode import compile_files
from ceap.deploy.wheels import MACHINE, fetch_wheels, read_wheel
from ceap.errors import UsageError
from templates import lambda_runtime, package_sets

UNZIPPED_LIMIT_BYTES: Final = 250 * 1024 * 1024
"""Source: Lambda Developer Guide, "Lambda quotas"."""
ELF_MACHINES: Final = {"x86_64": 62, "aarch64": 183}


class Part(NamedTuple):
    """What a zip holds of one package, unzipped; the handlers and the byte code have no version."""

    name: str
    version: str | None
    size_bytes: int

    def __str__(self) -> str:
        return f"{self.name}{f' {self.version}' if self.version else ''} {self.size_bytes:,}"


class Package(NamedTuple):
    """A zip of the functions and its parts, the largest first."""

    content: bytes
    parts: tuple[Part, ...]


def build_package(handlers: Path, cache: Path, lock: Path | None = None, *, bytecode: bool = False) -> Package:
    """Return the zip of a handlers folder, of the wheels that its requirements.txt pins, and of those of a set's lock.

    With `bytecode` it also holds the byte code of them all, for the Lambda runtime.

    Raises:
        UsageError: a lock is missing or not pinned, two parts hold the same file, a native file is not for
            the Lambda runtime, a handler does not compile there, or all is more than Lambda unzips.
        SetupError: the wheels cannot be fetched, or byte code needs another Python.
    """
    locks = [handlers / package_sets.BASE_LOCK, *([lock] if lock else [])]
    wheels = {wheel.name: wheel for each in locks for wheel in fetch_wheels(each, cache)}
    contents = {name: read_wheel(wheel.read_bytes()) for name, wheel in wheels.items()}
    sources = read_sources(handlers)
    files = merge([(handlers.name, sources), *contents.items()])
    if findings := check_native(files):
        raise UsageError("\n".join(findings))
    parts = [_part(name, content) for name, content in contents.items()] + [Part(handlers.name, None, _size(sources))]
    if bytecode:
        compiled = compile_files(files, handlers.name)
        parts.append(Part(f"byte code for Python {lambda_runtime.PYTHON}", None, _size(compiled)))
        files = merge([("the package", files), ("its byte code", compiled)])
    parts.sort(key=lambda part: (-part.size_bytes, part.name))
    if (size := _size(files)) > UNZIPPED_LIMIT_BYTES:
        cure = "list only what its handlers import, or split the set"
        if lock is None:
            cure = f"move what few handlers import to a set, handlers/{package_sets.FOLDER}/NAME.in"
        raise UsageError(
            f"{locks[-1]}: its zip unzips to {size:,} bytes; Lambda allows {UNZIPPED_LIMIT_BYTES:,}; {cure}; "
            f"its parts, in bytes: {', '.join(map(str, parts))}"
        )
    return Package(build_zip(files), tuple(parts))


def check_locks(locks: Iterable[Path]) -> None:
    """Raise UsageError if two locks give a package different versions: a local run has one for all functions."""
    owners: dict[str, tuple[str, Path]] = {}
    for lock in locks:
        for name, version in package_sets.read_pins(lock.read_text(encoding="utf-8")).items():
            other, owner = owners.setdefault(name, (version, lock))
            if other != version:
                raise UsageError(
                    f"{lock}: locks {name} {version}, but {owner} locks {name} {other}, and .venv can hold only one "
                    "of them, for all functions; call `make lock`, which gives both the same"
                )


def _part(wheel: str, content: Mapping[str, bytes]) -> Part:
    name, version, *_ = wheel.split("-")
    return Part(name, version, _size(content))


def _size(files: Mapping[str, bytes]) -> int:
    return sum(map(len, files.values()))


def merge(parts: Iterable[tuple[str, Mapping[str, bytes]]]) -> dict[str, bytes]:
    """Return the files of all parts, each given with its name; UsageError if two parts hold the same path."""
    files: dict[str, bytes] = {}
    owners: dict[str, str] = {}
    for name, part in parts:
        for path, content in part.items():
            if owners.setdefault(path, name) != name:
                raise UsageError(f"{path}: is in {owners[path]} and in {name}; keep one of them")
            files[path] = content
    return files


def check_native(files: Mapping[str, bytes]) -> list[str]:
    """Return what is wrong with the native files for the Lambda runtime: another machine or another Python."""
    findings = []
    version = lambda_runtime.PYTHON.replace(".", "")
    for path, content in files.items():
        if content.startswith(b"\x7fELF"):
            # e_machine of the ELF header, little-endian on both machines. Source: elf(5).
            if int.from_bytes(content[18:20], "little") != ELF_MACHINES[MACHINE]:
                findings.append(f"{path}: is not built for {MACHINE}, the functions' machine")
        elif re.search(r"\.so(\.\d+)*$|\.dylib$|\.pyd$", path):
            findings.append(f"{path}: is not built for Linux, the functions' system")
        tag = re.search(r"\.cpython-(\d+)", path)
        if tag and path.endswith(".so") and tag[1] != version:
            findings.append(f"{path}: is not built for Python {lambda_runtime.PYTHON}, the functions' runtime")
    return findings
