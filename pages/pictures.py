"""The pictures of the pages, drawn from the project's own numbers: `python -m pages.pictures` writes docs/pictures/."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from ceap.cfn.template import parse_template
from ceap.graph.read import read_chart
from ceap.graph.svg import draw_svg
from ceap.project import ROOT
from handlers.runtime.aws import CLIENT_ATTEMPTS
from pages.drawing import WHOLE, Box, Column, Drawing
from templates import budget
from templates.config import load_workflow
from templates.model import GlueRetryPolicy, RetryPolicy
from templates.render import render
from templates.stacks import workflow_stack

FOLDER: Final = ROOT / "docs" / "pictures"
GRAPHS: Final = ("realtime", "batch")
"""The workflows of the sample whose graphs the pages show; a clone without the sample draws none."""

_DAYS: Final = 24 * 3600
_LEFT: Final = Column(10, 205)
_RIGHT: Final = Column(225, 205)
_MAIN: Final = Column(10, 235)
_SIDE: Final = Column(275, 155)
_LAMBDA: Final = RetryPolicy()
_GLUE: Final = GlueRetryPolicy()


def draw_message() -> str:
    """Return the way of a message, from its sender to the last stage."""
    drawing = Drawing(
        "The way of a message",
        "A message waits in the queue; the pipe starts the state machine with it; each stage reads what the one "
        "before it wrote to the workflow bucket, and writes its own output there.",
    )
    drawing.box(_MAIN, ["message", f"at most {budget.MAX_MESSAGE_BYTES:,} bytes"])
    drawing.down(_MAIN)
    top = drawing.y
    drawing.box(
        _MAIN, ["queue", f"keeps it for {budget.RETENTION_S // _DAYS} days;", "hides it while it is worked on"], "queue"
    )
    drawing.across(_MAIN.x + _MAIN.width, _SIDE.x, top + 34)
    letters = ["dead-letter queue", f"after {budget.MAX_RECEIVES} receives;", "an alarm fires"]
    drawing.box(_SIDE, letters, "queue", y=top)
    drawing.down(_MAIN, "one at a time")
    drawing.box(_MAIN, ["pipe", "EXPRESS: waits for the result", "STANDARD: starts the execution"])
    drawing.down(_MAIN, "execution")
    for number, (stage, reads) in enumerate((("first stage", "the message"), ("next stage", ""), ("last stage", ""))):
        lines = [stage, f"reads {reads or 'what the one before wrote'}", "writes its output"]
        top = drawing.y
        drawing.box(_MAIN, lines, "function")
        drawing.across(_MAIN.x + _MAIN.width, _SIDE.x, top + 42)
        if number:
            drawing.across(_SIDE.x, _MAIN.x + _MAIN.width, top + 24)
        drawing.box(_SIDE, ["workflow bucket", "{stage}/output.json", f"for {budget.EXECUTIONS_DAYS} days"], y=top)
        if stage != "last stage":
            drawing.down(_MAIN)
    drawing.note(WHOLE, ["Objects lie under executions/{execution id}/."])
    return drawing.document()


def draw_failure() -> str:
    """Return the life of a failure, in both types."""
    drawing = Drawing(
        "The life of a failure",
        "A stage that fails is tried again, but for permanent errors. Then the execution fails. EXPRESS: the message "
        "returns to the queue and at last to the dead-letter queue. STANDARD: the execution keeps the message.",
    )
    permanent = "PermanentStageError: it is not tried again"
    drawing.box(WHOLE, ["a stage fails", permanent, f"any other error: {_tries(_LAMBDA)}"], "function")
    drawing.down(WHOLE, "the last attempt failed")
    drawing.box(WHOLE, ["the execution fails", "at that stage: there is no Catch; earlier outputs stay"], "alarm")
    hidden = f"hidden for at least {budget.express_visibility_s(0)} s"
    kept = f"for {budget.RETENTION_S // _DAYS} days; an alarm fires"
    express: list[Box] = [
        ("queue", ["message returns", hidden, f"received {budget.MAX_RECEIVES} times in all"]),
        ("queue", ["dead-letter queue", "the body as it was sent,", kept]),
        ("succeeded", ["ceap replay", "--dead-letters: back to the", "queue, once it is mended"]),
    ]
    standard: list[Box] = [
        ("plain", ["execution keeps it", "the pipe has deleted the", "message; kept for 90 days"]),
        ("alarm", ["alert topic", "FAILED, TIMED_OUT and", "ABORTED; alarms besides"]),
        ("succeeded", ["ceap redrive", f"goes on, for {budget.EXECUTIONS_DAYS} days;", "ceap replay: anew"]),
    ]
    start = drawing.y
    drawing.chain(_LEFT, express, "EXPRESS", y=start)
    drawing.chain(_RIGHT, standard, "STANDARD", y=start)
    return drawing.document()


def draw_retries() -> str:
    """Return who retries what, from the innermost to people."""
    drawing = Drawing(
        "Who retries what",
        "The client of AWS inside a stage, then the state machine, then the queue, then people.",
    )
    in_all = (1 + _LAMBDA.max_attempts) * budget.MAX_RECEIVES
    refused = budget.CONCURRENCY_RETRY
    client = ["1. the AWS client, in a stage", "throttling, 5xx, network:", f"{CLIENT_ATTEMPTS} attempts of a call"]
    machine = [
        "2. the state machine: the task of a stage",
        f"Lambda: {_tries(_LAMBDA)}",
        f"Glue: {_tries(_GLUE)}",
        f"Glue, all runs in use: {1 + refused.max_attempts} attempts, the first wait {refused.interval_s} s",
        "PermanentStageError: not at all",
    ]
    queue = [
        "3. the queue: an execution, with a new id",
        f"EXPRESS: {budget.MAX_RECEIVES} receives, so at most {in_all} attempts of a stage",
        "STANDARD: only if the execution cannot be started",
    ]
    drawing.box(WHOLE, client, "function")
    people = ["4. people, once the cause is mended", "ceap redrive, ceap replay"]
    drawing.chain(WHOLE, [("plain", machine), ("queue", queue), ("succeeded", people)], "what still fails goes to")
    drawing.note(WHOLE, [f"EXPRESS: attempts and waits together take at most {budget.EXPRESS_LIMIT_S} s."])
    return drawing.document()


def draw_graph(name: str) -> str:
    """Return what `ceap graph` draws of a committed declaration."""
    workflow = load_workflow(ROOT / "workflows" / f"{name}.yaml")
    return draw_svg(read_chart(parse_template(render(workflow_stack(workflow)), f"{name}.template.yaml")))


PICTURES: Final[dict[str, Callable[[], str]]] = {
    "message.svg": draw_message,
    "failure.svg": draw_failure,
    "retries.svg": draw_retries,
}


def draw_all() -> Iterator[tuple[str, str]]:
    """Yield each picture: the name of its file, and its text."""
    for file, draw in PICTURES.items():
        yield file, draw()
    for name in GRAPHS:
        if (ROOT / "workflows" / f"{name}.yaml").exists():
            yield f"{name}.svg", draw_graph(name)


def _tries(retry: RetryPolicy) -> str:
    waits = [f"{retry.interval_s * retry.backoff_rate**number:g} s" for number in range(retry.max_attempts)]
    return f"{1 + retry.max_attempts} attempts, after waits of {' and '.join(waits)}"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in draw_all():
        (FOLDER / name).write_text(text, encoding="utf-8")
