"""Hypothesis strategies that the property tests share: declarations, from the least to all that a model takes."""

from __future__ import annotations

import string
from functools import cache
from typing import Any

from hypothesis import strategies as st

from templates import budget, discovery, naming
from templates.config import FUNCTION_NAME_MAX, QUEUE_NAME_MAX, RESERVED_STAGES, STEPS_MAX, parse_workflow
from templates.model import Workflow, WorkflowType
from templates.source import Source
from tests import reference

# Those of tests/reference: a project's own handlers may demand settings, which no strategy can know.
HANDLERS = ("keep", "rate", "sift", "take", "tell")
JOBS = ("heavy",)
EXISTING = ("OrdersFunctionArn", "VendorFunctionArn")
"""Parameters of existing functions, which steps may share."""

COUNTS = st.integers(0, 59).flatmap(
    lambda rare: st.integers(7, STEPS_MAX) if rare == 59 else st.integers(1, 4) if rare % 2 else st.integers(1, 6)
)
"""How many steps: few in most workflows, whose templates are judged in a tenth of the time."""

ROOM = FUNCTION_NAME_MAX - naming.longest_function("", "S") + 1
"""How many characters a workflow's name and a purpose have together."""
QUEUE_ROOM = QUEUE_NAME_MAX - naming.longest(naming.resource("", naming.TRIGGER_DEAD_LETTER_QUEUE))
"""How many characters a workflow's name has, for the longest of its queues."""
GENERATED_ROOM = naming.kept_of_stack("F" * naming.GENERATED_MAX) - naming.longest(naming.resource(""))
"""The same where CloudFormation names functions, with any stage."""

NAMES = st.builds(
    lambda first, rest: first + rest,
    st.sampled_from(string.ascii_lowercase),
    st.text(string.ascii_lowercase + string.digits + "-", max_size=19),
).filter(lambda name: name not in (naming.FOUNDATION, naming.DEPLOY))
WORDS = ("A", "B7", "Etl", "Stage", "Function", "Job", "Role", "Policy", "LogGroup", "Output", "Error", "Queue", "Age")
"""Parts of stages, also words that logical ids end in."""
STAGES = st.builds(
    lambda words, rest, ending: "".join(words) + rest + ending,
    st.lists(
        st.sampled_from((*WORDS, "Pipe", "StateMachine", "DeadLetter", "Alarm", "Rejected")), min_size=1, max_size=3
    ),
    st.text(string.ascii_letters + string.digits, max_size=4),
    st.sampled_from(("", "Stage")),
).filter(lambda stage: stage not in RESERVED_STAGES)

PLACED = st.lists(st.sampled_from(("a", "7", "/", "${Environment}", "${AWS::Region}")), min_size=1, max_size=3).map(
    "".join
)
"""Texts that may hold placeholders."""
SIGNS = st.characters(exclude_categories=("C", "Z"), exclude_characters="$")
SENTENCES = st.text(SIGNS.filter(lambda sign: sign <= "\uffff"), min_size=1, max_size=20)

COMMON_KEYS = {
    "description": SENTENCES,
    "tags": st.dictionaries(st.sampled_from(("Team", "Cost centre", "Stage")), PLACED),
    "permissions_boundary": st.booleans(),
}
FUNCTION_KEYS = {
    "memory_mb": st.integers(128, 10240),
    "environment": st.dictionaries(st.sampled_from(("VENDOR_URL", "VENDOR_LEVEL")), PLACED),
    "ephemeral_storage_mb": st.integers(512, 10240),
    "reserved_concurrency": st.integers(1, 1000),
    "rejected_percent": st.integers(1, 100),
}
JOB_KEYS = {
    "workers": st.integers(2, 299),
    "worker_type": st.sampled_from(("G.1X", "G.2X", "G.4X", "G.8X")),
    "timeout_min": st.integers(1, 10_079),
}
TYPES = st.sampled_from(WorkflowType)
NAMING = {"naming": st.sampled_from(("explicit", "generated"))}

BUCKETS = st.sampled_from(("my-exports", "acme-${Environment}", "a" * 63))
SETTINGS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "keep": {"group": PLACED},
    "rate": {"rate": st.floats(0, 1)},
    "sift": {
        "field": st.text(SIGNS, max_size=20),
        "unless": st.lists(st.sampled_from(("new", "paid", "urgent")), max_size=3),
    },
    "take": {"max_rejected": st.integers(0, 1000)},
    "tell": {},
}


def some(keys: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of the keys, each with a value of its strategy."""
    return st.fixed_dictionaries({}, optional=keys)


# A strategy is checked when it is first drawn from: to build one for each example takes longer than to draw from it.
SOME_COMMON_KEYS, SOME_FUNCTION_KEYS, SOME_VPC = some(COMMON_KEYS), some(FUNCTION_KEYS), some({"vpc": st.booleans()})
SOME_NAMING = some(NAMING)
GLUE_STEPS = st.builds(lambda job, keys: {"glue": job, **keys}, st.sampled_from(JOBS), some(JOB_KEYS))
HANDLER = st.sampled_from(HANDLERS) | st.none()
FOUND = {size: st.lists(STAGES, min_size=size, max_size=size, unique_by=naming.purpose) for size in range(1, 7)}


@cache
@st.composite
def _names(draw: st.DrawFn, name_max: int) -> tuple[str, list[str]]:
    """Draw a workflow's name and its stages, which fit into the names of functions and queues, if barely."""
    count = draw(COUNTS)
    begin = draw(NAMES)
    name = _filled(begin[:name_max], draw(st.sampled_from((0, 0, name_max))))
    room = ROOM - len(name)
    numbered = count > 6
    found = draw(FOUND[min(count, 6)])
    purposes = [naming.purpose(stage)[: room - 2 if numbered else room] for stage in found]
    if numbered or len({*purposes}) < count or {*purposes} & {*RESERVED_STAGES, ""}:
        purposes = [f"{'S' if numbered else purposes[n][: room - 2] or 'S'}{n:02}" for n in range(count)]
    longest = draw(st.integers(0, count - 1)) if draw(st.booleans()) else None
    if longest is not None:
        purposes[longest] = _filled(purposes[longest], room)
    endings = [stage.endswith("Stage") for stage in found]
    return name, [purpose + "Stage" * endings[n % len(endings)] for n, purpose in enumerate(purposes)]


def _filled(begin: str, length: int) -> str:
    return begin + "x" * (length - len(begin))


@cache
@st.composite
def _functions(draw: st.DrawFn, *, is_first: bool, timeout_s: int) -> dict[str, Any]:
    """Draw a Lambda step but for its stage: a handler with its settings, or an existing function."""
    handler = draw(HANDLER)
    keys = {"timeout_s": draw(st.integers(1, timeout_s)), **draw(SOME_FUNCTION_KEYS)}
    if handler is None:
        return {"legacy": draw(st.sampled_from(EXISTING)), **keys}
    settings = draw(_settings(handler, is_first=is_first))
    return {"handler": handler, **({"settings": settings} if settings else {}), **keys}


@cache
def _settings(handler: str, *, is_first: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Some of the settings of a handler; of that which its role depends on, where the first step alone has it."""
    setting = discovery.load_needs(handler).bucket_setting
    return some(SETTINGS[handler] | ({setting: BUCKETS} if setting and is_first else {}))


@cache
def _work(workflow_type: WorkflowType, timeout_s: int, *, is_first: bool) -> st.SearchStrategy[dict[str, Any]]:
    """What a step may be, but for its stage."""
    functions = _functions(is_first=is_first, timeout_s=timeout_s)
    return functions if workflow_type is WorkflowType.EXPRESS else functions | GLUE_STEPS


@st.composite
def _steps(draw: st.DrawFn, workflow_type: WorkflowType, stages: list[str]) -> list[dict[str, Any]]:
    """Draw what does each stage; of many stages, several in turn alike."""
    timeout_s = 900
    if workflow_type is WorkflowType.EXPRESS:
        timeout_s = budget.EXPRESS_LIMIT_S // len(stages)
    bodies = [draw(_work(workflow_type, timeout_s, is_first=not number)) for number in range(min(len(stages), 6))]
    others = bodies[1:] or bodies
    chosen = [bodies[0], *(others[number % len(others)] for number in range(len(stages) - 1))]
    return [{"stage": stage, **body} for stage, body in zip(stages, chosen, strict=True)]


@cache
@st.composite
def _declarations(draw: st.DrawFn, workflow_type: WorkflowType, name_max: int = QUEUE_ROOM) -> dict[str, Any]:
    name, stages = draw(_names(name_max))
    steps = draw(_steps(workflow_type, stages))
    declaration = {"name": name, "type": workflow_type.value, "steps": steps, **draw(SOME_COMMON_KEYS)}
    if any("glue" not in step for step in steps):
        declaration |= draw(SOME_VPC)
    return declaration


def declarations() -> st.SearchStrategy[dict[str, Any]]:
    """Valid EXPRESS declarations as plain data: 1 to 50 steps in any order, of handlers and existing functions."""
    return _declarations(WorkflowType.EXPRESS)


def standard_declarations() -> st.SearchStrategy[dict[str, Any]]:
    """Valid STANDARD declarations as plain data: 1 to 50 steps, also of existing functions and Glue, in any order."""
    return _declarations(WorkflowType.STANDARD)


@st.composite
def named_declarations(draw: st.DrawFn) -> dict[str, Any]:
    """Valid declarations of both types as plain data, in which each step may choose the naming of its function.

    Their names are so short that CloudFormation keeps them in full, with any stage.
    """
    declaration = draw(_declarations(draw(TYPES), GENERATED_ROOM))
    steps = [step | (draw(SOME_NAMING) if "glue" not in step else {}) for step in declaration["steps"]]
    return declaration | draw(SOME_NAMING) | {"steps": steps}


TIMES = ("rate(1 hour)", "cron(0/15 8-17 ? * MON-FRI *)", "at(2027-01-31T02:00:00)")
INLINE = {"source": {"kind": "inline", "records": []}}
KEY_PARTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
SCHEDULES = st.fixed_dictionaries(
    {"expression": st.sampled_from(TIMES), "message": st.just(INLINE)},
    optional={"timezone": st.sampled_from(("UTC", "Europe/Berlin"))},
)
READER = {"handler": "take", "timeout_s": 1, "settings": {"source_bucket": "my-exports"}}


ALL = declarations() | standard_declarations()
TRIGGERS = st.sampled_from([["schedule"], ["s3_events"], ["schedule", "s3_events"]])
KINDS = {"schedule": SCHEDULES, "s3_events": some({"prefix": KEY_PARTS, "suffix": KEY_PARTS})}


@st.composite
def triggered_declarations(draw: st.DrawFn) -> dict[str, Any]:
    """Valid declarations of both types as plain data, with a schedule, object events or both."""
    return draw(_triggered(draw(ALL)))


@st.composite
def _triggered(draw: st.DrawFn, declaration: dict[str, Any]) -> dict[str, Any]:
    kept = draw(TRIGGERS)
    if "s3_events" in kept:
        [first, *others] = declaration["steps"]
        declaration = declaration | {"steps": [{"stage": first["stage"], **READER}, *others]}
    return declaration | {name: draw(KINDS[name]) for name in kept}


REASON = "The audit asks for it"
WAITS = st.fixed_dictionaries(
    {"max_attempts": st.integers(3, 10), "reason": st.just(REASON)},
    optional={"interval_s": st.integers(1, 3600), "backoff_rate": st.floats(1, 10)},
)
DAYS = st.fixed_dictionaries({"value": st.sampled_from((1, 90, 3653)), "reason": st.just(REASON)})


@st.composite
def reasoned_declarations(draw: st.DrawFn) -> dict[str, Any]:
    """Valid STANDARD declarations as plain data, with other retriers and days of logs, for which they give reasons."""
    declaration = draw(standard_declarations())
    steps = [{"stage": "TakeStage", "handler": "take"}, {"stage": "HeavyStage", "glue": "heavy"}]
    retry = {"lambda": draw(WAITS), "glue": draw(WAITS)}
    return declaration | {"name": draw(NAMES), "steps": steps, "retry": retry, "log_retention_days": draw(DAYS)}


QUEUES = {"queue": "OrdersQueueName", "dead_letter_queue": "OrdersDeadLetterQueueName"}
BUS = {"event_bus": "OrdersEventBusName"}
ASK = {"handler": "ask", "settings": {"reads_text": True}}
"""A handler with secrets, parameters and grants."""
PIPE = {"Pipe": {"Description": "Takes orders"}}


ANY = named_declarations() | triggered_declarations() | declarations() | standard_declarations()


def _telling(step: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in step.items() if key != "settings"} | {"handler": "tell"}


@st.composite
def whole_declarations(draw: st.DrawFn) -> dict[str, Any]:
    """Valid declarations of both types as plain data, with anything that a declaration may have."""
    declaration = draw(ANY)
    [first, *others] = declaration["steps"]
    asking = draw(st.booleans())
    steps = [first, *(step | ASK if asking and step.get("handler") == "take" else step for step in others)]
    telling = draw(st.booleans())  # else few would have an event bus to adopt
    steps = [_telling(step) if telling and step.get("handler") == "keep" else step for step in steps]
    jobs = [step for step in steps if "glue" in step]
    waits = {"lambda": WAITS} if len(jobs) < len(steps) or "glue" in steps[0] else {}
    optional: dict[str, st.SearchStrategy[Any]] = {
        "retry": some(waits | ({"glue": WAITS} if jobs else {})),
        "log_retention_days": DAYS | st.just(14),
        "dashboard": st.booleans(),
        "overrides": st.just(PIPE),
        "resources": st.just("resources/note.yaml"),
    }
    queues = {} if "s3_events" in declaration else QUEUES
    bus = BUS if any(step.get("handler") == "tell" for step in steps) else {}
    optional["adopt"] = st.sampled_from((queues, bus, queues | bus, {}))
    return declaration | draw(some(optional)) | {"steps": steps}


def workflow_of(declaration: dict[str, Any]) -> Workflow:
    """Return the workflow that plain data declares, in a file beside those of the reference."""
    return parse_workflow(Source(str(reference.WORKFLOWS / "declaration.yaml"), declaration, {}))


def workflows() -> st.SearchStrategy[Workflow]:
    """Valid EXPRESS workflows."""
    return declarations().map(workflow_of)


def standard_workflows() -> st.SearchStrategy[Workflow]:
    """Valid STANDARD workflows."""
    return standard_declarations().map(workflow_of)


def named_workflows() -> st.SearchStrategy[Workflow]:
    """Valid workflows of both types, in which either names functions: ceap or CloudFormation."""
    return named_declarations().map(workflow_of)


def triggered_workflows() -> st.SearchStrategy[Workflow]:
    """Valid workflows of both types that something starts."""
    return triggered_declarations().map(workflow_of)


def reasoned_workflows() -> st.SearchStrategy[Workflow]:
    """Valid STANDARD workflows that give reasons for other retriers and days of logs."""
    return reasoned_declarations().map(workflow_of)


def whole_workflows() -> st.SearchStrategy[Workflow]:
    """Valid workflows of both types, with anything that a declaration may have."""
    return whole_declarations().map(workflow_of)


def all_workflows() -> st.SearchStrategy[Workflow]:
    """Valid workflows of both types."""
    return workflows() | standard_workflows()
