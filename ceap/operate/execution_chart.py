"""The chart of a workflow with what one execution of it came to, stage by stage."""

from __future__ import annotations

from typing import Final

import msgspec

from ceap.graph.chart import Block, Chart, Outcome
from ceap.operate.moments import shown, span
from ceap.operate.trace_model import ExecutionStory, StageStory
from templates.words import plural

_CAUSE_MAX: Final = 80
"""How many characters of a cause a box shows: `ceap trace` tells all of it."""


def with_execution(chart: Chart, story: ExecutionStory) -> Chart:
    """Return the chart with the outcome of each stage of an execution."""
    stages = {stage.stage: stage for stage in story.stages}
    return msgspec.structs.replace(
        chart,
        states=tuple(_with_outcome(block, stages.get(block.title)) for block in chart.states),
        execution=_told(story),
    )


def _with_outcome(block: Block, stage: StageStory | None) -> Block:
    return block if stage is None else msgspec.structs.replace(block, outcome=outcome_of(stage))


def outcome_of(stage: StageStory) -> Outcome:
    """Return what a stage came to; where no log tells of its attempts, its objects do."""
    if stage.is_skipped:
        return Outcome("SKIPPED", 0)
    if not stage.attempts:
        known = "SUCCEEDED" if stage.output else "FAILED" if stage.failure else "NOT_RUN"
        return Outcome(known, 0, error=stage.failure.error if stage.failure and not stage.output else None)
    first, last = stage.attempts[0], stage.attempts[-1]
    took = None if last.ended is None else round(last.ended - first.started, 2)
    failed = last.error is not None and last.status != "SUCCEEDED"
    return Outcome(last.status, len(stage.attempts), took, _short(last.error, last.cause) if failed else None)


def _short(error: str | None, cause: str | None) -> str:
    text = f"{error}: {cause}" if cause else str(error)
    return text if len(text) <= _CAUSE_MAX else f"{text[:_CAUSE_MAX]}..."


def _told(story: ExecutionStory) -> str:
    took_s = None if story.ended is None else story.ended - story.started
    took = "" if took_s is None else f", {took_s:.1f} s" if took_s < 60 else f", {span(took_s)}"
    redriven = f", redriven {plural(story.redrives, 'time')}" if story.redrives else ""
    status = story.status.replace("_", " ").lower()
    return f"execution {story.name}: {status}, as {story.told_by} told, started {shown(story.started)}{took}{redriven}"
