"""Whether the committed files are those that the declarations generate now."""

from collections.abc import Iterable
from os.path import relpath
from pathlib import Path
from typing import Final

from ceap.cfn.template import SIZE_MAX
from ceap.errors import UsageError
from ceap.policy.finding import Finding

FRESH: Final = "GEN01_FRESH"
SIZE: Final = "GEN02_SIZE"

_CURE: Final = "fix: run `make templates` and commit what it writes"


def check_generated(files: Iterable[tuple[Path, str]], folder: Path) -> list[Finding]:
    """Return what differs between the generated files and the disk.

    `files` are path and text of all that the declarations generate; nothing else but hidden files may stand
    in `folder`.

    Raises:
        UsageError: a file is there and cannot be read.
    """
    findings: list[Finding] = []
    expected = set()
    for path, text in files:
        expected.add(path)
        content = text.encode("utf-8")
        findings += _check_size(path, content) + _check_content(path, content)
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path not in expected and not path.name.startswith("."):
            text = "[GEN01] no declaration generates this file | fix: remove it"
            findings.append(Finding(relpath(path), 1, FRESH, text))
    return findings


def _check_size(path: Path, content: bytes) -> list[Finding]:
    if path.suffix != ".yaml" or len(content) <= SIZE_MAX:
        return []
    text = f"[GEN02] {len(content)} bytes; CloudFormation allows {SIZE_MAX} | fix: split the workflow"
    return [Finding(relpath(path), 1, SIZE, text)]


def _check_content(path: Path, content: bytes) -> list[Finding]:
    file = relpath(path)
    try:
        committed = path.read_bytes()
    except FileNotFoundError:
        return [Finding(file, 1, FRESH, f"[GEN01] the file is missing | {_CURE}")]
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}; remove it and run `make templates`") from None
    if committed == content:
        return []
    pairs = zip(committed.split(b"\n"), content.split(b"\n"), strict=False)
    line = next((number for number, (is_now, is_due) in enumerate(pairs, start=1) if is_now != is_due), 1)
    return [Finding(file, line, FRESH, f"[GEN01] differs from what the declarations generate | {_CURE}")]
