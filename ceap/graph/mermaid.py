"""A chart as a Mermaid flowchart, which GitHub and others draw in Markdown.

Identifiers are numbers of ours, so that no name can be a reserved word (`end`); labels are quoted, and every character
that means something to Mermaid, to Markdown or to HTML is an entity code.
Source: Mermaid, "Flowcharts - Basic Syntax", special characters that break syntax.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from ceap.graph.chart import Aside, Block, Chart, Kind
from ceap.graph.words import outcome_class, outcome_lines

_ESCAPED: Final = re.compile(r"[^\w .,:/()=+>-]|>|_", re.ASCII)
_KEPT: Final = re.compile("[\x00-\x1f\x7f]")

_OUTPUT: Final = re.compile(r"(executions/[^/]+/[^/]+/)([^/]+)")

_SHAPES: Final = {
    Kind.TRIGGER: ("([", "])"),
    Kind.QUEUE: ("[[", "]]"),
    Kind.PIPE: ("([", "])"),
    Kind.STATE: ("[", "]"),
    Kind.FUNCTION: ("[", "]"),
    Kind.JOB: ("[", "]"),
    Kind.OBJECT: ("[/", "/]"),
    Kind.TABLE: ("[(", ")]"),
    Kind.EVENTS: (">", "]"),
    Kind.SECRET: ("{{", "}}"),
    Kind.CALL: (">", "]"),
    Kind.RULE: ("([", "])"),
    Kind.ALARM: ("[", "]"),
    Kind.TOPIC: ("([", "])"),
}
_CLASSES: Final = (
    # Fill and text together, so that both of a reader's themes show them.
    "classDef succeeded fill:#d7f0dd,stroke:#1a7f37,color:#0b3d1a",
    "classDef failed fill:#ffdcd7,stroke:#b3261e,color:#5c0f0a",
    "classDef running fill:#dbe9ff,stroke:#0b57d0,color:#062e6f",
    "classDef notrun fill:#eeeeee,stroke:#777777,color:#444444,stroke-dasharray:4 3",
)


_CONFIGURATION: Final = '%%{init: {"flowchart": {"wrappingWidth": 480}}}%%'
"""Lines of labels are broken where they end, not at Mermaid's 200 pixels."""


def draw_mermaid(chart: Chart) -> str:
    """Return the flowchart; it ends in a line feed."""
    return "\n".join(_Drawing(chart).lines()) + "\n"


class _Drawing:
    """Numbers the boxes as they come."""

    def __init__(self, chart: Chart) -> None:
        self._chart: Final = chart
        self._shared: Final[dict[tuple[Kind, tuple[str, ...]], str]] = {}
        self._count = 0

    def lines(self) -> Iterator[str]:
        chart = self._chart
        yield _CONFIGURATION
        yield "flowchart TB"
        triggers = [self._next() for _ in chart.triggers]
        queue, pipe = self._next(), self._next()
        for name, block in zip((*triggers, queue, pipe), (*chart.triggers, chart.queue, chart.pipe), strict=True):
            yield self._box(name, block)
        machine = self._next()
        states = [self._next() for _ in chart.states]
        yield f"  subgraph machine[{_label((chart.machine.title,))}]"
        yield "    direction TB"
        # No lines below the title: Mermaid draws the first box over them.
        about = (*chart.machine.lines, *((chart.execution,) if chart.execution else ()))
        yield f"    {self._shape(machine, Kind.STATE, about)}"
        for name, block in zip(states, chart.states, strict=True):
            yield "  " + self._box(name, block)
        for one, following in pairwise((machine, *states)):
            yield f"    {one} --> {following}"
        yield "  end"
        yield from (f"  {trigger} -->|{_label(('sends messages',))}| {queue}" for trigger in triggers)
        yield f"  {queue} --> {pipe}"
        yield f"  {pipe} --> {machine}"
        for name, block in zip((*triggers, queue, *states), (*chart.triggers, chart.queue, *chart.states), strict=True):
            for aside in block.asides:
                yield from self._aside(name, aside)
        yield from self._watchers()
        if any(block.outcome for block in chart.states):
            yield from (f"  {line}" for line in _CLASSES)

    def _watchers(self) -> Iterator[str]:
        watchers = self._chart.watchers
        if not watchers:
            return
        title = f"Failure rule and alarms, to topic {self._chart.topic}" if self._chart.topic else "Alarms"
        yield f"  subgraph watch[{_label((title,))}]"
        names = [self._next() for _ in watchers]
        for name, block in zip(names, watchers, strict=True):
            yield "  " + self._box(name, block)
        # Links that are not drawn keep the boxes below each other.
        yield from (f"    {one} ~~~ {following}" for one, following in pairwise(names))
        yield "  end"
        for name, block in zip(names, watchers, strict=True):
            for aside in block.asides:
                yield from self._aside(name, aside)

    def _box(self, name: str, block: Block) -> str:
        lines = (*outcome_lines(block.outcome), *block.lines)
        style = f":::{outcome_class(block.outcome)}" if block.outcome else ""
        return f"  {self._shape(name, block.kind, (block.title, *lines))}{style}"

    def _aside(self, name: str, aside: Aside) -> Iterator[str]:
        """Yield the box beside another, once for all that use it, and the arrow; a stage's objects are one box."""
        verb, lines = aside.verb, aside.lines
        if aside.kind is Kind.OBJECT and (found := _OUTPUT.fullmatch(lines[0])):
            verb, lines = f"{verb} {found[2]}", (found[1], *lines[1:])
        # What is called is the action and the resource.
        key = (aside.kind, lines if aside.kind is Kind.CALL else lines[:1])
        other = self._shared.get(key)
        if other is None:
            other = self._shared[key] = self._next()
            yield f"  {self._shape(other, aside.kind, lines)}"
        ends = (other, name) if aside.is_inward else (name, other)
        yield f"  {ends[0]} -.->|{_label((verb,))}| {ends[1]}"

    def _shape(self, name: str, kind: Kind, lines: tuple[str, ...]) -> str:
        before, after = _SHAPES[kind]
        return f"{name}{before}{_label(lines)}{after}"

    def _next(self) -> str:
        self._count += 1
        return f"n{self._count}"


def _label(lines: tuple[str, ...]) -> str:
    return '"' + "<br/>".join(map(_escape, lines)) + '"'


def _escape(text: str) -> str:
    """Return a text of which Mermaid, Markdown and HTML change nothing."""
    plain = _KEPT.sub(" ", text)
    return _ESCAPED.sub(lambda found: f"#{ord(found[0])};", plain)
