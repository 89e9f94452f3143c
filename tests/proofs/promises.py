"""What docs/reference/requirements.md promises: the properties, and the kinds of proof of each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
REQUIREMENTS: Final = ROOT / "docs/reference/requirements.md"

KINDS: Final = {
    "M": "the model refuses the opposite",
    "G": "rules on the template",
    "H": "Hypothesis test",
    "E": "end-to-end run",
}

_ROW: Final = re.compile(r"^\| (\d+) \| (.+) \| ([\d., ]+) \| ((?:[MGHE] ?)+)(?:\((.*)\) )?\|$", re.MULTILINE)
_REQUIREMENT: Final = re.compile(r"^(\d+\.\d+(?:/\d+\.\d+)*) ", re.MULTILINE)


class Property(NamedTuple):
    """A property: its text, the requirements it serves, the kinds of proof promised, and a note on these."""

    number: int
    text: str
    requirements: tuple[str, ...]
    kinds: tuple[str, ...]
    note: str


def read_properties(text: str) -> dict[int, Property]:
    """Return the properties of the page of requirements, by number."""
    rows = (
        Property(int(number), words, tuple(numbers.split(", ")), tuple(kinds.split()), note)
        for number, words, numbers, kinds, note in _ROW.findall(text)
    )
    return {row.number: row for row in rows}


def read_requirements(text: str) -> set[str]:
    """Return the numbers of the requirements of the page."""
    return {number for numbers in _REQUIREMENT.findall(text) for number in numbers.split("/")}


def load_properties() -> dict[int, Property]:
    return read_properties(REQUIREMENTS.read_text(encoding="utf-8"))
