"""Diffs as plain text: what is grave first, then each change."""

from collections.abc import Iterator

from ceap.deploy.diff.change import Change, Diff
from ceap.deploy.diff.headings import by_heading
from ceap.deploy.diff.report import Report, in_words
from ceap.deploy.diff.words import details, sentence


def format_text(report: Report) -> str:
    """Return a report as lines of text, each with a line end."""
    lines = [f"against {report.against}", *(line for diff in report.diffs for line in _lines(diff))]
    return "\n".join([*lines, *(f"note: {note}" for note in report.notes)]) + "\n"


def format_diff(diff: Diff) -> str:
    """Return one diff as lines of text, each with a line end."""
    return "\n".join(_lines(diff)) + "\n"


def _lines(diff: Diff) -> Iterator[str]:
    yield f"{diff.name}: {in_words(diff)}"
    for heading, changes in by_heading(diff.changes):
        yield f"  {heading}"
        for change in changes:
            yield from _change_lines(change)


def _change_lines(change: Change) -> Iterator[str]:
    yield f"    {sentence(change)}"
    yield from (f"      {line}" for line in details(change))
