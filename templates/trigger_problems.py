"""What is wrong with the triggers of a declaration, each with its place and the cure."""

from collections.abc import Iterator
from typing import Final

from handlers.runtime.contract import PermanentStageError
from handlers.runtime.message import Message, decode_message
from handlers.runtime.sources import S3
from templates import budget, discovery, words
from templates.model import LambdaStep, LegacyStep, Workflow
from templates.placeholders import longest, placeholder_problem
from templates.schedule_expression import expression_problem, time_zones
from templates.source import KeyPath
from templates.triggers import ObjectEvents, Schedule, object_message
from templates.words import shown

Problem = tuple[KeyPath, str]

KEY_BYTES: Final = 1024
"""Source: Amazon S3 User Guide, "Naming Amazon S3 objects"."""

CONTEXT: Final = "<aws.scheduler."
"""How the attributes begin that Scheduler replaces. Source: its User Guide, "Adding context attributes"."""


def trigger_problems(workflow: Workflow) -> Iterator[Problem]:
    """Yield the problems of a workflow's triggers, in the order in which to correct them."""
    if workflow.schedule:
        yield from _schedule_problems(workflow, workflow.schedule)
    if workflow.s3_events:
        yield from _object_problems(workflow, workflow.s3_events)


def _schedule_problems(workflow: Workflow, schedule: Schedule) -> Iterator[Problem]:
    if problem := expression_problem(schedule.expression):
        yield ("schedule", "expression"), f"is {shown(schedule.expression)}: it {problem}"
    if schedule.timezone not in time_zones():
        near = words.allowed(schedule.timezone, sorted(time_zones()))
        yield ("schedule", "timezone"), f"is {shown(schedule.timezone)}, which is no IANA time zone; {near}"
    place = ("schedule", "message")
    size = len(longest(schedule.body).encode())
    if size > budget.MAX_MESSAGE_BYTES:
        yield place, f"has {size:,} bytes as JSON; allowed: {budget.MAX_MESSAGE_BYTES:,}; put the records on S3"
    if problem := placeholder_problem(schedule.body):
        yield place, problem
    if CONTEXT in schedule.body:
        yield place, f"holds '{CONTEXT}', which EventBridge Scheduler would replace; write the value"
    step = workflow.steps[0]
    if isinstance(step, LambdaStep) and (problem := _refusal(step, schedule.body)):
        yield place, f"cannot start {step.stage}: {problem}"


def _refusal(step: LambdaStep, body: str) -> str | None:
    """Return why a first stage would refuse a message; None too where only the stage itself can tell."""
    kind = discovery.load_contract(step.handler).message
    if not (isinstance(kind, type) and issubclass(kind, Message)):
        return None
    try:
        source = decode_message(longest(body), kind).source
        if isinstance(source, S3):
            source.check(longest(discovery.source_bucket(step) or "") or None)
    except PermanentStageError as error:
        return str(error)
    return None


def _object_problems(workflow: Workflow, events: ObjectEvents) -> Iterator[Problem]:
    step, place = workflow.steps[0], ("s3_events",)
    if not isinstance(step, LambdaStep):
        cure = f"{step.stage} is a Glue job; put a Lambda stage first"
        yield place, f"needs a first stage that reads a bucket, and {cure}"
        return
    if isinstance(step, LegacyStep):
        cure = f"{step.stage} is done by an existing function; put a step with a handler first"
        yield place, f"needs a first stage that reads a bucket, and {cure}"
        return
    setting = discovery.load_needs(step.handler).bucket_setting
    if setting is None:
        cure = f"name the setting with its bucket as bucket_setting in NEEDS of handlers/{step.handler}.py"
        yield place, f"needs a first stage that reads a bucket, and {step.stage} reads none; {cure}"
    elif (bucket := discovery.source_bucket(step)) is None:
        cure = f"add settings: {{{setting}: NAME}} to the step"
        yield place, f"sends objects of the bucket that {step.stage} reads, and it declares none; {cure}"
    elif problem := _refusal(step, object_message(bucket, "key")):
        yield place, f"sends messages with a source alone, which cannot start {step.stage}: {problem}"
    size = sum(len(part.encode()) for part in (events.prefix, events.suffix) if part)
    if size > KEY_BYTES:
        yield place, f"has a prefix and a suffix of {size:,} bytes; a key has at most {KEY_BYTES:,}: shorten them"
