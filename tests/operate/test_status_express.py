"""What became of the messages of failed EXPRESS executions, and how much of the log is read to know it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ceap.aws.flow import turn_pipe
from ceap.aws.pace import Pace
from ceap.local.clock import CLOCK
from ceap.operate.replay_names import REPLAY_OF
from ceap.operate.status_express import LATE_S, FailedLog, horizon_s
from ceap.operate.status_facts import Failure, Fate
from tests.local.support import deploy_express
from tests.operate.failing import travel
from tests.operated import Operated, operated
from tests.reference import MESSAGE

PACE = Pace(lambda _: None)


@pytest.fixture
def express() -> Iterator[Operated]:
    """An EXPRESS workflow in an engine of its own; the clock goes back to real time afterwards."""
    with operated("express", deploy_express) as found:
        yield found
    assert CLOCK.rewind(10)


@contextmanager
def readings(express: Operated) -> Iterator[list[dict[str, Any]]]:
    """Note what each reading of a log asks for."""
    found: list[dict[str, Any]] = []
    events = express.aws.client("logs").meta.events
    name = "provide-client-params.logs.FilterLogEvents"
    events.register(name, lambda params, **_: found.append(params), unique_id="readings")
    yield found
    events.unregister(name, unique_id="readings")


def failures(express: Operated, log: FailedLog, failed: int) -> list[Failure]:
    begin = min(execution.started for execution in express.engine.executions)
    now = CLOCK.now()
    return log.read({begin: failed}, int(now - begin), now, 100, 100)


def fates(found: list[Failure]) -> dict[str, tuple[Fate, str | None]]:
    return {failure.execution: (failure.fate, failure.later) for failure in found}


def fail(express: Operated) -> str:
    """Let a message become a dead letter; return its id."""
    message = express.engine.send(express.deployed.queue, "no message")
    express.engine.drain()
    return message


def names(express: Operated, message: str) -> list[str]:
    return [each.name for each in express.engine.executions if json.loads(each.input)[0]["messageId"] == message]


def test_the_log_is_read_no_longer_than_a_message_comes_back_by_itself(express: Operated) -> None:
    message = fail(express)
    with readings(express) as read:
        found = fates(failures(express, FailedLog(express.aws, express.workflow), 3))
    first, second, last = names(express, message)
    assert found == {first: (Fate.REPEATED, last), second: (Fate.REPEATED, last), last: (Fate.DEAD, None)}
    assert [each for each in read if "endTime" not in each] == []


def test_what_came_later_is_read_once_for_all_messages(express: Operated) -> None:
    replayed, left = fail(express), fail(express)
    travel(horizon_s(express.workflow) + LATE_S + 60)
    attributes = {REPLAY_OF: {"DataType": "String", "StringValue": replayed}}
    express.engine.client("sqs").send_message(
        QueueUrl=express.deployed.queue, MessageBody=MESSAGE, MessageAttributes=attributes
    )
    replay = express.engine.drain()[-1].name
    log = FailedLog(express.aws, express.workflow)
    with readings(express) as read:
        found = failures(express, log, 6)
    first, second, last = names(express, left)
    expected = {
        **dict.fromkeys(names(express, replayed), (Fate.SETTLED, replay)),
        first: (Fate.REPEATED, last),
        second: (Fate.REPEATED, last),
        last: (Fate.DEAD, None),
    }
    assert fates(found) == expected
    assert len([each for each in read if "endTime" not in each]) == 1
    with readings(express) as read:
        assert failures(express, log, 6) == found
    assert [each for each in read if any(one in each["filterPattern"] for one in (replayed, left))] == []


def test_a_message_that_the_pipe_took_much_later_is_settled(express: Operated) -> None:
    express.engine.functions.inject("ceap-express-dev-Sift", "PermanentStageError", 1)
    express.engine.send(express.deployed.queue, MESSAGE)
    express.engine.travel(60)
    turn_pipe(express.aws, express.workflow.pipe, "STOPPED", PACE)
    travel(horizon_s(express.workflow) + LATE_S + 60)
    turn_pipe(express.aws, express.workflow.pipe, "RUNNING", PACE)
    failed, done = (execution.name for execution in express.engine.drain())
    found = failures(express, FailedLog(express.aws, express.workflow), 1)
    assert fates(found) == {failed: (Fate.SETTLED, done)}
