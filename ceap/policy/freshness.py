"""Whether what is committed is what the declarations generate now."""

from __future__ import annotations

from collections.abc import Iterable
from os.path import relpath
from pathlib import Path
from typing import Final

from ceap.policy.finding import Finding

FRESH: Final = "GEN01_FRESH"
INLINE_SIZE: Final = "GEN02_INLINE_SIZE"
INLINE_MAX: Final = 51_200
"""The largest template, in bytes, that deploys without an S3 bucket for it (CloudFormation quotas)."""

_CURE: Final = "fix: run `make templates` and commit what it writes"


def check_generated(files: Iterable[tuple[Path, str]], folder: Path) -> list[Finding]:
    """Return what differs between the generated files and the disk.

    `files` are path and text of all that the declarations generate; nothing else may stand in `folder`.
    """
    findings: list[Finding] = []
    expected = set()
    for path, text in files:
        expected.add(path)
        findings += _check_file(path, text.encode("utf-8"))
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path not in expected:
            text = "[GEN01] no declaration generates this file | fix: remove it"
            findings.append(Finding(relpath(path), 1, FRESH, text))
    return findings


def _check_file(path: Path, content: bytes) -> list[Finding]:
    file = relpath(path)
    if path.suffix == ".yaml" and len(content) > INLINE_MAX:
        text = f"[GEN02] {len(content)} bytes, and {INLINE_MAX} deploy inline | fix: split the workflow"
        return [Finding(file, 1, INLINE_SIZE, text), *_check_content(path, file, content)]
    return _check_content(path, file, content)


def _check_content(path: Path, file: str, content: bytes) -> list[Finding]:
    try:
        committed = path.read_bytes()
    except FileNotFoundError:
        return [Finding(file, 1, FRESH, f"[GEN01] the file is missing | {_CURE}")]
    if committed == content:
        return []
    pairs = zip(committed.split(b"\n"), content.split(b"\n"), strict=False)
    line = next((number for number, (is_now, is_due) in enumerate(pairs, start=1) if is_now != is_due), 1)
    return [Finding(file, line, FRESH, f"[GEN01] differs from what the declarations generate | {_CURE}")]
