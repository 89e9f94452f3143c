"""Messages that wait for a workflow, and its pipe, which is turned off and on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.many import fill
from ceap.aws.flow import Messages, PipeStates, count_messages, pipe_states, running_executions, turn_pipe
from ceap.aws.pace import Pace
from ceap.aws.session import Aws
from ceap.errors import CommandError
from tests.local.support import deploy_standard
from tests.operated import Operated, operated

PACE = Pace(lambda _: None)


@pytest.fixture(scope="module")
def standard() -> Iterator[Operated]:
    with operated("standard", deploy_standard) as found:
        yield found


def test_a_pipe_is_turned_off_and_on_and_messages_wait_meanwhile(standard: Operated) -> None:
    aws, workflow = standard.aws, standard.workflow
    turn_pipe(aws, workflow.pipe, "STOPPED", PACE)
    turn_pipe(aws, workflow.pipe, "STOPPED", PACE)
    assert pipe_states(aws, workflow.pipe) == PipeStates(desired="STOPPED", current="STOPPED")
    standard.engine.send(workflow.queue, "{}")
    standard.engine.drain()
    assert count_messages(aws, workflow.queue) == Messages(waiting=1, in_flight=0)
    turn_pipe(aws, workflow.pipe, "RUNNING", PACE)
    standard.engine.drain()
    assert count_messages(aws, workflow.queue) == Messages(waiting=0, in_flight=0)
    assert running_executions(aws, workflow.machine) == 0


def test_running_executions_are_counted_by_pages_of_a_thousand(standard: Operated) -> None:
    engine, pages = standard.engine, []
    before = list(engine.executions)
    fill(engine, engine.machine(standard.workflow.machine), 150, 0)
    for execution in engine.executions[len(before) :]:
        execution.status = "RUNNING"
    events = standard.aws.client("stepfunctions").meta.events
    events.register("before-call.stepfunctions", lambda **call: pages.append(call), unique_id="pages")
    assert running_executions(standard.aws, standard.workflow.machine) == 150
    events.unregister("before-call.stepfunctions", unique_id="pages")
    engine.executions[:] = before
    assert len(pages) == 1


class Stuck:
    """A pipe that AWS cannot stop."""

    def client(self, _: str) -> Stuck:
        return self

    def describe_pipe(self, **_: str) -> dict[str, str]:
        return {"DesiredState": "STOPPED", "CurrentState": "STOP_FAILED", "StateReason": "no right"}

    def stop_pipe(self, **_: str) -> None:
        pass


def test_a_pipe_that_cannot_be_stopped_is_said_with_the_reason_of_aws() -> None:
    aws: Aws = Stuck()  # type: ignore[assignment]  # of AWS it has what is called
    with pytest.raises(CommandError, match=r"^the pipe orders is STOP_FAILED: no right$"):
        turn_pipe(aws, "orders", "STOPPED", PACE)
