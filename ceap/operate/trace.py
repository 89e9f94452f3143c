"""All that AWS still tells of one message or execution; reads only, and receives no message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple, assert_never

import msgspec

from ceap.aws.executions import Execution, message_in
from ceap.aws.flow import count_messages
from ceap.aws.job_runs import job_runs_of
from ceap.aws.log_lines import parsed, read_lines
from ceap.aws.workflow import DeployedWorkflow
from ceap.operate.attempts import Attempt, attempts_in, read_history
from ceap.operate.finding import Search, Seen, find, kin_of, message_ids, not_found, of_message
from ceap.operate.line_text import is_noise, is_report
from ceap.operate.replay_names import root_of
from ceap.operate.stage_lines import SLACK_S, Part, StageLine, read_stage_lines
from ceap.operate.stage_stories import Objects, list_objects, stage_stories
from ceap.operate.trace_model import ExecutionStory, MessageStory, StageStory, Teller, Trace, TracedStatus
from ceap.operate.trace_next import Flow, place_and_next
from templates.budget import EXECUTIONS_S, EXPRESS_LIMIT_S
from templates.model import StepKind

LINES_MAX: Final = 5
"""How many lines of the last attempt of a failed stage are shown, if not all are wanted."""

_CLOCKS_S: Final = 1.0
"""How far the clocks of a function and of Step Functions may differ; the next attempt begins 20 s later."""


class Extent(NamedTuple):
    """What is read besides what always is; `call` is as in `Flow`."""

    call: str
    with_records: bool = False
    with_lines: bool = False


def trace(search: Search, what: str, wanted: Extent, now: float) -> Trace:
    """Return the story of a message or an execution.

    Raises:
        UsageError: the text cannot be one, or is the beginning of several names.
        CommandError: nothing was found; the message says where it was looked for.
    """
    workflow, found = search.workflow, find(search, what)
    if not found.executions:
        raise not_found(search, what, found.looked)
    every = {(seen.execution.arn, seen.execution.name): seen for seen in found.executions}
    for message in dict.fromkeys(each for seen in found.executions for each in message_ids(seen.execution)):
        every |= {(seen.execution.arn, seen.execution.name): seen for seen in of_message(search, message)}
    if not workflow.is_express:
        for name in {root_of(seen.execution.name) for seen in every.values()}:
            every |= {(seen.execution.arn, seen.execution.name): seen for seen in kin_of(search, name)}
    ordered = sorted(every.values(), key=lambda seen: (seen.execution.started, seen.execution.arn))
    stories = [_execution_story(search, seen, wanted, now) for seen in ordered]
    place, next_step = place_and_next(_flow(search, wanted), stories, now)
    return Trace(
        workflow=workflow.workflow,
        environment=workflow.environment,
        type=workflow.type,
        now=now,
        messages=tuple(_messages(seen.execution for seen in ordered)),
        executions=tuple(stories),
        place=place,
        next=next_step,
    )


def _flow(search: Search, wanted: Extent) -> Flow:
    workflow = search.workflow
    return Flow(
        is_express=workflow.is_express,
        visibility_s=workflow.visibility_timeout_s,
        receives_max=workflow.receives_max,
        waiting=count_messages(search.aws, workflow.queue),
        dead=count_messages(search.aws, workflow.dead_letter_queue),
        call=wanted.call,
    )


def _messages(executions: Iterable[Execution]) -> Iterator[MessageStory]:
    """Yield the messages of executions, each once, as it was received last."""
    latest: dict[str, tuple[Execution, dict[str, Any]]] = {}
    for execution in executions:
        record = message_in(execution.input)
        if record and isinstance(record.get("messageId"), str):
            latest[record["messageId"]] = execution, record
    for message, (execution, record) in latest.items():
        attributes = record.get("attributes") or {}
        yield MessageStory(
            id=message,
            sent=_seconds(attributes.get("SentTimestamp")),
            first_received=_seconds(attributes.get("ApproximateFirstReceiveTimestamp")),
            receives=_receive(record),
            repeats=message_ids(execution)[1:],
        )


def _execution_story(search: Search, seen: Seen, wanted: Extent, now: float) -> ExecutionStory:
    workflow, execution = search.workflow, seen.execution
    objects = list_objects(search.aws, workflow.bucket, execution.name)
    events = seen.events if workflow.is_express or not seen.is_known else read_history(search.aws, execution.arn)
    attempts = attempts_in(events)
    stages = stage_stories(search.aws, workflow, execution.name, objects, attempts, with_records=wanted.with_records)
    stages = [_with_runs(search, workflow, story, execution) for story in stages]
    status, told_by = _status(workflow, seen, stages, objects, now)
    record = message_in(execution.input) or {}
    story = ExecutionStory(
        name=execution.name,
        arn=execution.arn or None,
        status=status,
        told_by=told_by,
        started=execution.started,
        ended=execution.ended,
        error=execution.error,
        cause=execution.cause,
        redrives=execution.redrives,
        redriven=execution.redriven,
        receive=_receive(record),
        message=record.get("messageId"),
        stages=tuple(stages),
        initial_bytes=objects.initial_bytes(execution.name),
        expired=not objects.by_key and now - execution.started > EXECUTIONS_S,
    )
    return _with_lines(search, story, attempts, with_all=wanted.with_lines)


def _status(
    workflow: DeployedWorkflow, seen: Seen, stages: list[StageStory], objects: Objects, now: float
) -> tuple[TracedStatus, Teller]:
    """Return the status of an execution; where the end of an EXPRESS one is in no log, its objects decide."""
    execution = seen.execution
    if not workflow.is_express:
        return execution.status, "Step Functions"
    if execution.status != "RUNNING":
        return execution.status, "its log"
    if objects.has_output(execution.name, workflow.stages[-1]):
        return "SUCCEEDED", "its objects"
    reached = [story for story in stages if story.is_seen]
    if now - execution.started <= EXPRESS_LIMIT_S + SLACK_S:
        return "RUNNING", "its log" if seen.is_known else "its objects"
    if reached and reached[-1].failure and not reached[-1].output:
        return "FAILED", "its objects"
    return "UNKNOWN", "its objects"


def _with_runs(search: Search, workflow: DeployedWorkflow, story: StageStory, execution: Execution) -> StageStory:
    match story.kind:
        case StepKind.LAMBDA:
            return story
        case StepKind.GLUE:
            [worker] = [worker for worker in workflow.workers if worker.stage == story.stage]
            runs = job_runs_of(search.aws, worker.name, execution.name, since_s=execution.started - SLACK_S)
            return msgspec.structs.replace(story, runs=tuple(runs))
        case _:
            assert_never(story.kind)


def _with_lines(search: Search, story: ExecutionStory, attempts: list[Attempt], *, with_all: bool) -> ExecutionStory:
    """Return the story with log lines: all of them, or the last ones of the stage that failed; and the trace's id."""
    failed = story.failed_stage
    wanted = [stage.stage for stage in story.stages if stage.is_seen] if with_all else [failed.stage] if failed else []
    part = Part(story.name, story.started, _until(search.workflow, story), attempts, wanted)
    lines = [line for line in read_stage_lines(search.aws, search.workflow, part) if not is_noise(line.message)]
    stages = tuple(
        msgspec.structs.replace(stage, lines=_of_stage(lines, stage, with_all=with_all)) for stage in story.stages
    )
    return msgspec.structs.replace(story, stages=stages, trace_id=_trace_id(search, story, lines))


def _of_stage(lines: list[StageLine], stage: StageStory, *, with_all: bool) -> tuple[StageLine, ...]:
    """Return all lines of a stage, or the last ones of its last attempt."""
    ours = [line for line in lines if line.stage == stage.stage]
    if with_all:
        return tuple(ours)
    since = stage.attempts[-1].started - _CLOCKS_S if stage.attempts else 0.0
    # Indented is what follows another line: the frames of a traceback.
    told = [line for line in ours if not (line.message[:1].isspace() or is_report(line.message))]
    return tuple([line for line in told if line.timestamp >= since][-LINES_MAX:])


def _until(workflow: DeployedWorkflow, story: ExecutionStory) -> float | None:
    return story.started + EXPRESS_LIMIT_S if workflow.is_express else story.ended


def _trace_id(search: Search, story: ExecutionStory, lines: list[StageLine]) -> str | None:
    """Return the id of the trace that a line of the execution holds, of the first function if none was read."""
    messages = [line.message for line in lines]
    function = next((worker for worker in search.workflow.workers if worker.kind is StepKind.LAMBDA), None)
    if not messages and function is not None:
        until = _until(search.workflow, story)
        found = read_lines(
            search.aws,
            function.log_groups[0],
            story.name,
            since_s=story.started - SLACK_S,
            until_s=None if until is None else until + SLACK_S,
        )
        messages = [line.message for line in found]
    traces = (parsed(message).get("xray_trace_id") for message in messages if message.startswith("{"))
    return next((trace for trace in traces if trace), None)


def _receive(record: dict[str, Any]) -> int | None:
    count = str((record.get("attributes") or {}).get("ApproximateReceiveCount"))
    return int(count) if count.isdecimal() else None


def _seconds(milliseconds: object) -> float | None:
    return int(str(milliseconds)) / 1000 if str(milliseconds).isdecimal() else None
