"""The package of the Lambda functions: one zip of the handlers and of the wheels they import."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from ceap.archive import build_zip, read_sources
from ceap.deploy.wheels import MACHINE, fetch_wheels, read_wheel
from ceap.errors import UsageError
from templates import lambda_runtime

UNZIPPED_LIMIT_BYTES: Final = 250 * 1024 * 1024
"""Source: Lambda Developer Guide, "Lambda quotas"."""
ELF_MACHINES: Final = {"x86_64": 62, "aarch64": 183}


def build_package(handlers: Path, cache: Path) -> bytes:
    """Return the zip of a handlers folder and of the wheels that its requirements.txt pins.

    Raises:
        UsageError: the requirements are missing or not pinned, two parts hold the same file, a native file is not for
            the Lambda runtime, or all is more than Lambda unzips.
        SetupError: the wheels cannot be fetched.
    """
    wheels = fetch_wheels(handlers / "requirements.txt", cache)
    parts = [(handlers.name, read_sources(handlers)), *((w.name, read_wheel(w.read_bytes())) for w in wheels)]
    files = merge(parts)
    if findings := check_native(files):
        raise UsageError("\n".join(findings))
    if (size := sum(map(len, files.values()))) > UNZIPPED_LIMIT_BYTES:
        raise UsageError(f"the package unzips to {size:,} bytes; Lambda allows {UNZIPPED_LIMIT_BYTES:,}; drop some")
    return build_zip(files)


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
