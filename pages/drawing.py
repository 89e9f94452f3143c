"""Boxes and arrows from above to below, in SVG that is readable on a telephone, in light and dark.

As in `ceap graph`, nothing is fetched: no script, no font, no image, and text is text.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from ceap.graph.svg import STYLE

WIDTH: Final = 440
"""A telephone shows it at four fifths of its size, at which its text is as large as that of the page's code."""
_MARGIN: Final = 10
_LINE: Final = 18
_PAD: Final = 9
_CHARACTER: Final = 6.9
"""How wide a character of 13 px is at most, on the average of a line, in the fonts of browsers."""

_FONT: Final = 'svg { font: 13px system-ui, "Segoe UI", Helvetica, Arial, sans-serif }'


class Column(NamedTuple):
    """A column of boxes: its left edge and its width."""

    x: int
    width: int

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


Box: TypeAlias = tuple[str, Sequence[str]]
"""A box: its kind, which is its colour, and its lines."""

WHOLE: Final = Column(_MARGIN, WIDTH - 2 * _MARGIN)


class Drawing:
    """A picture that grows downwards; `y` is where the next thing of all columns begins."""

    def __init__(self, title: str, description: str) -> None:
        self.y = float(_MARGIN)
        self._title: Final = title
        self._description: Final = description
        self._parts: Final[list[str]] = []

    def box(self, column: Column, lines: Sequence[str], kind: str = "plain", *, y: float | None = None) -> float:
        """Draw a box, its first line bold, at `y` or below all that is there; return where it ends.

        Raises:
            ValueError: a line does not fit into the column.
        """
        top = self.y if y is None else y
        height = _LINE * len(lines) + 2 * _PAD - 4
        self._parts.append(f'<g class="{kind}">')
        self._parts.append(f'<rect x="{column.x}" y="{top:g}" width="{column.width}" height="{height}" rx="5"/>')
        for number, line in enumerate(lines):
            self.text(column, line, top + _PAD + 11 + _LINE * number, "name" if number == 0 else "")
        self._parts.append("</g>")
        self.y = max(self.y, top + height)
        return top + height

    def text(self, column: Column, line: str, baseline: float, style: str = "quiet") -> None:
        """Write a line into a column; ValueError if it does not fit."""
        if len(line) * _CHARACTER > column.width - 2 * _PAD:
            raise ValueError(f"{line!r} is too long for a column of {column.width} px")
        class_ = f' class="{style}"' if style else ""
        self._parts.append(f'<text{class_} x="{column.x + _PAD}" y="{baseline:g}">{html.escape(line)}</text>')

    def note(self, column: Column, lines: Sequence[str]) -> None:
        """Write lines below all that is there."""
        for line in lines:
            self.y += _LINE
            self.text(column, line, self.y)
        self.y += _PAD

    def down(self, column: Column, label: str = "", *, y: float | None = None) -> float:
        """Draw an arrow from `y`, or from below all that is there, to the next box; return where that begins."""
        top, length = (self.y if y is None else y), 28
        self._arrow(f"M{column.middle:g} {top:g}v{length}", column.middle, top + length, "l-4 -8h8z")
        if label:
            beside = Column(int(column.middle), int(column.width / 2) + _PAD)
            self.text(beside, label, top + 18)
        self.y = max(self.y, top + length)
        return top + length

    def chain(self, column: Column, boxes: Sequence[Box], label: str, *, y: float | None = None) -> None:
        """Draw arrows and boxes in turn; the label stands at each, or with `y` at the first alone."""
        end = self.y if y is None else y
        for number, (kind, lines) in enumerate(boxes):
            named = y is None or number == 0
            end = self.box(column, lines, kind, y=self.down(column, label if named else "", y=end))

    def across(self, start: float, end: float, y: float) -> None:
        """Draw an arrow to the side, at a height."""
        head = "l-8 -4v8z" if end > start else "l8 -4v8z"
        self._arrow(f"M{start:g} {y:g}H{end:g}", end, y, head)

    def document(self) -> str:
        """Return the picture; it ends in a line feed."""
        height = self.y + _MARGIN
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:g}" '
            f'viewBox="0 0 {WIDTH} {height:g}" role="img" aria-labelledby="t d">'
        )
        about = (
            f'<title id="t">{html.escape(self._title)}</title>\n<desc id="d">{html.escape(self._description)}</desc>'
        )
        return "\n".join([head, about, f"<style>{STYLE}{_FONT}</style>", *self._parts, "</svg>"]) + "\n"

    def _arrow(self, line: str, x: float, y: float, head: str) -> None:
        self._parts.append(f'<path d="{line}"/>')
        self._parts.append(f'<path class="head" d="M{x:g} {y:g}{head}"/>')
