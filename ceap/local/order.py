"""What a run is asked for; nothing here needs the engine, so that a wrong request is refused at once."""

from collections.abc import Mapping
from typing import NamedTuple

from ceap.local.existing_functions import ExistingFunction
from ceap.local.seed import Seed
from ceap.local.start import Start


class Build(NamedTuple):
    """What is deployed: the templates of the foundation and of the workflow, and its Glue scripts by file name.

    A workflow of Glue steps alone has no functions, and its template no parameter for their code. `existing` are the
    functions that are there before the workflow, by the parameters that name them.
    """

    workflow: str
    foundation_template: str
    workflow_template: str
    has_functions: bool
    scripts: Mapping[str, bytes]
    existing: Mapping[str, ExistingFunction] = {}


class RequestedFailure(NamedTuple):
    """A requested failure, on the first `times` attempts; None: on every one."""

    stage: str
    error_type: str
    times: int | None


class Order(NamedTuple):
    """What a run does with a deployment: `copies` of a message, on the data of a seed, each received `once` or again.

    Without a body the workflow's triggers send theirs, so many times. Without copies it serves the messages that others
    send. `start` is where executions start, None: at the first stage.
    """

    body: str | None
    copies: int
    once: bool
    failure: RequestedFailure | None
    seed: Seed
    start: Start | None
