"""A chart as an SVG: one column of boxes in the order of a message, and beside each what it reads and writes.

No script, no font, no image: nothing is fetched. Text is text, and the colours follow the reader's theme.
"""

import html
import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from ceap.graph.chart import Aside, Block, Chart, Kind
from ceap.graph.words import outcome_class, outcome_lines

_LINE: Final = 16
_PAD: Final = 10
_GAP: Final = 26
_BETWEEN: Final = 10
_MARGIN: Final = 24
_ARROW: Final = 150
"""Room between the columns, in which the verb of an arrow stands."""
_CHARACTER: Final = 7.3
"""The width of a character of 12 px in the widest common monospaced font; boxes are as wide as their text."""
_WIDTH_MIN: Final = 260.0

# What XML 1.0 forbids, and halves of surrogate pairs.
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

STYLE: Final = """
svg { background: #ffffff; color: #1f2328; font: 12px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace }
text { fill: currentColor; white-space: pre }
.title { font-size: 18px; font-weight: 600 }
.name { font-weight: 700 }
.quiet { fill: #59636e }
rect { fill: #f6f8fa; stroke: #818b98; stroke-width: 1.2 }
.frame { fill: none; stroke-dasharray: 5 4 }
path { fill: none; stroke: #59636e; stroke-width: 1.4 }
.head { fill: #59636e; stroke: none }
.function rect, .job rect { fill: #eaf2ff; stroke: #3b73c4 }
.queue rect { fill: #fff4e0; stroke: #b07a1a }
.alarm rect, .rule rect, .topic rect { fill: #fdeff0; stroke: #b35963 }
.succeeded rect { fill: #ddf4e2; stroke: #1a7f37 }
.failed rect { fill: #ffe1dd; stroke: #b3261e; stroke-width: 2 }
.running rect { fill: #dbe9ff; stroke: #0b57d0; stroke-width: 2 }
.notrun rect { fill: #f3f3f3; stroke: #9a9a9a; stroke-dasharray: 4 3 }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117; color: #e6edf3 }
  .quiet { fill: #9aa4af }
  rect { fill: #161b22; stroke: #6e7681 }
  path { stroke: #9aa4af }
  .head { fill: #9aa4af }
  .function rect, .job rect { fill: #13233a; stroke: #5b9bf0 }
  .queue rect { fill: #2b2110; stroke: #c99a3d }
  .alarm rect, .rule rect, .topic rect { fill: #2c161a; stroke: #d07a84 }
  .succeeded rect { fill: #12301c; stroke: #3fb950 }
  .failed rect { fill: #3a1512; stroke: #f2665c }
  .running rect { fill: #10294d; stroke: #5b9bf0 }
  .notrun rect { fill: #1b1f24; stroke: #6e7681 }
}
"""
"""The colours of each kind of thing, in light and dark; the pictures of the pages have them, too."""


class _Place(NamedTuple):
    """Where a box is, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


class _Row(NamedTuple):
    """A box of the left column, and the classes of its group."""

    block: Block
    classes: str


def draw_svg(chart: Chart) -> str:
    """Return the picture; it ends in a line feed."""
    before = [_Row(block, block.kind.value) for block in (*chart.triggers, chart.queue, chart.pipe)]
    states = [_Row(block, _classes(block)) for block in chart.states]
    topic = Block(Kind.TOPIC, f"Topic {chart.topic}")
    watchers = [_Row(block, block.kind.value) for block in (*chart.watchers, topic)] if chart.watchers else []
    rows = (*before, *states, *watchers)
    left = max(_WIDTH_MIN, *(_width(_lines(row.block)) for row in rows))
    right = max((_width(aside.lines) for row in rows for aside in row.block.asides), default=0.0)
    drawing = _Drawing(left, right)
    drawing.heading(chart)
    drawing.chain(before, len(chart.triggers))
    drawing.machine(chart, states)
    drawing.watchers(watchers)
    return drawing.document(chart)


class _Drawing:
    """Draws from above to below; `_y` is where the next thing begins."""

    def __init__(self, left: float, right: float) -> None:
        self._left: Final = left
        self._width: Final = 2 * _MARGIN + 2 * _PAD + left + (_ARROW + right if right else 0)
        self._x: Final = float(_MARGIN + _PAD)
        self._y = float(_MARGIN)
        self._parts: Final[list[str]] = []

    def document(self, chart: Chart) -> str:
        size = f'width="{self._width:.0f}" height="{self._y + _MARGIN:.0f}"'
        box = f'viewBox="0 0 {self._width:.0f} {self._y + _MARGIN:.0f}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {box} role="img" aria-labelledby="t d">'
        about = f'<title id="t">{_escape(chart.title)}</title>\n<desc id="d">{_escape(_spoken(chart))}</desc>'
        return "\n".join([head, about, f"<style>{STYLE}</style>", *self._parts, "</svg>"]) + "\n"

    def heading(self, chart: Chart) -> None:
        lines = [("title", chart.title), ("quiet", chart.description), ("name", chart.execution or "")]
        for class_, line in lines:
            if line:
                self._y += _LINE if class_ != "title" else _LINE + 4
                self._text(self._x, self._y, line, class_)
        self._y += _GAP

    def chain(self, rows: Sequence[_Row], triggers: int) -> None:
        """Draw triggers, queue and pipe, an arrow below each."""
        for index, row in enumerate(rows):
            self._row(row)
            if index >= triggers - 1:
                self._down(_GAP)
            else:
                self._y += _BETWEEN

    def machine(self, chart: Chart, rows: Sequence[_Row]) -> None:
        top = self._y
        self._y += _PAD + _LINE
        self._text(self._x, self._y, chart.machine.title, "name")
        for line in chart.machine.lines:
            self._y += _LINE
            self._text(self._x, self._y, line, "quiet")
        self._y += _PAD
        for index, row in enumerate(rows):
            if index:
                self._down(_GAP)
            self._row(row)
        self._y += _PAD
        frame = f'<rect class="frame" x="{_MARGIN}" y="{top:.0f}" width="{self._left + 2 * _PAD:.0f}"'
        self._parts.append(f'{frame} height="{self._y - top:.0f}" rx="8"/>')

    def watchers(self, rows: Sequence[_Row]) -> None:
        if not rows:
            return
        self._y += _GAP + _LINE
        self._text(self._x, self._y, "Who is told, and when", "name")
        self._y += _PAD
        for row in rows[:-1]:
            self._row(row)
            self._y += _BETWEEN
        self._y -= _BETWEEN
        self._down(_GAP)
        self._row(rows[-1])

    def _row(self, row: _Row) -> None:
        """Draw a box with those beside it; the row is as high as the higher of both."""
        top, lines = self._y, _lines(row.block)
        heights = [_height(aside.lines) for aside in row.block.asides]
        beside = sum(heights) + _BETWEEN * max(0, len(heights) - 1)
        height = max(_height(lines), beside)
        self._box(_Place(self._x, top, self._left, height), lines, row.classes, is_named=True)
        y = top + (height - beside) / 2
        for aside, own in zip(row.block.asides, heights, strict=True):
            self._aside(aside, y, own)
            y += own + _BETWEEN
        self._y = top + height

    def _aside(self, aside: Aside, y: float, height: float) -> None:
        start, end = self._x + self._left, self._x + self._left + _ARROW
        middle = y + height / 2
        place = _Place(end, y, _width(aside.lines), height)
        self._box(place, aside.lines, aside.kind.value, is_named=False)
        self._parts.append(f'<path d="M{start:.0f} {middle:.1f}H{end:.0f}"/>')
        tips = [(start, 8)] if aside.is_inward else [(end, -8)]
        if aside.verb == "reads and writes":
            tips = [(start, 8), (end, -8)]
        for x, back in tips:
            shape = f"M{x:.0f} {middle:.1f}l{back} -4v8z"
            self._parts.append(f'<path class="head" d="{shape}"/>')
        middle_x = (start + end) / 2
        self._parts.append(
            f'<text class="quiet" text-anchor="middle" x="{middle_x:.0f}" y="{middle - 5:.1f}">'
            f"{_escape(aside.verb)}</text>"
        )

    def _box(self, place: _Place, lines: Sequence[str], classes: str, *, is_named: bool) -> None:
        x, y, width, height = place
        self._parts.append(f'<g class="{classes}">')
        self._parts.append(f'<rect x="{x:.0f}" y="{y:.1f}" width="{width:.0f}" height="{height:.1f}" rx="5"/>')
        first = y + (height - _height(lines)) / 2 + _PAD + 11
        for index, line in enumerate(lines):
            self._text(x + _PAD, first + index * _LINE, line, "name" if is_named and not index else "")
        self._parts.append("</g>")

    def _down(self, length: float) -> None:
        x = self._x + self._left / 2
        self._parts.append(f'<path d="M{x:.0f} {self._y:.1f}v{length:.0f}"/>')
        self._y += length
        self._parts.append(f'<path class="head" d="M{x:.0f} {self._y:.1f}l-4 -8h8z"/>')

    def _text(self, x: float, y: float, text: str, class_: str) -> None:
        named = f' class="{class_}"' if class_ else ""
        self._parts.append(f'<text{named} x="{x:.0f}" y="{y:.1f}">{_escape(text)}</text>')


def _classes(block: Block) -> str:
    return f"{block.kind.value} {outcome_class(block.outcome)}" if block.outcome else block.kind.value


def _lines(block: Block) -> tuple[str, ...]:
    return (block.title, *outcome_lines(block.outcome), *block.lines)


def _width(lines: Sequence[str]) -> float:
    # A character of Chinese, Japanese or Korean is as wide as two others.
    longest = max((sum(2 if ord(one) > 0x1100 else 1 for one in line) for line in lines), default=0)
    return round(longest * _CHARACTER + 2 * _PAD)


def _height(lines: Sequence[str]) -> float:
    return len(lines) * _LINE + 2 * _PAD - 4


def _spoken(chart: Chart) -> str:
    """Return the chain in words, for those who listen to the picture."""
    return " -> ".join(_chain(chart))


def _chain(chart: Chart) -> Iterator[str]:
    yield from (block.title for block in (chart.queue, chart.pipe))
    for block in chart.states:
        yield f"{block.title} ({', '.join(outcome_lines(block.outcome))})" if block.outcome else block.title


def _escape(text: str) -> str:
    return html.escape(_FORBIDDEN.sub("\ufffd", text), quote=True)
