"""The wheels that the Lambda functions import: fetched for the Lambda runtime, and only as pinned."""

import hashlib
import io
import os
import re
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path
from typing import Final

from ceap import signals
from ceap.errors import SetupError, UsageError
from ceap.files import make_folder, remove_folder
from templates import lambda_runtime

MACHINE: Final = {"arm64": "aarch64", "x86_64": "x86_64"}[lambda_runtime.ARCHITECTURE]
GLIBC_MINOR: Final = 34
"""Of glibc 2.34, that of Amazon Linux 2023. Source: Lambda Developer Guide, "Lambda runtimes"."""
# pip takes a wheel only for a platform that it was given by name, the first one best.
PLATFORMS: Final = (
    *(f"manylinux_2_{minor}_{MACHINE}" for minor in range(GLIBC_MINOR, 16, -1)),
    f"manylinux2014_{MACHINE}",
)


def fetch_wheels(requirements: Path, cache: Path) -> list[Path]:
    """Return the wheels of a requirements file, sorted by name; pip fetches those that are not in `cache`.

    Every requirement is pinned to a version and to hashes, and every wheel, cached ones too, is compared with them.

    Raises:
        UsageError: the file is missing, a requirement is not pinned, a wheel is not what is pinned, or
            the cache cannot be written.
        SetupError: pip cannot fetch a wheel: no network, or none for the Lambda runtime.
    """
    try:
        text = requirements.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{requirements}: cannot be read: {error}; `make lock` writes it") from None
    pinned = pinned_hashes(text, str(requirements))
    if not pinned:
        return []
    folder = cache / hashlib.sha256("\n".join((text, lambda_runtime.PYTHON, *PLATFORMS)).encode()).hexdigest()[:16]
    if not folder.is_dir():
        try:
            cache.mkdir(parents=True, exist_ok=True)
            scratch = make_folder(cache)
            try:
                _download(requirements, scratch)
                (scratch / "wheels").rename(folder)
            finally:
                remove_folder(scratch)
        except OSError as error:
            if not folder.is_dir():  # otherwise another build has fetched the same wheels
                raise UsageError(f"{cache}: cannot be written: {error.strerror}; make it writable") from None
    wheels = sorted(folder.glob("*.whl"))
    for wheel in wheels:
        if hashlib.sha256(wheel.read_bytes()).hexdigest() not in pinned:
            raise UsageError(f"{wheel}: is not what {requirements} pins; remove {folder} and build again")
    return wheels


def pinned_hashes(text: str, name: str) -> frozenset[str]:
    """Return the sha256 hashes of a requirements file; UsageError if one has no exact version or no hash."""
    lines = re.sub(r"(^|\s)#.*", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    for line in filter(str.strip, lines):
        if not re.match(r"[\w.\[\],-]+==\S+.*\s--hash=sha256:[0-9a-f]{64}(\s|$)", line):
            raise UsageError(f"{name}: {line.split()[0]!r} needs an exact version and a hash; `make lock` writes both")
    return frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", text))


def read_wheel(wheel: bytes) -> dict[str, bytes]:
    """Return what a wheel installs beside the handlers, by path; its scripts and data files are left out."""
    files = {}
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        for path in (entry.filename for entry in archive.infolist() if not entry.is_dir()):
            outside = re.match(r"[^/]+\.data/(?P<kind>[^/]+)/(?P<rest>.+)", path)
            if outside is None:
                files[path] = archive.read(path)
            elif outside["kind"] in {"purelib", "platlib"}:
                files[outside["rest"]] = archive.read(path)
    return files


def _download(requirements: Path, scratch: Path) -> None:
    """Fetch the wheels into `wheels/` of a folder, which holds all temporary files, too."""
    print(
        f"fetching the wheels of {requirements.name} for {lambda_runtime.RUNTIME}, {lambda_runtime.ARCHITECTURE}",
        file=sys.stderr,
    )
    command = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--require-hashes", "--implementation=cp"]
    command += [f"--python-version={lambda_runtime.PYTHON}", *(f"--platform={platform}" for platform in PLATFORMS)]
    command += [f"--dest={scratch / 'wheels'}", f"--log={scratch / 'log'}", f"--requirement={requirements}"]
    with signals.held():
        process = subprocess.Popen(  # noqa: S603 - our own interpreter; the only words from outside are two paths
            command,
            env={**os.environ, "TMPDIR": str(scratch)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        signals.begin(process, partial(signals.end_child, process.pid))
    _, said = process.communicate()
    signals.settle(process)
    if process.returncode == 0:
        return
    said = said.strip()
    if "DO NOT MATCH THE HASHES" in said:
        raise UsageError(f"{requirements}: a wheel is not what is pinned. pip says:\n{said}")
    if package := _without_wheel(said, (scratch / "log").read_text(encoding="utf-8", errors="replace")):
        raise SetupError(
            f"{requirements}: {package} has no wheel for {lambda_runtime.RUNTIME} on {lambda_runtime.ARCHITECTURE}, "
            "where the functions run; choose a version that has one, or another package, and call `make lock`"
        )
    raise SetupError(f"{requirements}: cannot be fetched; is the package index reachable? pip says:\n{said}")


def _without_wheel(said: str, log: str) -> str | None:
    """Return the package of which the index has files, but none that pip may take; None if the index has no file."""
    missing = re.search(r"No matching distribution found for ([\w.-]+)(?:\[[^]]*\])?==(\S+)", said)
    if missing is None:
        return None
    name = "[-_.]".join(map(re.escape, re.split("[-_.]", missing[1])))
    is_there = re.search(rf"Skipping link: .*/{name}-{re.escape(missing[2])}[-.]", log, re.IGNORECASE)
    return f"{missing[1]} {missing[2]}" if is_there else None
