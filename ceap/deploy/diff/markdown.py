"""Diffs as Markdown for a pull request: a table and what is grave first, the rest folded.

Source: GitHub Docs, "Organizing information with collapsed sections".
"""

import html
import re
from collections.abc import Iterable, Iterator
from typing import Final

from ceap.deploy.diff.change import Change, Diff
from ceap.deploy.diff.headings import by_heading
from ceap.deploy.diff.report import GRAVE, Report, in_words, summarize
from ceap.deploy.diff.words import details, sentence

_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>#|~&@!])")
_OPEN: Final = ("will fail", "data lost", "contracts broken")
"""What is told before the folded part."""


def format_markdown(report: Report) -> str:
    """Return a report as Markdown."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    changed = [diff for diff in report.diffs if not diff.is_empty]
    yield f"### What changes against {_escaped(report.against)}"
    yield ""
    if changed:
        yield from _table(changed)
    same = [diff.name for diff in report.diffs if diff.is_empty]
    if same:
        yield f"No change: {_escaped(', '.join(same))}."
        yield ""
    for diff in changed:
        yield from _stack(diff)
    yield from (f"- note: {_escaped(note)}" for note in report.notes)


def _table(diffs: Iterable[Diff]) -> Iterator[str]:
    columns = [*GRAVE, "changes"]
    yield f"| stack | {' | '.join(columns)} |"
    yield "|---|" + "---|" * len(columns)
    for diff in diffs:
        counts = summarize(diff)
        yield f"| {_escaped(diff.name)} | {' | '.join(str(counts.get(name, '')) for name in columns)} |"
    yield ""


def _stack(diff: Diff) -> Iterator[str]:
    grave = {name: GRAVE[name](diff) for name in _OPEN}
    told = dict.fromkeys(change for changes in grave.values() for change in changes)
    for change in told:
        yield from _change(change, diff.name)
    yield ""
    yield f"<details><summary>{html.escape(diff.name)}: {html.escape(in_words(diff))}</summary>"
    yield ""
    for heading, changes in by_heading(diff.changes):
        yield f"**{heading}**"
        yield ""
        for change in changes:
            yield from _change(change)
        yield ""
    yield "</details>"
    yield ""


def _change(change: Change, stack: str = "") -> Iterator[str]:
    yield f"- {f'**{_escaped(stack)}** ' if stack else ''}{_escaped(sentence(change))}"
    yield from (f"  - {_escaped(line)}" for line in details(change))


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
