"""Attempts and waits on the virtual clock; a long wait is a gap of fixed width with its length written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from ceap.local.executions import Attempt, Execution
from ceap.local.page.amounts import about, duration
from ceap.local.page.markup import Markup, element

_GAP_FROM: Final = 0.1
"""A time in which nothing runs is a gap if it is longer than this part of all the time in which something runs."""
_GAP_WIDTH: Final = 12.0
_GAPS_WIDTH: Final = 48.0
_LABELLED: Final = 10.0
"""Widths in percent: that of one gap, of all at most, and from which on its length is written into the drawing."""


class Span(NamedTuple):
    """A time in which something ran; `status` is that of an attempt or an execution."""

    started: float
    ended: float
    status: str
    label: str


class Row(NamedTuple):
    """What ran under one name; `note` says it in words."""

    name: str
    spans: Sequence[Span]
    note: str


class _Piece(NamedTuple):
    """A part of the time from `begin` to `end`, drawn from `left` on; positions are percent of the width."""

    begin: float
    end: float
    left: float
    width: float
    is_gap: bool


def draw_timeline(rows: Sequence[Row], begin: float, end: float) -> Markup:
    """Return the rows over the time from `begin` to `end`, in seconds since the epoch."""
    scale = _scale([(span.started, span.ended) for row in rows for span in row.spans], begin, end)
    drawn = [
        element(
            "li",
            element("div", row.name, class_="name"),
            element("div", _track(row.spans, scale), class_="drawing"),
            element("div", row.note, class_="numbers"),
        )
        for row in rows
    ]
    axis = [
        element("div", _axis(scale), class_="drawing", aria_hidden="true"),
        element("div", f"{duration(end - begin)} in all", class_="numbers"),
    ]
    return element("ol", element("li", *axis, class_="axis"), *drawn, class_="timeline")


def stage_rows(execution: Execution) -> list[Row]:
    """Return a row for each stage that an execution reached, in the order in which it did."""
    states = dict.fromkeys(attempt.state for attempt in execution.attempts)
    return [Row(state, _spans(execution, state), _note(execution, state)) for state in states]


def _spans(execution: Execution, state: str) -> list[Span]:
    return [
        Span(attempt.started, attempt.ended, attempt.status, f"attempt {attempt.number}")
        for attempt in execution.attempts_of(state)
    ]


def _note(execution: Execution, state: str) -> str:
    """Return what each attempt took, and the waits between them."""
    waits = {wait.before_attempt: wait.seconds for wait in execution.waits if wait.state == state}
    parts = []
    for attempt in execution.attempts_of(state):
        if attempt.number in waits:
            parts.append(f"wait {duration(waits[attempt.number])}")
        parts.append(f"{_outcome(attempt)}{duration(attempt.ended - attempt.started)}")
    return ", ".join(parts)


def _outcome(attempt: Attempt) -> str:
    return "" if attempt.status == "SUCCEEDED" else f"{attempt.status.replace('_', ' ').lower()} after "


def _scale(spans: Iterable[tuple[float, float]], begin: float, end: float) -> list[_Piece]:
    """Return the pieces of the time: busy ones to scale, and long gaps of one width."""
    busy = _union(spans)
    edges = [(begin, begin), *busy, (end, end)]
    idle = [(before[1], after[0]) for before, after in pairwise(edges) if after[0] > before[1]]
    active = sum(stop - start for start, stop in busy) or 1.0
    gaps = [(start, stop) for start, stop in idle if stop - start > _GAP_FROM * active]
    gap_width = min(_GAP_WIDTH, _GAPS_WIDTH / len(gaps)) if gaps else 0.0
    scaled = end - begin - sum(stop - start for start, stop in gaps)
    per_second = (100.0 - gap_width * len(gaps)) / scaled if scaled > 0 else 0.0
    pieces: list[_Piece] = []
    at, left = begin, 0.0
    for start, stop in [*gaps, (end, end)]:
        pieces.append(_Piece(at, start, left, (start - at) * per_second, is_gap=False))
        left += pieces[-1].width
        if stop > start:
            pieces.append(_Piece(start, stop, left, gap_width, is_gap=True))
            left += gap_width
        at = stop
    return pieces


def _union(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the times in which at least one of the spans lasts, in order."""
    merged: list[tuple[float, float]] = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(stop, merged[-1][1])
        else:
            merged.append((start, stop))
    return merged


def _position(moment: float, scale: Sequence[_Piece]) -> float:
    piece = next((piece for piece in scale if moment <= piece.end), scale[-1])
    lasts = piece.end - piece.begin
    share = (moment - piece.begin) / lasts if lasts > 0 else 0.0
    return piece.left + piece.width * min(1.0, max(0.0, share))


def _track(spans: Sequence[Span], scale: Sequence[_Piece]) -> Markup:
    words = "; ".join(f"{span.label} {span.status} {duration(span.ended - span.started)}" for span in spans)
    return element(
        "svg",
        element("title", words),
        *(_rectangle("gap", piece.left, piece.width, 0, 24) for piece in scale if piece.is_gap),
        *(_wait(_position(before.ended, scale), _position(after.started, scale)) for before, after in pairwise(spans)),
        *(_bar(span, scale) for span in spans),
        class_="track",
        role="img",
        aria_label=words,
    )


def _bar(span: Span, scale: Sequence[_Piece]) -> Markup:
    left = _position(span.started, scale)
    title = element("title", f"{span.label}: {span.status}, {duration(span.ended - span.started)}")
    return _rectangle(f"bar {span.status.lower()}", left, _position(span.ended, scale) - left, 5, 14, title)


def _wait(left: float, right: float) -> Markup:
    return element("line", class_="wait", x1=f"{left:.2f}%", x2=f"{right:.2f}%", y1=12, y2=12)


def _rectangle(class_: str, left: float, width: float, top: int, height: int, *content: str) -> Markup:
    return element("rect", *content, class_=class_, x=f"{left:.2f}%", width=f"{width:.2f}%", y=top, height=height)


def _axis(scale: Sequence[_Piece]) -> Markup:
    """Return the head of the drawing, with the length of each gap that has room for it."""
    bands = [_rectangle("gap", piece.left, piece.width, 0, 18) for piece in scale if piece.is_gap]
    labels = [
        element("text", about(piece.end - piece.begin), x=f"{piece.left + piece.width / 2:.2f}%", y=13)
        for piece in scale
        if piece.is_gap and piece.width >= _LABELLED
    ]
    return element("svg", *bands, *labels, class_="track head")
