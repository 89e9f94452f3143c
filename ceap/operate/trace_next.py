"""Where a message is now, and what to do next: said only as far as the executions tell it.

SQS finds no message by its id, and to receive one only to look at it would count as a receive.
Source: SQS Developer Guide, "Dead-letter queues"; Step Functions Developer Guide, "Redriving executions".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from ceap.aws.executions import without_place
from ceap.aws.flow import Messages
from ceap.operate.failure_kinds import RUNBOOK_WRONG_MESSAGE
from ceap.operate.moments import shown
from ceap.operate.trace_model import ExecutionStory, NextStep
from handlers.runtime.message import WRONG_MESSAGE
from templates.budget import REDRIVABLE_S

AGAIN_S: Final = 120.0
"""How long after it is visible again a message may take to show as an execution in the log."""

NOTHING: Final = "nothing to do"
_NOT_LOADED: Final = ("Runtime.ImportModuleError", "Runtime.UserCodeSyntaxError", "Runtime.HandlerNotFound")
_PASSING: Final = re.compile(r"ClientError\b|\w*(Timeout|Connection)\w*\(")
"""Exceptions of what a handler calls, e.g. of AWS: a later attempt may find it well."""

_DELETED: Final = "deleted it when it had started the execution, whose input keeps it"

_CORRECT_MESSAGE: Final = NextStep(text=f"send a corrected message, as this one fails again: {RUNBOOK_WRONG_MESSAGE}")


class Flow(NamedTuple):
    """What is known of the way of messages: `call` are the arguments of commands, e.g. `--env dev workflows/a.yaml`."""

    is_express: bool
    visibility_s: float
    receives_max: int | None
    waiting: Messages
    dead: Messages
    call: str


def place_and_next(flow: Flow, executions: Sequence[ExecutionStory], now: float) -> tuple[str, NextStep]:
    """Return where the message is, and what to do; the executions are those of the message, the earliest first."""
    last = executions[-1]
    if last.status == "SUCCEEDED":
        why = "deletes the message of an execution that succeeded" if flow.is_express else _DELETED
        return f"not in the queue: the pipe {why}", NextStep(text=f"{NOTHING}: execution {last.name} succeeded")
    place, step = _unfinished(flow, last, now)
    done = next((each for each in reversed(executions) if each.status == "SUCCEEDED"), None)
    if done is None:
        return place, step
    return place, msgspec.structs.replace(step, text=f"{step.text}; execution {done.name} succeeded before it")


def _unfinished(flow: Flow, last: ExecutionStory, now: float) -> tuple[str, NextStep]:
    if last.status == "RUNNING":
        place = "in flight: the pipe waits for the end of the execution" if flow.is_express else _of_standard(last)
        text = f"wait: execution {last.name} runs; follow its lines"
        return place, NextStep(text=text, command=f"ceap logs {flow.call} {last.name} --follow")
    if flow.is_express:
        return _after_express(flow, last, now)
    return _of_standard(last), _after_standard(flow, last, now)


def _of_standard(last: ExecutionStory) -> str:
    if last.message is None:
        return "there is no message: somebody started the execution, not the pipe"
    return f"not in the queue: the pipe {_DELETED}"


def _after_standard(flow: Flow, last: ExecutionStory, now: float) -> NextStep:
    if _has_wrong_message(last):
        return _CORRECT_MESSAGE
    cure = _cure(last)
    if last.ended is not None and now - last.ended > REDRIVABLE_S:
        why = "it ended more than 14 days ago, so AWS does not redrive it"
    elif last.expired:
        why = "the outputs of its stages have expired, so a redrive finds no input"
    else:
        stage = last.failed_stage.stage if last.failed_stage else "where it failed"
        text = f"{cure}redrive the execution from {stage}"
        return NextStep(text=text, command=f"ceap redrive {flow.call} {last.name}")
    return NextStep(text=f"{cure}replay its message: {why}", command=f"ceap replay {flow.call} {last.name}")


def _after_express(flow: Flow, last: ExecutionStory, now: float) -> tuple[str, NextStep]:
    status = f"ceap status {flow.call}"
    counts = f"the queue has {flow.waiting}, the dead-letter queue {flow.dead}; SQS finds none by its id"
    if last.receive is None:
        place = f"not known: no log tells which message the execution took; {counts}"
        return place, NextStep(text="see what waits in the queues", command=status)
    due = last.started + flow.visibility_s
    is_last = flow.receives_max is not None and last.receive >= flow.receives_max
    if is_last and now < due:
        place = f"in the queue, hidden until about {shown(due)}; then SQS moves it to the dead-letter queue"
        text = f"{_cure(last)}wait until about {shown(due)}, when it is a dead letter, and ask again"
        return place, NextStep(text=text)
    if is_last:
        place = f"in the dead-letter queue since about {shown(due)}, unless it was replayed or deleted; {counts}"
        if _has_wrong_message(last):
            return place, _CORRECT_MESSAGE
        command = f"ceap replay {flow.call} --dead-letters --message {last.message}"
        return place, NextStep(text=f"{_cure(last)}replay the dead letter", command=command)
    if now < due + AGAIN_S:
        place = f"in the queue, hidden until about {shown(due)}; then the pipe receives it again"
        return place, NextStep(text=f"wait: the pipe receives the message again at about {shown(due)}")
    place = f"not known: it was to be received again at about {shown(due)}; {counts}"
    return place, NextStep(text="see whether the pipe runs, and what waits", command=status)


def _has_wrong_message(last: ExecutionStory) -> bool:
    failure = last.failed_stage.failure if last.failed_stage else None
    return ((failure.message if failure else None) or last.cause or "").startswith(WRONG_MESSAGE)


def _cure(last: ExecutionStory) -> str:
    """Return what to do before the execution goes on, if trying again alone cannot help."""
    error = last.error or ""
    if place := _place_of_fault(last):
        return f"correct {place}, deploy, then "
    if error.startswith(_NOT_LOADED):
        return "correct the cause, deploy, then "
    return "correct the cause, then " if error == "PermanentStageError" else ""


def _place_of_fault(last: ExecutionStory) -> str | None:
    """Return where a handler raised an exception which no stage chose, and which does not pass by itself."""
    stage = last.failed_stage
    if stage is None or stage.failure is None or not stage.failure.cause:
        return None
    failure, said = stage.failure, stage.failure.message or ""
    is_of_last = not stage.attempts or without_place(stage.attempts[-1].cause) == said
    if not (is_of_last and said.startswith("unexpected ")) or _PASSING.match(failure.cause or ""):
        return None
    return failure.frame
