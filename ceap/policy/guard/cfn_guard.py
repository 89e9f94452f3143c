"""AWS's own cfn-guard: a binary for each system, inside a wheel whose Python code is not used."""

import functools
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from ceap import signals
from ceap.errors import SetupError
from ceap.policy.guard.engine import Clause, EngineReport, GuardError, GuardSyntaxError, Verdict, one_line, one_of

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

_AFTER_FILE: Final = re.compile(r"^.*RULES_STDIN\[\d+\] ")
"""What stands before the place where rules do not parse: the file, by its number."""

_CURE: Final = f"run `make clean`, then `make check`, or pip install --no-deps {DISTRIBUTION}=={VERSION}"


_running: Final[set[subprocess.Popen[bytes]]] = set()


def missing_build() -> str | None:
    """Return what a system lacks for which there is no cfn-guard, and which have it; None where there is one."""
    if _system() in _BINARIES:
        return None
    supported = ", ".join(" ".join(known) for known in _BINARIES)
    return f"cfn-guard, which judges the rules, has no build for {' '.join(_system())}, only for {supported}"


def _system() -> tuple[str, str]:
    return platform.system(), platform.machine()


@functools.cache
def find_engine() -> Path:
    """Return cfn-guard, in the environment's folder of programs; the first call takes it out of its wheel.

    Raises:
        SetupError: there is none for this system, or it cannot be put there.
    """
    if missing := missing_build():
        raise SetupError(missing)
    inside, digest = _BINARIES[_system()]
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
        with signals.held():
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


def run_engine(rules: Sequence[str], data: Sequence[str]) -> list[EngineReport]:
    """Judge as `Engine` says, in one process."""
    payload = json.dumps({"rules": rules, "data": data}).encode()
    with signals.starting():
        process = _start()
        _running.add(process)
        signals.begin(process, partial(signals.end_child, process.pid))
    with process:
        try:
            output, errors = process.communicate(payload)
        finally:
            _running.discard(process)
            signals.settle(process)
    if process.returncode < 0:
        raise SetupError(f"{find_engine()}: was ended by signal {-process.returncode}; run `ceap check` again")
    complaint = " ".join(errors.decode(errors="replace").split())
    # It prints a report even when rules do not parse: those are not in it.
    if "Parsing error handling rule file" in complaint:
        raise GuardSyntaxError(_AFTER_FILE.sub("", complaint).strip("`- "))
    if process.returncode not in _JUDGED or complaint:
        raise GuardError(complaint or f"it ended with exit code {process.returncode}")
    try:
        reports: list[dict[str, Any]] = msgspec.json.decode(output)
    except msgspec.DecodeError as error:
        raise GuardError(f"its report is not JSON: {error}") from None
    if [report["name"] for report in reports] != [f"DATA_STDIN[{number}]" for number in range(1, len(data) + 1)]:
        raise GuardError(f"it reported on {len(reports)} of {len(data)} templates")
    return [_read_report(report) for report in reports]


def _start() -> subprocess.Popen[bytes]:
    engine, pipe = find_engine(), subprocess.PIPE
    try:
        return subprocess.Popen([engine, *_VALIDATE], stdin=pipe, stdout=pipe, stderr=pipe)  # noqa: S603 (known by its hash)
    except OSError as error:
        raise SetupError(f"{engine}: cannot be run: {error.strerror}; mount its folder without noexec") from None


def stop_engines() -> None:
    """Kill every running cfn-guard process."""
    for process in list(_running):
        process.kill()


def _read_report(report: dict[str, Any]) -> EngineReport:
    verdicts: dict[str, Verdict] = dict.fromkeys(report["not_applicable"], "SKIP")
    verdicts |= dict.fromkeys(report["compliant"], "PASS")
    failed = [(entry["Rule"]["name"], list(_failed_clauses(entry))) for entry in report["not_compliant"]]
    return EngineReport(verdicts | dict.fromkeys((rule for rule, _ in failed), "FAIL"), failed)


def _failed_clauses(node: dict[str, Any]) -> Iterator[Clause]:
    """Yield the failed clauses below a node of the report."""
    [(kind, body)] = node.items()
    if kind == "Clause":
        [body] = body.values()
        # The comparisons by which `X[ keys == ... ]` looks for a key: the clause around them is there too.
        if body["context"]:
            yield _clause(body)
    elif kind == "Block":
        missing = body["unresolved"] or {"traversed_to": {"path": ""}, "remaining_query": body["context"]}
        yield Clause(missing["traversed_to"]["path"], "", f"{missing['remaining_query']} exists")
    else:
        below = [clause for check in body["checks"] for clause in _failed_clauses(check)]
        # The message of a rule with parameters stands where it is called.
        outer = one_line(body["messages"]["custom_message"]) if kind == "Rule" else ""
        if kind == "Disjunctions":
            below = one_of(below)
        yield from (Clause(clause.path, clause.message or outer, clause.text) for clause in below)


def _clause(body: dict[str, Any]) -> Clause:
    [(kind, check)] = body["check"].items()
    text = " ".join(body["context"].split())
    path = ""
    match kind, check:
        case "UnResolvedContext", str(name):  # nothing is there; or the name of a rule, without its place in the file
            text = " ".join(name.split())
        case "UnResolved", {"value": {"traversed_to": {"path": str(path)}}}:
            pass
        case "Resolved", {"value": {"path": str(path)}}:
            pass
        case "Resolved" | "InResolved", {"from": {"path": str(path)}}:
            pass
    return Clause(path, one_line(body["messages"]["custom_message"]), text)
