"""The chart of a workflow with what one execution of it came to, stage by stage."""

from __future__ import annotations

from typing import Final

import msgspec

from ceap.graph.chart import Block, Chart, Outcome
from ceap.log_text import cut
from ceap.operate.moments import shown, took
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
        if stage.output and not stage.output.copied_from:
            return Outcome("SUCCEEDED", 0)
        return Outcome("FAILED", 0, error=stage.failure.error) if stage.failure else Outcome("NOT_RUN", 0)
    first, last = stage.attempts[0], stage.attempts[-1]
    lasted_s = None if last.ended is None else round(last.ended - first.started, 2)
    failed = last.error is not None and last.status != "SUCCEEDED"
    return Outcome(last.status, len(stage.attempts), lasted_s, _short(last.error, last.cause) if failed else None)


def _short(error: str | None, cause: str | None) -> str:
    return cut(f"{error}: {cause}" if cause else str(error), _CAUSE_MAX)


def _told(story: ExecutionStory) -> str:
    lasted = "" if story.ended is None else f", {took(story.ended - story.started)}"
    redriven = f", redriven {plural(story.redrives, 'time')}" if story.redrives else ""
    status = story.status.replace("_", " ").lower()
    return (
        f"execution {story.name}: {status}, as {story.told_by} told, started {shown(story.started)}{lasted}{redriven}"
    )
