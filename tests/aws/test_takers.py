"""The executions that took a message, from what AWS lists and what the log of an EXPRESS machine has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ceap.aws.takers import takers
from ceap.local.clock import CLOCK
from tests.local.support import deploy_express, deploy_standard, standard_template
from tests.operated import Operated, operated
from tests.reference import MESSAGE


@pytest.fixture(scope="module", params=["express", "standard"])
def workflow(request: pytest.FixtureRequest) -> Iterator[Operated]:
    if request.param == "express":
        found = operated("express", deploy_express)
    else:
        found = operated("standard", lambda engine: deploy_standard(engine, standard_template("TakeStage")))
    with found as deployed:
        yield deployed


def test_only_those_that_took_the_message_are_found_and_no_other_is_asked_twice(workflow: Operated) -> None:
    messages = [workflow.engine.send(workflow.deployed.queue, MESSAGE) for _ in range(3)]
    by_message = {
        message: execution
        for execution in workflow.engine.drain()
        for message in messages
        if message in execution.input
    }
    others: set[str] = set()
    looked: list[int] = []
    for again in range(2):
        found = takers(
            workflow.aws, workflow.workflow, messages[1], since_s=CLOCK.now() - 600, others=others, looked=looked.append
        )
        assert [execution.arn for execution in found] == [by_message[messages[1]].arn], again
    if not workflow.workflow.is_express:
        assert others == {by_message[messages[0]].arn, by_message[messages[2]].arn}
        assert looked == [1, 2, 3, 1]


def test_an_older_execution_that_ended_later_hides_no_other() -> None:
    with operated("standard", lambda engine: deploy_standard(engine, standard_template("TakeStage"))) as standard:
        standard.engine.send(standard.deployed.queue, MESSAGE)
        [old] = standard.engine.drain()
        since = old.ended + 30
        assert CLOCK.jump(lambda: since, CLOCK.ended)
        message = standard.engine.send(standard.deployed.queue, MESSAGE)
        _, wanted = standard.engine.drain()
        old.ended = wanted.ended + 1
        found = takers(standard.aws, standard.workflow, message, since_s=since, others=set())
        assert [execution.arn for execution in found] == [wanted.arn]
    assert CLOCK.rewind(10)


def test_none_is_found_that_started_before(workflow: Operated) -> None:
    message = workflow.engine.send(workflow.deployed.queue, MESSAGE)
    workflow.engine.drain()
    found = takers(workflow.aws, workflow.workflow, message, since_s=CLOCK.now() + 60, others=set())
    assert list(found) == []
