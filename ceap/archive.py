"""The files that a deployment uploads, the same on every machine: zips of the Lambda functions, and the Glue jobs."""

import hashlib
import io
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from templates import discovery, naming

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


def read_sources(*folders: Path) -> dict[str, bytes]:
    """Return the Python files of a package, given by the folders of its `__path__`, by their path in the zip."""
    return {
        f"{folder.name}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for folder in folders
        for path in sorted(folder.rglob("*.py"))
        if not path.name.startswith(".")  # of an editor: Emacs locks a file by a link of such a name
    }


def read_scripts(*folders: Path) -> dict[str, bytes]:
    """Return the Glue jobs of folders and the zip of their `lib` by file name; empty without a job."""
    files = [path for folder in folders for path in sorted(folder.glob("*.py")) if discovery.is_job(path)]
    library = {naming.GLUE_LIBRARY: build_zip(read_sources(*(folder / "lib" for folder in folders)))}
    return {path.name: path.read_bytes() for path in files} | (library if files else {})


def upload_prefix(folder: Literal["handlers", "glue"], files: Mapping[str, bytes]) -> str:
    """Return the prefix of files in the artifact bucket: named by all their content, so that none replaces another."""
    digests = [f"{hashlib.sha256(content).hexdigest()} {name}\n" for name, content in sorted(files.items())]
    return f"{folder}/{hashlib.sha256(''.join(digests).encode()).hexdigest()}/"
