"""AWS's own cfn-guard: a binary for each system, inside a wheel whose Python code is not used."""

import functools
import hashlib
import json
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from ceap.errors import SetupError

DISTRIBUTION: Final = "cdklabs.cdk-validator-cfnguard"
VERSION: Final = "0.0.62"
"""The wheel that holds cfn-guard 3.1.1; `pyproject.toml` requires it exactly, for its binaries are known by hash."""

_BINARIES: Final = {
    ("Linux", "x86_64"): ("ubuntu/x86_64", "9c7a820318676dc7372f6756ddfc7ca5f0c019299fb5505fda6dfd54718c58bd"),
    ("Linux", "aarch64"): ("ubuntu/aarch64", "f596043df77b6e839759e90e3d08671b5384c6e07d4a9c34f6d0bfbc76148154"),
    ("Darwin", "x86_64"): ("macos/x86_64", "3e8118e3c4cd98901b3a21b7037a40674023945349ad4661f1a7101f2d96c31f"),
    ("Darwin", "arm64"): ("macos/aarch64", "89e97faaabb5431bc16d0487b5c8e67573e3f84e397b87985bfb02c2bdd4f46a"),
}
_VALIDATE: Final = ("validate", "--payload", "--structured", "--output-format", "json", "--show-summary", "none")
_JUDGED: Final = (0, 19)
"""The exit codes of `validate` when nothing failed and when a rule did; any other is an error."""

_CURE: Final = f"run `make clean`, then `make check`, or pip install --no-deps {DISTRIBUTION}=={VERSION}"


_running: Final[set[subprocess.Popen[bytes]]] = set()


class GuardError(Exception):
    """cfn-guard gave no verdict; the message is its own."""


@functools.cache
def find_engine() -> Path:
    """Return cfn-guard, in the environment's folder of programs; the first call takes it out of its wheel.

    Raises:
        SetupError: there is none for this system, or it cannot be put there.
    """
    system = platform.system(), platform.machine()
    if system not in _BINARIES:
        supported = ", ".join(" ".join(known) for known in _BINARIES)
        raise SetupError(f"cfn-guard, which judges the rules, has no build for {' '.join(system)}; use {supported}")
    inside, digest = _BINARIES[system]
    engine = Path(sys.prefix, "bin", "cfn-guard")
    if not (engine.is_file() and os.access(engine, os.X_OK) and _digest(engine.read_bytes()) == digest):
        _write_program(engine, _read_binary(f"package/bin/{inside}/cfn-guard", digest))
    return engine


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read_binary(member: str, digest: str) -> bytes:
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        [archive] = [file for file in distribution(DISTRIBUTION).files or () if file.suffix == ".tgz"]
        with tarfile.open(archive.locate()) as tar:
            stream = tar.extractfile(member)
            content = stream.read() if stream else b""
    except (PackageNotFoundError, ValueError, OSError, KeyError, tarfile.TarError):
        raise SetupError(
            f"{sys.prefix}: {DISTRIBUTION} {VERSION}, which holds cfn-guard, is missing; {_CURE}"
        ) from None
    if _digest(content) != digest:
        raise SetupError(f"{archive.locate()}: holds another cfn-guard than that of {VERSION}; {_CURE}")
    return content


def _write_program(path: Path, content: bytes) -> None:
    """Write a program beside its place and move it there, so that it is never started half-written."""
    try:
        handle, beside = tempfile.mkstemp(prefix=".cfn-guard.", dir=path.parent)
        try:
            with open(handle, "wb") as stream:  # noqa: PTH123 (a handle, not a path)
                stream.write(content)
            Path(beside).chmod(0o755)
            Path(beside).replace(path)
        finally:
            Path(beside).unlink(missing_ok=True)
    except OSError as error:
        cure = "run `ceap check` once as the owner of the folder"
        raise SetupError(f"{path}: cfn-guard cannot be put there: {error.strerror}; {cure}") from None


def run_engine(rules: Sequence[str], data: Sequence[str]) -> list[dict[str, Any]]:
    """Return cfn-guard's report on each of the templates in JSON, in their order, all rule files together.

    A report holds the names `compliant`, `not_applicable`, and the failed rules with their clauses, `not_compliant`.

    Raises:
        GuardError: it did not judge, or not everything.
        SetupError: it cannot be run, or was ended.
    """
    payload = json.dumps({"rules": rules, "data": data}).encode()
    with _start() as process:
        _running.add(process)
        try:
            output, errors = process.communicate(payload)
        finally:
            _running.discard(process)
    if process.returncode < 0:
        raise SetupError(f"{find_engine()}: was ended by signal {-process.returncode}; run `ceap check` again")
    complaint = " ".join(errors.decode(errors="replace").split())
    # It prints a report even when rules do not parse: those are not in it.
    if process.returncode not in _JUDGED or complaint:
        raise GuardError(complaint or f"it ended with exit code {process.returncode}")
    try:
        reports: list[dict[str, Any]] = msgspec.json.decode(output)
    except msgspec.DecodeError as error:
        raise GuardError(f"its report is not JSON: {error}") from None
    if [report["name"] for report in reports] != [f"DATA_STDIN[{number}]" for number in range(1, len(data) + 1)]:
        raise GuardError(f"it reported on {len(reports)} of {len(data)} templates")
    return reports


def _start() -> subprocess.Popen[bytes]:
    engine, pipe = find_engine(), subprocess.PIPE
    try:
        return subprocess.Popen([engine, *_VALIDATE], stdin=pipe, stdout=pipe, stderr=pipe)  # noqa: S603 (known by its hash)
    except OSError as error:
        raise SetupError(f"{engine}: cannot be run: {error.strerror}; mount its folder without noexec") from None


def stop_engines() -> None:
    """Kill every running cfn-guard process; `run_engine` then raises SetupError in the threads that started them."""
    for process in list(_running):
        process.kill()
