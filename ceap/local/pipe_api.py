"""The Pipes API, as far as operators use it: a pipe described, stopped and started."""

import json
from collections.abc import Callable
from typing import Final

from ceap.local.calls import PIPE_PATH, Request
from ceap.local.clock import CLOCK
from ceap.local.gateway import Answer, Document, refusal
from ceap.local.sessions import REGION
from ceap.local.stack_models import Pipe

_OF_TEMPLATE: Final = (
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


def serve_pipes(account: str) -> Callable[[Request], Answer | None]:
    """Return the route for the pipes of an account; what is not modelled is refused."""

    def serve(request: Request) -> Answer | None:
        if request.service != "pipes":
            return None
        path = PIPE_PATH.fullmatch(request.path)
        if path is None or not request.operation:
            return refusal("pipes", 501, "NotImplemented", f"the local engine does not model {request.path}")
        model = Pipe.find(path["pipe"], account, REGION)
        if not isinstance(model, Pipe):
            return refusal("pipes", 404, "NotFoundException", f"Pipe {path['pipe']} does not exist.")
        if request.operation != "DescribePipe":
            model.is_running, model.changed = request.operation == "StartPipe", CLOCK.now()
        return Answer(200, json.dumps(_describe(model, request.operation)).encode())

    return serve


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
        said |= {key: pipe.properties[key] for key in _OF_TEMPLATE if key in pipe.properties}
    return said
