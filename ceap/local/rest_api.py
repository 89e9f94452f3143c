"""The APIs of Pipes and Scheduler, as far as operators use them.

A pipe is listed, described, stopped and started; a schedule and its group are described.
"""

import json
from collections.abc import Callable
from typing import Final

from ceap.local.answers import Answer, Document, refusal
from ceap.local.calls import PIPE_PATH, SCHEDULE_PATH, Request
from ceap.local.clock import CLOCK
from ceap.local.schedules import Schedule, ScheduleGroup
from ceap.local.sessions import REGION
from ceap.local.stack_models import Pipe, kept

_OF_PIPE: Final = (
    "Description",
    "KmsKeyIdentifier",
    "LogConfiguration",
    "RoleArn",
    "Source",
    "SourceParameters",
    "Tags",
    "Target",
    "TargetParameters",
)
"""What the API and a template call by the same names."""
_OF_SCHEDULE: Final = (
    "Description",
    "EndDate",
    "FlexibleTimeWindow",
    "KmsKeyArn",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "Target",
)


def serve_pipes(account: str) -> Callable[[Request], Answer | None]:
    """Return the route for the pipes of an account; what is not modelled is refused."""

    def serve(request: Request) -> Answer | None:
        if request.service != "pipes":
            return None
        if request.operation == "ListPipes":
            return _list(request, account)
        path = PIPE_PATH.fullmatch(request.path)
        if path is None or not request.operation:
            return refusal("pipes", 501, "NotImplemented", f"the local engine does not model {request.path}")
        model = Pipe.find(path["pipe"], account, REGION)
        if not isinstance(model, Pipe):
            return refusal("pipes", 404, "NotFoundException", f"Pipe {path['pipe']} does not exist.")
        if request.operation != "DescribePipe":
            model.is_running, model.changed = request.operation == "StartPipe", CLOCK.now()
        return _answer(_describe(model, request.operation))

    return serve


def _list(request: Request, account: str) -> Answer:
    """List all pipes that the filters match, at once."""
    if strange := sorted(request.query.keys() - _FILTERS):
        said = f"the local engine does not model {', '.join(strange)} of ListPipes"
        return refusal("pipes", 501, "NotImplemented", said)
    found = [
        said
        for pipe in kept(account, REGION).values()
        if isinstance(pipe, Pipe)
        for said in [_describe(pipe, "") | {key: pipe.properties[key] for key in ("Source", "Target")}]
        if all(_FILTERS[name](said, value) for name, value in request.query.items())
    ]
    return _answer({"Pipes": sorted(found, key=lambda said: said["Name"])})


_FILTERS: Final[dict[str, Callable[[Document, str], bool]]] = {
    "NamePrefix": lambda said, value: said["Name"].startswith(value),
    "SourcePrefix": lambda said, value: said["Source"].startswith(value),
    "TargetPrefix": lambda said, value: said["Target"].startswith(value),
    "CurrentState": lambda said, value: said["CurrentState"] == value,
    "DesiredState": lambda said, value: said["DesiredState"] == value,
}
"""What ListPipes filters by. Source: EventBridge Pipes API Reference, "ListPipes"."""


def _describe(pipe: Pipe, operation: str) -> Document:
    state = "RUNNING" if pipe.is_running else "STOPPED"
    said: Document = {
        "Arn": pipe.arn,
        "Name": pipe.name,
        "DesiredState": state,
        # On AWS it is STARTING or STOPPING for some seconds.
        "CurrentState": state,
        "CreationTime": pipe.created,
        "LastModifiedTime": pipe.changed,
    }
    if operation == "DescribePipe":
        said |= {key: pipe.properties[key] for key in _OF_PIPE if key in pipe.properties}
    return said


def serve_schedules(account: str) -> Callable[[Request], Answer | None]:
    """Return the route that describes the schedules of an account's stacks; moto serves the others."""

    def serve(request: Request) -> Answer | None:
        path = SCHEDULE_PATH.fullmatch(request.path) if request.service == "scheduler" else None
        if path is None or request.method != "GET":
            return None
        kind = Schedule if path["kind"] == "schedules" else ScheduleGroup
        model = kind.find(path["name"], account, REGION)
        if isinstance(model, Schedule):
            said = {key: model.properties[key] for key in _OF_SCHEDULE if key in model.properties}
            state = "ENABLED" if model.is_enabled else "DISABLED"
            group = model.group_arn.rpartition("/")[2]
            return _answer({"Arn": model.arn, "Name": model.name, "GroupName": group, "State": state, **said})
        return _answer({"Arn": model.attributes["Arn"], "Name": model.name, "State": "ACTIVE"}) if model else None

    return serve


def _answer(document: Document) -> Answer:
    return Answer(200, json.dumps(document).encode())
