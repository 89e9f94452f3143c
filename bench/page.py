"""The table of docs/reference/bench.md: a row for each figure, with the value of its newest measurement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from bench.figure import Figure, Seen
from ceap.project import ROOT

PAGE: Final = ROOT / "docs" / "reference" / "bench.md"
BEGIN: Final = "<!-- make bench writes what follows -->"
END: Final = "<!-- make bench wrote what precedes -->"
HEAD: Final = ("name", "measured", "goal", "seen", "", "on")


class Row(NamedTuple):
    """A row of the table as text; `seen`, `verdict` and `machine` are empty until it is measured."""

    name: str
    title: str
    goal: str
    seen: str = ""
    verdict: str = ""
    machine: str = ""


def read_rows(text: str) -> list[Row]:
    """Return the rows of the page's table."""
    table = text[text.index(BEGIN) : text.index(END)].splitlines()
    lines = [line for line in table if line.startswith("|")][2:]
    return [Row(*(cell.strip() for cell in line.strip("|").split("|"))) for line in lines]


def write_rows(
    text: str, figures: Mapping[str, Sequence[Figure]], name: str = "", seen: Sequence[Seen] = (), machine: str = ""
) -> str:
    """Return the page with a row for each figure, by the names of their measurements.

    Rows of the measurement `name` tell what was `seen` on a machine. All others keep what they tell, and those of
    measurements that are not here, as of a sample that was removed, stay as they are.
    """
    old = {row[:2]: row for row in read_rows(text)}
    new = {(name, figure.title): (figure.write(value), machine) for figure, value in seen}

    def rows() -> Iterator[Row]:
        for measurement, titles in figures.items():
            for figure in titles:
                key = (measurement, figure.title)
                known = old.pop(key, Row(*key, figure.goal))
                yield _row(*key, figure, *new.get(key, (known.seen, known.machine)))
        yield from (row for row in old.values() if row.name not in figures)

    lines = [_line(HEAD), "|" + "---|" * len(HEAD), *map(_line, rows())]
    before, after = text[: text.index(BEGIN)], text[text.index(END) :]
    return before + "\n".join([BEGIN, "", *lines, "", ""]) + after


def _row(name: str, title: str, figure: Figure, seen: str, machine: str) -> Row:
    verdict = ""
    if seen and figure.at_most is not None:
        verdict = "met" if float(seen.split(maxsplit=1)[0].replace(",", "")) <= figure.at_most else "missed"
    return Row(name, title, figure.goal, seen, verdict, machine)


def _line(cells: Sequence[str]) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)
