"""A small EXPRESS workflow in an engine of its own, whose messages become dead letters as a test asks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.sqs.models import sqs_backends

from ceap.aws.pace import Pace
from ceap.local.clock import CLOCK
from ceap.local.engine import Engine
from ceap.local.executions import Execution
from ceap.operate.replay_dead import Means
from handlers.runtime.contract import PermanentStageError
from templates.budget import MAX_MESSAGE_BYTES
from templates.model import LambdaStep, Workflow, WorkflowType
from templates.stacks import workflow_stack
from tests.local.support import Deployed, deploy_workflow
from tests.operated import Operated, operated

STACK = "ceap-express-dev"
STAGES = ("TakeStage", "SiftStage", "RateStage")
CALL = "--env dev workflows/express.yaml"


def deploy_small_express(engine: Engine) -> Deployed:
    steps = tuple(LambdaStep(stage=stage, handler=stage.removesuffix("Stage").lower()) for stage in STAGES)
    return deploy_workflow(
        engine, STACK, workflow_stack(Workflow(name="express", type=WorkflowType.EXPRESS, steps=steps))
    )


class Express(Operated):
    """The workflow; `began` is the number of executions before a test."""

    began = 0

    def reset(self) -> None:
        """Let a test begin without messages, and with a pipe that runs."""
        for url in (self.workflow.queue, self.workflow.dead_letter_queue):
            queue = sqs_backends[self.engine.account]["us-east-1"].get_queue(url.rpartition("/")[2])
            queue._messages, queue.maximum_message_size = [], MAX_MESSAGE_BYTES  # type: ignore[attr-defined]  # moto's
        self.engine.client("pipes").start_pipe(Name=self.workflow.pipe)
        self.began = len(self.engine.executions)


@contextmanager
def small_express() -> Iterator[Express]:
    """Deploy the workflow; the clock goes back to real time afterwards."""
    with operated("express", deploy_small_express) as found:
        yield Express(*found)
    assert CLOCK.rewind(10)


def body_of(name: str) -> str:
    return json.dumps({"source": {"kind": "inline", "records": [{"id": name, "amount": 1}]}})


def kill(
    found: Operated, name: str, stage: str = "SiftStage", error: str = PermanentStageError.__name__, **attributes: Any
) -> str:
    """Send a message, fail it in a stage until it is a dead letter, and return its id."""
    attempts = 3 if error == PermanentStageError.__name__ else 9
    found.engine.functions.inject(f"{STACK}-{stage.removesuffix('Stage')}", error, attempts)
    answer = found.engine.client("sqs").send_message(
        QueueUrl=found.workflow.queue,
        MessageBody=body_of(name),
        MessageAttributes={key: {"DataType": "String", "StringValue": value} for key, value in attributes.items()},
    )
    found.engine.drain()
    assert body_of(name) in found.deployed.dead_letters
    message: str = answer["MessageId"]
    return message


def succeeded(found: Express) -> list[str]:
    """Return the names of the records whose executions have succeeded in this test, as often as they did."""
    return [name_in(execution) for execution in found.engine.drain()[found.began :] if execution.status == "SUCCEEDED"]


def record_of(execution: Execution) -> dict[str, Any]:
    """Return the pipe's record in the input of an execution."""
    given: Any = json.loads(execution.input) if isinstance(execution.input, str) else execution.input
    [record] = given
    assert isinstance(record, dict)
    return record


def name_in(execution: Execution) -> str:
    name: str = json.loads(record_of(execution)["body"])["source"]["records"][0]["id"]
    return name


def means(found: Operated, told: list[str], *, consent: Callable[[str], bool] = lambda _: True) -> Means:
    """Return what a replay works with: its pauses let the engine's time pass, but nothing is processed meanwhile."""

    return Means(told.append, consent, Pace(travel), CALL)


def travel(seconds: float) -> None:
    """Move the clock on."""
    moment = CLOCK.now() + seconds
    CLOCK.jump(lambda: moment, CLOCK.ended)


def dead_letters(found: Operated) -> list[str]:
    """Return the names of the dead letters, whoever holds them."""
    return [json.loads(body)["source"]["records"][0]["id"] for body in found.deployed.dead_letters]


def visible(found: Operated) -> int:
    """Return how many dead letters can be received now."""
    given = found.engine.client("sqs").get_queue_attributes(
        QueueUrl=found.workflow.dead_letter_queue, AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(given["Attributes"]["ApproximateNumberOfMessages"])
