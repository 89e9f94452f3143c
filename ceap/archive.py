"""What a deployment uploads: the zip of the Lambda functions, the same bytes on every machine, and the Glue scripts."""

from __future__ import annotations

import hashlib
import io
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold


def build_zip(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of the files, whose keys are paths with slashes.

    Sorted entries, one date, mode 0644 and no compression: zlib's bytes differ between its versions and builds, so a
    compressed zip would have another sha256, and so another S3 key, on another machine.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path, content in sorted(files.items()):
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.create_system = 3  # Unix, on every system: the mode below is read only then
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def read_sources(package: Path) -> dict[str, bytes]:
    """Return the Python files of a package by their path in the zip, e.g. `handlers/etl.py`."""
    return {
        f"{package.name}/{path.relative_to(package).as_posix()}": path.read_bytes()
        for path in sorted(package.rglob("*.py"))
    }


def handlers_key(package: bytes) -> str:
    """Return the key of a package in the artifact bucket: named by its content, so that a version is never replaced."""
    return f"handlers/{hashlib.sha256(package).hexdigest()}.zip"


def read_scripts(folder: Path) -> dict[str, bytes]:
    """Return the Glue scripts of a folder by file name; none where there is no such folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.py"))}


def glue_prefix(scripts: Mapping[str, bytes]) -> str:
    """Return the prefix of Glue scripts, given by file name, in the artifact bucket: named by all their content."""
    digests = [f"{hashlib.sha256(content).hexdigest()} {name}\n" for name, content in sorted(scripts.items())]
    return f"glue/{hashlib.sha256(''.join(digests).encode()).hexdigest()}/"
