"""A small STANDARD workflow in an engine of its own, whose executions fail as a test asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ceap.local.clock import CLOCK
from ceap.local.engine import Engine
from ceap.local.executions import Execution
from handlers.runtime.contract import PermanentStageError
from templates.render import render
from tests.local.support import Deployed, Template, deploy_workflow, standard_template
from tests.operated import Operated, operated
from tests.reference import MESSAGE

STACK = "ceap-standard-dev"
STAGES = ("TakeStage", "SiftStage", "RateStage")
DAY_S = 86_400


def deploy_small(engine: Engine) -> Deployed:
    return deploy_workflow(engine, STACK, standard_template(*STAGES))


@contextmanager
def small_workflow(deploy: Callable[[Engine], Deployed] = deploy_small) -> Iterator[Operated]:
    """Deploy the workflow; the clock goes back to real time afterwards."""
    with operated("standard", deploy) as found:
        yield found
    assert CLOCK.rewind(10)


def run(operated: Operated, failing: str | None = None, error: str = PermanentStageError.__name__) -> Execution:
    """Let an execution run to its end, which fails in a stage if one is named."""
    if failing is not None:
        operated.engine.functions.inject(f"{STACK}-{failing.removesuffix('Stage')}", error, 1)
    operated.engine.send(operated.deployed.queue, MESSAGE)
    return operated.engine.drain()[-1]


def redeploy(operated: Operated, template: Template, **parameters: str) -> None:
    """Update the workflow's stack; parameters that are not given stay."""
    names = template["Parameters"]
    given = [
        {"ParameterKey": name, "ParameterValue": parameters[name]}
        if name in parameters
        else {"ParameterKey": name, "UsePreviousValue": True}
        for name in ("Environment", "HandlersPrefix")
        if name in names
    ]
    client: Any = operated.engine.client("cloudformation")
    client.update_stack(
        StackName=STACK, TemplateBody=render(template), Parameters=given, Capabilities=["CAPABILITY_IAM"]
    )
    client.get_waiter("stack_update_complete").wait(StackName=STACK, WaiterConfig={"Delay": 0, "MaxAttempts": 10_000})


def travel(seconds: float) -> None:
    """Move the clock on."""
    moment = CLOCK.now() + seconds
    assert CLOCK.jump(lambda: moment, CLOCK.ended)
