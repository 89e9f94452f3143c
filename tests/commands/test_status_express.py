"""`ceap status` of an EXPRESS workflow as a user calls it, with the engine as AWS."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping

import pytest

from ceap import project
from ceap.cli import build_parser
from ceap.local.clock import CLOCK
from ceap.local.executions import Execution
from ceap.operate.replay_names import REPLAY_OF
from tests.commands.statuses import OF_STANDARD, READS, RECENT, Call, as_role_with, caller
from tests.local.support import deploy_express
from tests.operate.failing import travel
from tests.operate.status import failure, judged
from tests.operated import Operated, aws_of, operated
from tests.reference import EXPRESS, MESSAGE


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    return caller(capsys)


@pytest.fixture(scope="module")
def express() -> Iterator[Operated]:
    """An EXPRESS workflow in an engine of its own; the clock goes back to real time afterwards."""
    with operated("express", deploy_express) as found:
        yield found
    assert CLOCK.rewind(10)


@pytest.fixture
def served(express: Operated) -> Iterator[Operated]:
    travel(2 * 86_400)
    with aws_of(express.engine):
        yield express
    for queue in (express.workflow.queue, express.workflow.dead_letter_queue):
        express.engine.client("sqs").purge_queue(QueueUrl=queue)


def send(express: Operated, body: str, fail: Mapping[str, str] | None = None) -> Execution:
    for stage, error in (fail or {}).items():
        express.engine.functions.inject(f"ceap-express-dev-{stage}", error, 3)
    express.engine.send(express.deployed.queue, body)
    return express.engine.drain()[-1]


def test_an_express_workflow_is_counted_by_its_metrics(served: Operated, call: Call) -> None:
    send(served, MESSAGE)
    called = call(EXPRESS, *RECENT)
    assert (called.code, called.problems) == (0, [])
    assert called.status["facts"]["executions"]["succeeded"] == 1


def test_dead_letters_of_an_express_workflow_are_wrong_and_their_executions_are_told_with_stage_and_error(
    served: Operated, call: Call
) -> None:
    last = send(served, "no message")
    called = call(EXPRESS, "--since", "1d", "--json")
    assert called.code == 1
    [(kind, text)] = called.problems
    assert (kind, text.split(",")[0]) == ("dead letters", "1 message in the dead-letter queue")
    [group] = called.status["groups"]
    assert (group["stage"], group["error"]) == ("TakeStage", "PermanentStageError")
    assert [(each["execution"], each["fate"]) for each in group["executions"]] == [(last.name, "dead-lettered")]
    assert sorted(each["fate"] for each in called.status["facts"]["failures"]) == [
        "dead-lettered",
        "repeated",
        "repeated",
    ]
    assert called.status["facts"]["executions"]["failed"] == 3


def test_an_express_failure_whose_message_comes_back_is_wrong_until_it_has_succeeded(
    served: Operated, call: Call
) -> None:
    served.engine.functions.inject("ceap-express-dev-Sift", "PermanentStageError", 1)
    served.engine.send(served.deployed.queue, MESSAGE)
    served.engine.drain(once=True)
    called = call(EXPRESS, *RECENT)
    assert called.code == 1
    [(kind, text)] = called.problems
    assert kind == "failed executions"
    assert text.startswith("1 message failed lately, and may come back to the queue: SiftStage: ")


def test_a_message_that_succeeded_at_last_settles_its_failures(served: Operated, call: Call) -> None:
    served.engine.functions.inject("ceap-express-dev-Sift", "PermanentStageError", 2)
    served.engine.send(served.deployed.queue, MESSAGE)
    last = served.engine.drain()[-1]
    called = call(EXPRESS, "--since", "1d", "--json")
    assert (called.code, called.problems, called.status["groups"]) == (0, [], [])
    failures = called.status["facts"]["failures"]
    assert [(each["fate"], each["later"]) for each in failures] == [("settled", last.name)] * 2


def test_a_dead_letter_that_was_sent_again_with_success_is_settled(served: Operated, call: Call) -> None:
    dead = json.loads(send(served, "no message").input)[0]["messageId"]
    attributes = {REPLAY_OF: {"DataType": "String", "StringValue": dead}}
    served.engine.client("sqs").send_message(
        QueueUrl=served.deployed.queue, MessageBody=MESSAGE, MessageAttributes=attributes
    )
    last = served.engine.drain()[-1]
    failures = call(EXPRESS, "--since", "1d", "--json").status["facts"]["failures"]
    assert [(each["fate"], each["later"]) for each in failures] == [("settled", last.name)] * 3


def test_every_command_that_is_named_next_is_one_of_ceap(served: Operated, call: Call) -> None:
    served.engine.client("pipes").stop_pipe(Name=served.workflow.pipe)
    served.engine.send(served.deployed.queue, "no message")
    served.engine.client("pipes").start_pipe(Name=served.workflow.pipe)
    send(served, "no message")
    called = call(EXPRESS, "--since", "1d", "--json")
    steps = [step for problem in called.status["problems"] for step in problem["next"]]
    many = judged(failures=(failure("e1"), failure("e2"), failure("e3", stage="KeepStage")))
    steps += [step for problem in many.problems for step in problem.next]
    commands = [shlex.split(step)[1:] for step in steps if step.startswith("ceap ")]
    assert {words[0] for words in commands} >= {"replay", "trace", "redrive"}
    for words in commands:
        build_parser(words[:1]).parse_args(words)


def test_time_is_that_of_the_engine(served: Operated, call: Call) -> None:
    called = call(EXPRESS, *RECENT)
    assert abs(called.status["facts"]["now"] - CLOCK.now()) < 60


def test_the_actions_of_the_page_are_all_that_an_express_workflow_needs(served: Operated, call: Call) -> None:
    send(served, "no message")
    reads = [*(action for action in READS if action not in OF_STANDARD), "logs:FilterLogEvents"]
    with as_role_with(served, *reads):
        called = call(EXPRESS, "--since", "1d", "--json")
    assert called.status["facts"]["unread"] == []
    assert called.status["groups"][0]["stage"] == "TakeStage"
    page = (project.ROOT / "docs" / "reference" / "status.md").read_text(encoding="utf-8")
    assert [action for action in reads if f"`{action}`" not in page] == []
