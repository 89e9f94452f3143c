"""Kinds of failure: how a cause is shown, which causes are alike, and a text that chooses those of one kind alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ceap.aws.executions import without_place

RUNBOOK_WRONG_MESSAGE: Final = "docs/runbook/recover.md#a-message-that-is-wrong"
"""What to read where the message itself is wrong: no attempt with it can succeed."""
CAUSE_MAX: Final = 90
"""Characters of a cause that are shown."""
_CUT: Final = "..."
_VARYING: Final = re.compile(r"\S*\d\S*")
"""What differs from one failure to the next of its kind: ids, numbers, times."""
_EDGES: Final = " -:;,."
"""What a text on a command line does not begin or end with: an option begins with a dash."""


def cause_line(cause: str | None) -> str:
    """Return the first line of a cause, cut."""
    cause = without_place(cause)
    printable = (each if each.isprintable() else " " for each in next(iter(cause.strip().splitlines()), ""))
    line = "".join(printable)
    return line if len(line) <= CAUSE_MAX else f"{line[: CAUSE_MAX - len(_CUT)]}{_CUT}"


def shape(cause: str | None) -> str:
    """Return what the causes of one kind have in common."""
    return _VARYING.sub("#", cause_line(cause))


def telling_text(causes: Sequence[str], others: Sequence[str]) -> str | None:
    """Return a text that all causes of a kind have, and no other, in any case of letters; None if there is none.

    The longest part without what varies is tried first, of it the words up to a semicolon: a cure stands behind it.
    """
    parts = (part.strip(_EDGES) for part in _VARYING.split(cause_line(causes[0]).removesuffix(_CUT)))
    for part in sorted(parts, key=len, reverse=True):
        for text in (part.partition(";")[0].strip(_EDGES), part):
            if text and all(_has(each, text) for each in causes) and not any(_has(each, text) for each in others):
                return text
    return None


def _has(cause: str, text: str) -> bool:
    return text.casefold() in cause.casefold()
