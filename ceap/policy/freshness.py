"""Whether the committed files are those that the declarations generate now."""

from collections.abc import Iterable
from os.path import relpath
from pathlib import Path
from typing import Final

from ceap.cfn.template import SIZE_MAX
from ceap.errors import UsageError
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Finding

FRESH: Final = "GEN01_FRESH"
SIZE: Final = "GEN02_SIZE"
JUDGED: Final = "GEN03_JUDGED"

ENTRIES: Final = {
    FRESH: Entry(
        title="The files in generated/ are what the declarations generate",
        why="Otherwise a reviewer reads, and CI judges, another template than the one that is deployed next.",
        fix="Run `make templates` and commit what it writes.",
        source="docs/reference/check.md#what-is-judged",
    ),
    SIZE: Entry(
        title="A generated template is small enough for CloudFormation",
        why=(
            "CloudFormation accepts at most 1 MB, from S3. Without a bucket it accepts 51,200 bytes; `ceap synth` "
            "reports a larger template."
        ),
        fix="Split the workflow in two.",
        source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html",
    ),
    JUDGED: Entry(
        title="At least one Guard rule applies to a template",
        why="A template in which no rule found anything to judge would look as clean as one that keeps every rule.",
        fix="Name a template that holds what the rules are about, or rules of your own with `--rules`.",
        source="docs/reference/check.md#what-is-judged",
    ),
}

_CURE: Final = "run `make templates` and commit what it writes"


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
            findings.append(_finding(relpath(path), 1, FRESH, "no declaration generates this file", "remove it"))
    return findings


def _check_size(path: Path, content: bytes) -> list[Finding]:
    if path.suffix != ".yaml" or len(content) <= SIZE_MAX:
        return []
    what = f"{len(content)} bytes; CloudFormation allows {SIZE_MAX}"
    return [_finding(relpath(path), 1, SIZE, what, "split the workflow")]


def _check_content(path: Path, content: bytes) -> list[Finding]:
    file = relpath(path)
    try:
        committed = path.read_bytes()
    except FileNotFoundError:
        return [_finding(file, 1, FRESH, "the file is missing", _CURE)]
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}; remove it and run `make templates`") from None
    if committed == content:
        return []
    pairs = zip(committed.split(b"\n"), content.split(b"\n"), strict=False)
    line = next((number for number, (is_now, is_due) in enumerate(pairs, start=1) if is_now != is_due), 1)
    return [_finding(file, line, FRESH, "differs from what the declarations generate", _CURE)]


def _finding(file: str, line: int, rule: str, what: str, fix: str) -> Finding:
    return Finding(file, line, rule, what, fix, source=ENTRIES[rule].source)
