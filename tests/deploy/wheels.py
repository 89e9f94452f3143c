"""Small wheels for the tests: a few files, zipped and named as pip wants them."""

import hashlib
import zipfile
from pathlib import Path


def make_wheel(folder: Path, name: str, files: dict[str, bytes], tag: str = "py3-none-any") -> str:
    """Write a wheel of version 1.0; return the line that pins it in a requirements file."""
    info = f"{name}-1.0.dist-info"
    metadata = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
        f"{info}/RECORD": b"",
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, content in (files | metadata).items():
            archive.writestr(zipfile.ZipInfo(inside), content)
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
