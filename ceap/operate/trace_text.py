"""The story of a message or an execution as text: what happened, in the order of its times, then what to do."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Sequence
from typing import Final, assert_never

from ceap.aws.executions import without_place
from ceap.aws.job_runs import JobRun
from ceap.operate.attempts import Attempt
from ceap.operate.line_text import line_text
from ceap.operate.moments import shown, took
from ceap.operate.trace_model import (
    ExecutionStory,
    MessageStory,
    Output,
    RecordCounts,
    StageFailure,
    StageStory,
    Trace,
)
from templates.words import plural

_WIDTH_MIN: Final = 12
_AGAIN: Final = "the same error again"


def trace_lines(trace: Trace) -> Iterator[str]:
    """Yield the story line by line, the next step last."""
    for message in trace.messages:
        yield from _message(message)
    for execution in trace.executions:
        yield from _execution(execution)
    yield f"now   {trace.place}"
    yield f"next  {trace.next.text}{f': {trace.next.command}' if trace.next.command else ''}"


def _message(message: MessageStory) -> Iterator[str]:
    yield f"message {message.id}"
    if message.sent is not None:
        yield f"  sent {shown(message.sent)}"
    if message.receives is not None:
        first = "" if message.first_received is None else f", first at {shown(message.first_received)}"
        yield f"  received {plural(message.receives, 'time')} when its last execution started{first}"
    for repeated in message.repeats:
        yield f"  repeats message {repeated}"


def _execution(execution: ExecutionStory) -> Iterator[str]:
    yield f"execution {execution.name}"
    failed = execution.failed_stage
    at = f" at {failed.stage}" if failed else ""
    yield f"  {execution.status}{at}, as {execution.told_by} {_tells(execution)}{_reason(execution)}"
    receive = "" if execution.receive is None else f", receive {execution.receive} of its message"
    lasted = "" if execution.ended is None else f", {took(execution.ended - execution.started)}"
    yield f"  started {shown(execution.started)}{lasted}{receive}"
    if execution.redriven is not None:
        yield f"  redriven {plural(execution.redrives, 'time')}, last {shown(execution.redriven)}"
    if execution.trace_id:
        yield f"  X-Ray trace {execution.trace_id}"
    if execution.initial_bytes is not None:
        yield f"  initial/output.json, {plural(execution.initial_bytes, 'byte')}: the message, for the job"
    if execution.expired:
        yield "  no objects: what it wrote has expired after 7 days"
    width = max([_WIDTH_MIN, *(len(stage.stage) for stage in execution.stages)])
    for stage in execution.stages:
        title = stage.stage
        for line in _stage(stage, is_over=execution.status != "RUNNING", expired=execution.expired):
            yield f"  {title:<{width}}  {line}".rstrip()
            title = ""


def _tells(execution: ExecutionStory) -> str:
    return "tell" if execution.told_by == "its objects" else "tells" if execution.told_by == "its log" else "says"


def _reason(execution: ExecutionStory) -> str:
    """Return error and cause, unless an attempt of a stage says the same."""
    told = {(attempt.error, attempt.cause) for stage in execution.stages for attempt in stage.attempts}
    return "" if (execution.error, execution.cause) in told else _said(execution.error, execution.cause)


def _said(error: str | None, cause: str | None) -> str:
    """Return error and cause after a colon; the place that a stage writes behind its cause is known here."""
    text = ": ".join(part for part in (error, without_place(cause)) if part)
    return f": {text}" if text else ""


def _stage(stage: StageStory, *, is_over: bool, expired: bool) -> Iterator[str]:
    if not stage.is_seen:
        yield "not reached" if is_over else "not reached yet"
        return
    yield from _work(stage)
    if stage.failure:
        yield f"{_time(stage.failure.written)} error.json{_file_said(stage.failure, stage.attempts)}"
        if stage.failure.cause:
            yield f"  {stage.failure.cause}{f', at {stage.failure.frame}' if stage.failure.frame else ''}"
        if stage.failure.details is not None:
            yield f"  {json.dumps(stage.failure.details, ensure_ascii=False)}"
    if stage.rejected:
        yield f"{_time(stage.rejected.written)} rejected.jsonl, {plural(stage.rejected.size_bytes, 'byte')}"
        yield from (f"  {code}: {reason}" for code, reason in stage.rejected.reasons)
        yield from (f"  {json.dumps(record, ensure_ascii=False)}" for record in stage.rejected.records)
    if stage.output:
        yield from _output(stage.output, is_skipped=stage.is_skipped)
    elif not expired:
        yield "no output.json"
    yield from (f"| {line_text(line, '')}" for line in stage.lines)


def _file_said(failure: StageFailure, attempts: Sequence[Attempt]) -> str:
    """Return what error.json says; it is older than the last attempts, if these failed before their handler began."""
    said = _said(failure.error, failure.message)
    same = [attempt.number for attempt in attempts if _said(attempt.error, attempt.cause) == said]
    if not same:
        return said
    return " says the same" if same[-1] == attempts[-1].number else f" says the same as attempt {same[-1]}"


def _work(stage: StageStory) -> Iterator[str]:
    """Yield attempts and job runs in the order of their times; those of objects are too coarse to stand among them."""
    redrive, before, causes = 0, "", {attempt.cause for attempt in stage.attempts}
    entries: list[Attempt | JobRun] = [*stage.attempts, *stage.runs]
    for entry in sorted(entries, key=lambda entry: entry.started):
        match entry:
            case Attempt():
                if entry.redrive != redrive:
                    redrive = entry.redrive
                    yield f"redrive {redrive}"
                said = _said(entry.error, entry.cause)
                again = f": {_AGAIN}" if said and said == before else said
                yield f"{_time(entry.started)} attempt {entry.number} {entry.status}{_lasted(entry)}{again}"
                before = said
            case JobRun():
                error = "" if entry.error in causes else _said(None, entry.error)
                yield f"{_time(entry.started)} job run {entry.id} {entry.state}{_lasted(entry)}{error}"
            case _:
                assert_never(entry)


def _lasted(entry: Attempt | JobRun) -> str:
    return "" if entry.ended is None else f" in {took(entry.ended - entry.started)}"


def _output(output: Output, *, is_skipped: bool = False) -> Iterator[str]:
    copied = f", copied from execution {output.copied_from}" if output.copied_from else ""
    skipped = ": the stage was skipped" if is_skipped else ""
    yield f"{_time(output.written)} output.json, {plural(output.size_bytes, 'byte')}{copied}{skipped}"
    if output.problem:
        yield f"  {output.problem}"
    if output.counts:
        yield f"  {_equation(output.counts)}"
    if output.codes:
        yield f"  rejected by code: {', '.join(f'{code} {count}' for code, count in output.codes.items())}"
    if output.others:
        yield f"  its own counts: {', '.join(f'{name} {count}' for name, count in output.others.items())}"


def _equation(counts: RecordCounts) -> str:
    sign = "=" if counts.is_even else "is not"
    return (
        f"{counts.records_in} in + {counts.expanded} expanded {sign} {counts.out} out + {counts.rejected} rejected + "
        f"{counts.merged} merged + {counts.stale} stale"
    )


def _time(moment: float) -> str:
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%H:%M:%S")
