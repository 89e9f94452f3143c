"""A diff as plain text: what is grave first, then each change."""

from collections.abc import Iterator

from ceap.deploy.diff.change import Change, Diff
from ceap.deploy.diff.headings import by_heading
from ceap.deploy.diff.words import details, sentence


def format_text(diff: Diff) -> str:
    """Return a diff as lines of text, with a line end; one line where nothing changes."""
    return "\n".join(_lines(diff)) + "\n"


def _lines(diff: Diff) -> Iterator[str]:
    if diff.is_empty:
        yield f"{diff.name}: no change"
        return
    yield diff.name
    for heading, changes in by_heading(diff.changes):
        yield f"  {heading}"
        for change in changes:
            yield from _change_lines(change)


def _change_lines(change: Change) -> Iterator[str]:
    yield f"    {sentence(change)}"
    yield from (f"      {line}" for line in details(change))
