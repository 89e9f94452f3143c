"""Small wheels for the tests: a few files, zipped and named as pip wants them."""

import hashlib
import zipfile
from pathlib import Path


def make_wheel(
    folder: Path, name: str, files: dict[str, bytes], tag: str = "py3-none-any", version: str = "1.0"
) -> str:
    """Write a wheel; return the line that pins it in a requirements file."""
    info = f"{name}-{version}.dist-info"
    metadata = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
    }
    record = "".join(f"{path},,\n" for path in [*files, *metadata, f"{info}/RECORD"])
    metadata[f"{info}/RECORD"] = record.encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, content in (files | metadata).items():
            archive.writestr(zipfile.ZipInfo(inside), content)
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
