"""The records of each stage as a flow: what a stage took above what became of it, and what the next one takes."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final, NamedTuple

from ceap.local.page.amounts import count, duration
from ceap.local.page.markup import Markup, element, join
from ceap.local.run_report import StageReport, describe_nothing

WIDTH: Final = 1000.0
"""The units of a drawing's width, which is as wide as its place."""
_LEAST: Final = 4.0
"""The least width of a part, so that 1 of 100,000 can be seen."""
_CODES_MAX: Final = 6
_KINDS: Final = ("in", "expanded", "out", "rejected", "merged", "stale")


class _Part(NamedTuple):
    kind: str
    left: float
    width: float


def draw_flow(stages: Sequence[StageReport]) -> Markup:
    """Return the flow of the stages, in their order; all drawings have one scale."""
    if not stages:
        return Markup()
    largest = max(_taken(stage) for stage in stages)
    rows = [_row(stage, after, largest) for stage, after in zip_longest(stages, stages[1:])]
    seen = [kind for kind in _KINDS if any(_amount(stage, kind) for stage in stages)]
    legend = [element("li", element("span", class_=f"key {kind}", aria_hidden="true"), kind) for kind in seen]
    return join([element("ul", *legend, class_="legend"), element("ol", *rows, class_="flow")])


def _row(stage: StageReport, after: StageReport | None, largest: int) -> Markup:
    return element(
        "li",
        element("div", element("h3", stage.stage), element("p", *_course(stage)), class_="name"),
        element("div", _drawing(stage, largest), _passage(stage, after, largest), class_="drawing"),
        element("div", *_numbers(stage), class_="numbers"),
    )


def _course(stage: StageReport) -> list[str]:
    """Return status, attempts and duration."""
    status = element("span", stage.status.replace("_", " ").lower(), class_=f"status {stage.status.lower()}")
    if not stage.attempts:
        return [status]
    waits = f", {duration(sum(stage.waits_s))} of it waits" if stage.waits_s else ""
    return [status, f" {count(stage.attempts, 'attempt')}, {duration(stage.duration_s)}{waits}"]


def _numbers(stage: StageReport) -> list[Markup]:
    """Return the numbers of records, and below them the codes and the stage's own counts."""
    if stage.records_in is None:
        return [element("p", "no output", class_="quiet")] if stage.attempts else []
    always = {"in", "out"}
    amounts = [
        element("span", element("b", f"{_amount(stage, kind):,}"), f" {kind}", class_=f"amount {kind}")
        for kind in _KINDS
        if kind in always or _amount(stage, kind)
    ]
    codes = sorted(stage.rejections.items(), key=lambda entry: (-entry[1], entry[0]))
    named = [f"{number:,} {code}" for code, number in codes[:_CODES_MAX]]
    named += [f"{count(len(codes) - _CODES_MAX, 'more code')}"] * (len(codes) > _CODES_MAX)
    own = [f"{number:,} {name}" for name, number in stage.counts.items()]
    lines = [element("p", join(amounts, " "))]
    if describe_nothing(stage):
        lines.append(element("p", f"yielded none of {count(stage.records_in, 'record')}", class_="bad"))
    lines += [element("p", f"rejected: {', '.join(named)}", class_="quiet")] * bool(named)
    return lines + [element("p", f"counted: {', '.join(own)}", class_="quiet")] * bool(own)


def _drawing(stage: StageReport, largest: int) -> Markup:
    """Return the bar of a stage: a thin line of what it took, above what became of it."""
    title = f"Records of {stage.stage}"
    amounts = ", ".join(f"{_amount(stage, kind):,} {kind}" for kind in _KINDS)
    return _svg(
        "bar",
        26,
        element("title", title),
        element("desc", amounts if stage.records_in is not None else "no output"),
        *(_rectangle(part, 0, 6) for part in _parts(stage, ("in", "expanded"), largest)),
        *(_rectangle(part, 8, 18) for part in _parts(stage, ("out", "rejected", "merged", "stale"), largest)),
        role="img",
        aria_label=f"{title}: {amounts}" if stage.records_in is not None else f"{title}: no output",
    )


def _passage(stage: StageReport, after: StageReport | None, largest: int) -> Markup:
    """Return what passes from a stage to the next: from the width of its output to that of the other's input."""
    top, bottom = _width(stage.records_out or 0, largest), _width(after.records_in or 0 if after else 0, largest)
    shape = f"M0 0H{top:.1f}L{bottom:.1f} 100H0Z"
    return _svg("passage", 100, element("path", d=shape) if top and bottom else "", aria_hidden="true")


def _svg(class_: str, height: int, *content: str, **attributes: str) -> Markup:
    box = f"0 0 {WIDTH:g} {height}"
    return element("svg", *content, class_=class_, viewBox=box, preserveAspectRatio="none", **attributes)


def _rectangle(part: _Part, top: int, height: int) -> Markup:
    return element("rect", class_=part.kind, x=f"{part.left:.1f}", y=top, width=f"{part.width:.1f}", height=height)


def _parts(stage: StageReport, kinds: Sequence[str], largest: int) -> list[_Part]:
    """Return the parts of a line, one after the other."""
    parts: list[_Part] = []
    for kind in kinds:
        if amount := _amount(stage, kind):
            left = parts[-1].left + parts[-1].width if parts else 0.0
            parts.append(_Part(kind, left, _width(amount, largest)))
    return parts


def _width(amount: int, largest: int) -> float:
    # The room that is left for the least widths of the other parts keeps every line within the drawing.
    return max(_LEAST, amount / largest * (WIDTH - 4 * _LEAST)) if amount else 0.0


def _taken(stage: StageReport) -> int:
    return _amount(stage, "in") + _amount(stage, "expanded")


def _amount(stage: StageReport, kind: str) -> int:
    amounts = {
        "in": stage.records_in,
        "expanded": stage.records_expanded,
        "out": stage.records_out,
        "rejected": stage.records_rejected,
        "merged": stage.records_merged,
        "stale": stage.records_stale,
    }
    return amounts[kind] or 0
