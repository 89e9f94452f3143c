"""Bringing a workflow to rest before it is deleted."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ceap.aws.pace import Pace
from ceap.aws.session import Aws
from ceap.deploy.operation import DeploymentError, Means
from ceap.deploy.quiet import Flow, bring_to_rest

FLOW = Flow(stack="ceap-orders-dev", pipe="ceap-orders-dev", state="RUNNING", queue="https://q", machine=None)


class Pipe:
    """A pipe that is as it was told, unless somebody starts it while the messages are counted for the n-th time."""

    def __init__(self, started_at: int = 0) -> None:
        self.state, self.counted, self._started_at = "RUNNING", 0, started_at

    def client(self, _: str) -> Any:
        return self

    def describe_pipe(self, **_: str) -> Any:
        return {"DesiredState": self.state, "CurrentState": self.state}

    def stop_pipe(self, **_: str) -> None:
        self.state = "STOPPED"

    def get_queue_attributes(self, **_: Any) -> Any:
        self.counted += 1
        if self.counted == self._started_at:
            self.state = "RUNNING"
        return {"Attributes": {}}


def rest(pipe: Pipe) -> None:
    means = Means(cast("Aws", pipe), cast("Any", None), lambda _: None, Pace(lambda _: None))
    bring_to_rest(means, FLOW, leave_messages=False, is_paused_by_us=False)


def test_a_pipe_without_work_is_stopped() -> None:
    pipe = Pipe()
    rest(pipe)
    assert pipe.state == "STOPPED"


def test_a_stack_whose_pipe_somebody_starts_meanwhile_is_not_deleted() -> None:
    with pytest.raises(DeploymentError, match=r"^ceap-orders-dev: somebody else has started the pipe ceap-orders-dev "):
        rest(Pipe(started_at=3))
