"""Declarations with one thing wrong: each takes a valid declaration and says how it is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from templates.naming import purpose

Declaration = dict[str, Any]


class Wrong(NamedTuple):
    """A declaration, and how its refusal begins: with the place."""

    declaration: Declaration
    said: str


Violation = Callable[[Declaration, int], Wrong | None]
"""Makes something wrong, in the step of a number if in a step; None if the declaration is not of that kind."""


def _top(said: str, **keys: Any) -> Violation:
    return lambda declaration, _: Wrong(declaration | keys, said)


def _without(key: str) -> Violation:
    return lambda declaration, _: Wrong(
        {name: value for name, value in declaration.items() if name != key}, f"{key} is "
    )


def _replaced(declaration: Declaration, number: int, step: dict[str, Any], said: str) -> Wrong:
    steps = declaration["steps"]
    return Wrong(declaration | {"steps": [*steps[:number], step, *steps[number + 1 :]]}, f"steps[{number}]{said}")


def _keys(said: str, *, of: str = "", **keys: Any) -> Violation:
    """Keys of a step, if it has the one that is named."""

    def change(declaration: Declaration, number: int) -> Wrong | None:
        step = declaration["steps"][number]
        return _replaced(declaration, number, step | keys, said) if not of or of in step else None

    return change


def _function(said: str, **keys: Any) -> Violation:
    """Keys of a step that a function does."""

    def change(declaration: Declaration, number: int) -> Wrong | None:
        step = declaration["steps"][number]
        return None if "glue" in step else _replaced(declaration, number, step | keys, said)

    return change


def _body(said: str, kind: str = "", **keys: Any) -> Violation:
    """Another step of the same stage, in a workflow of a type."""

    def change(declaration: Declaration, number: int) -> Wrong | None:
        step = {"stage": declaration["steps"][number]["stage"], **keys}
        return _replaced(declaration, number, step, said) if kind in ("", declaration["type"]) else None

    return change


def _earlier(declaration: Declaration, number: int) -> Wrong | None:
    """The stage of the first step again."""
    first = declaration["steps"][0]["stage"]
    step = declaration["steps"][number] | {"stage": first}
    return _replaced(declaration, number, step, f".stage is {first!r} and an earlier step") if number else None


def _colliding(declaration: Declaration, number: int) -> Wrong | None:
    """The purpose of the first step with another ending."""
    first = declaration["steps"][0]["stage"]
    stage = purpose(first) if first.endswith("Stage") else f"{first}Stage"
    step = declaration["steps"][number] | {"stage": stage}
    return _replaced(declaration, number, step, f".stage is {stage!r} beside {first!r}") if number else None


def _too_long_together(declaration: Declaration, number: int) -> Wrong | None:
    """An EXPRESS workflow whose steps take a second more than the limit together."""
    step, steps = declaration["steps"][number], declaration["steps"]
    taken = sum(each.get("timeout_s", 60) for each in steps) - step.get("timeout_s", 60)
    if declaration["type"] != "EXPRESS" or len(steps) == 1:
        return None
    wrong = _replaced(declaration, number, step | {"timeout_s": 301 - taken}, "")
    return Wrong(wrong.declaration, "steps take up to 301 s together")


def _long_name(declaration: Declaration, number: int) -> Wrong | None:
    step = declaration["steps"][number]
    if step.get("naming", declaration.get("naming")) == "generated" and "glue" not in step:
        return None
    stage = "S" + "x" * 45
    return _replaced(declaration, number, step | {"stage": stage}, f".stage is '{stage}': the function ceap-")


def _late_bucket(declaration: Declaration, number: int) -> Wrong | None:
    settings = {"source_bucket": "my-exports"}
    step = {"stage": declaration["steps"][number]["stage"], "handler": "take", "timeout_s": 1, "settings": settings}
    said = ".settings.source_bucket is 'my-exports', but only the first stage"
    return _replaced(declaration, number, step, said) if number else None


def _unread_objects(declaration: Declaration, _: int) -> Wrong | None:
    if "adopt" in declaration:
        return None
    step = {"stage": declaration["steps"][0]["stage"], "handler": "rate", "timeout_s": 1}
    wrong = _replaced(declaration, 0, step, "")
    return Wrong(wrong.declaration | {"s3_events": {}}, "s3_events needs a first stage that reads a bucket, and ")


def _jobs_in_a_vpc(declaration: Declaration, _: int) -> Wrong | None:
    steps = [{"stage": step["stage"], "glue": "heavy"} for step in declaration["steps"]]
    keys = {"name", "type", "description", "tags", "permissions_boundary", "dashboard"}
    plain = {key: value for key, value in declaration.items() if key in keys}
    wrong = Wrong(plain | {"steps": steps, "vpc": True}, "vpc is for Lambda functions, and the workflow has none")
    return wrong if declaration["type"] == "STANDARD" else None


def _silent_bus(declaration: Declaration, _: int) -> Wrong | None:
    if any(step.get("handler") == "tell" for step in declaration["steps"]):
        return None
    return Wrong(
        declaration | {"adopt": {"event_bus": "OrdersEventBusName"}},
        "adopt.event_bus is 'OrdersEventBusName', but no stage publishes events",
    )


def _adopted_objects(declaration: Declaration, _: int) -> Wrong | None:
    queues = {"queue": "AQueueName", "dead_letter_queue": "BQueueName"}
    wrong = Wrong(declaration | {"adopt": queues}, "s3_events needs a queue whose policy lets an event rule send")
    return wrong if "s3_events" in declaration else None


VIOLATIONS: dict[str, Violation] = {
    "no name": _without("name"),
    "no type": _without("type"),
    "no steps": _without("steps"),
    "a name that is taken": _top("name is 'foundation', the name of the stack", name="foundation"),
    "a name of the deploy roles": _top("name is 'deploy', the name of the template", name="deploy"),
    "a name with capitals": _top("name is 'Orders': expected str", name="Orders"),
    "a type that is none": _top("type is 'FAST': allowed: EXPRESS, STANDARD", type="FAST"),
    "a type that is a list": _top("type is ['EXPRESS']: expected str, got array", type=["EXPRESS"]),
    "an unknown key": _top("steps_s is an unknown key; did you mean steps?", steps_s=3),
    "a token in the description": _top("description holds '${', which", description="costs ${5}"),
    "lines in the description": _top("description is 'a\\nb'; write one line", description="a\nb"),
    "a character that Guard cannot read": _top(
        "description holds '\N{ROCKET}', which cfn-guard", description="up \N{ROCKET}"
    ),
    "a dynamic reference": _top("description holds '{{resolve:', which", description="{{resolve:ssm:a}}"),
    "steps that are no list": _top("steps is 'all'; a workflow has at least one step", steps="all"),
    "a step that is no mapping": _top("steps[0] is 'etl'; a step is a mapping", steps=["etl"]),
    "another way of naming": _top("naming is 'random': allowed: explicit, generated", naming="random"),
    "a VPC that is a text": _top("vpc is 'yes': expected bool, got str", vpc="yes"),
    "days that CloudWatch does not know": _top("log_retention_days is 15: allowed: 1, 3, 5", log_retention_days=15),
    "days for no reason": _top("log_retention_days.reason is missing: add it", log_retention_days={"value": 90}),
    "days for a blank reason": _top(
        "log_retention_days.reason is blank", log_retention_days={"value": 90, "reason": " "}
    ),
    "a reason for the days of policy": _top(
        "log_retention_days.reason explains nothing", log_retention_days={"value": 14, "reason": "why"}
    ),
    "a reason for no other retrier": _top("retry.glue.reason explains nothing", retry={"glue": {"reason": "why"}}),
    "an unknown retrier": _top("retry.http is an unknown key", retry={"http": {}}),
    "a tag of AWS": _top("tags.aws:team begins with 'aws:'", tags={"aws:team": "a"}),
    "a tag that is a number": _top("tags.Team is 3: expected str, got int", tags={"Team": 3}),
    "tags that differ by capitals": _top("tags.team differs from 'Team'", tags={"Team": "a", "team": "a"}),
    "a tag with an unknown placeholder": _top("tags.Team holds ${Stage}, which no", tags={"Team": "${Stage}"}),
    "a queue without its dead letters": _top(
        "adopt.queue is 'AQueueName' without dead_letter_queue", adopt={"queue": "AQueueName"}
    ),
    "one queue for both": _top(
        "adopt.dead_letter_queue is 'AQueueName', as queue is",
        adopt={"queue": "AQueueName", "dead_letter_queue": "AQueueName"},
    ),
    "a FIFO queue's parameter": _top("adopt.queue is 'orders.fifo': expected str", adopt={"queue": "orders.fifo"}),
    "a bus without a publisher": _silent_bus,
    "objects sent to an adopted queue": _adopted_objects,
    "objects that no stage reads": _unread_objects,
    "a schedule at no time": _top(
        "schedule.expression is 'daily': it is no time", schedule={"expression": "daily", "message": {}}
    ),
    "a schedule in no zone": _top(
        "schedule.timezone is 'Berlin', which is no IANA time zone",
        schedule={"expression": "rate(1 hour)", "message": {}, "timezone": "Berlin"},
    ),
    "a schedule without a message": _top("schedule.message is missing", schedule={"expression": "rate(1 hour)"}),
    "an override of nothing": _top("overrides.Quee is not a resource of the", overrides={"Quee": {"Tags": []}}),
    "an override of null": _top("overrides.Queue.Tags is null, which", overrides={"Queue": {"Tags": None}}),
    "an override of an own resource": _top(
        "overrides.Note is a resource of your own", overrides={"Note": {"Tier": "a"}}, resources="resources/note.yaml"
    ),
    "jobs alone in a VPC": _jobs_in_a_vpc,
    "a stage twice": _earlier,
    "a colliding stage": _colliding,
    "a reserved stage": _keys(".stage is 'StageInput', a reserved name", stage="StageInput"),
    "an empty purpose": _keys(".stage is 'Stage', a reserved name", stage="Stage"),
    "a stage with a hyphen": _keys(".stage is 'My-Stage': expected str", stage="My-Stage"),
    "a stage with a final line feed": _keys(".stage is 'MyStage\\n': expected str", stage="MyStage\n"),
    "a stage that is too long": _long_name,
    "nothing that does the step": _body(" has neither handler nor glue nor legacy; give exactly one"),
    "two that do the step": _body(" has both handler and glue; give exactly one", handler="take", glue="heavy"),
    "an unknown handler": _body(".handler is 'fake', and there is no handlers/fake.py", handler="fake", timeout_s=1),
    "the framework as a handler": _body(".handler is '__init__', and handlers/__init__.py", handler="__init__"),
    "an unknown job": _body(".glue is 'light', and there is no glue/light.py", "STANDARD", glue="light"),
    "a job in EXPRESS": _body(".glue is 'heavy', but an EXPRESS workflow cannot wait", "EXPRESS", glue="heavy"),
    "no parameter of a function": _body(".legacy is 'orders': expected str", legacy="orders", timeout_s=1),
    "a step over the limit of EXPRESS": _body(
        ".timeout_s is 301; an EXPRESS workflow allows at most 300 s", "EXPRESS", handler="take", timeout_s=301
    ),
    "steps over the limit of EXPRESS": _too_long_together,
    "a bucket of a later stage": _late_bucket,
    "a job's key of a function": _function(".workers is an unknown key; ", workers=2),
    "a function's key of a job": _keys(".memory_mb is an unknown key; ", of="glue", memory_mb=512),
    "a size of workers that is none": _keys(".worker_type is 'G.3X': expected str", of="glue", worker_type="G.3X"),
    "memory that is a text": _function(".memory_mb is '1 GB': expected int, got str", memory_mb="1 GB"),
    "memory that is a fraction": _function(".memory_mb is 512.5: expected int, got float", memory_mb=512.5),
    "a variable of ceap": _function(
        ".environment.SETTINGS is a variable that ceap sets", environment={"SETTINGS": "a"}
    ),
    "a variable that is obeyed": _function(
        ".environment.PYTHONPATH changes what runs", environment={"PYTHONPATH": "a"}
    ),
    "a variable that is a number": _function(".environment.LEVEL is 3: expected str", environment={"LEVEL": 3}),
    "a variable with an unknown placeholder": _function(
        ".environment.URL holds ${Env}, which no deployment fills in", environment={"URL": "${Env}"}
    ),
    "an unknown setting": _function(".settings.colour is an unknown key", settings={"colour": "red"}),
    "settings that are a list": _function(".settings is []: expected object, got array", settings=[]),
    "a step named in a third way": _function(".naming is 'auto': allowed: explicit, generated", naming="auto"),
}
