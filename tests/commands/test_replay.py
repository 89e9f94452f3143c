"""`ceap replay` as it is called: what it prints, how it ends, and which rights it needs."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from ceap import cli
from ceap.local.sessions import Session
from ceap.operate import replay_letters
from tests import reference
from tests.local.support import role, template_text
from tests.operate.dead_letters import Express, body_of, dead_letters, kill, small_express, succeeded
from tests.operate.failing import run, small_workflow
from tests.operated import Operated

ALL = [reference.EXPRESS, "--dead-letters"]


@pytest.fixture(scope="module")
def shared() -> Iterator[Express]:
    with small_express() as found:
        yield found


@pytest.fixture(scope="module")
def small() -> Iterator[Operated]:
    with small_workflow() as found:
        yield found


@pytest.fixture
def express(shared: Express, monkeypatch: pytest.MonkeyPatch) -> Express:
    monkeypatch.setattr(replay_letters, "WAIT_S", 0)
    shared.reset()
    call_as(shared, monkeypatch, shared.engine.driver)
    return shared


@pytest.fixture
def standard(small: Operated, monkeypatch: pytest.MonkeyPatch) -> Operated:
    call_as(small, monkeypatch, small.engine.driver)
    return small


def call_as(found: Operated, patch: pytest.MonkeyPatch, session: Session) -> None:
    for name, value in session.variables(found.engine.url).items():
        patch.setenv(name, value)
    patch.setattr(sys, "stdin", io.StringIO())  # no terminal


def replay(*words: object) -> int:
    return cli.main(["replay", "--env", "dev", *map(str, words)])


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_a_dry_run_lists_dead_letters_and_replays_none(express: Express, capsys: pytest.CaptureFixture[str]) -> None:
    message = kill(express, "a")
    assert replay(*ALL, "--dry-run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{message}  ")
    assert lines[1].startswith("  PermanentStageError in SiftStage: ")
    assert lines[-2].startswith("1 x PermanentStageError in SiftStage: ")
    assert lines[-1] == "1 message to replay, of 1 dead letter"
    assert replay(*ALL, "--dry-run", "--stage", "RateStage", "--json") == 0
    assert printed(capsys) == {"deadLetters": [], "left": [], "total": 1, "isWhole": True, "inFlight": 0}
    assert dead_letters(express) == ["a"]


def test_all_dead_letters_are_moved_and_what_comes_next_is_said(
    express: Express, capsys: pytest.CaptureFixture[str]
) -> None:
    kill(express, "a")
    kill(express, "b")
    assert replay(*ALL) == 2  # more than one, and nobody can be asked
    assert "give --yes" in capsys.readouterr().err
    assert dead_letters(express) == ["a", "b"]
    assert replay(*ALL, "--yes", "--rate", "500") == 0
    output = capsys.readouterr()
    assert output.out == "2 messages moved back to the queue\n"
    assert f"`ceap trace --env dev {reference.EXPRESS} MESSAGE` tells why" in output.err
    assert sorted(succeeded(express)) == ["a", "b"]
    assert replay(*ALL, "--json") == 0
    assert printed(capsys) == {"move": None, "left": {"waiting": 0, "inFlight": 0}}
    assert replay(*ALL, "--cancel") == 0
    assert capsys.readouterr().out == "no move task runs\n"


def test_chosen_messages_are_sent_and_one_that_is_absent_fails_the_call(
    express: Express, capsys: pytest.CaptureFixture[str]
) -> None:
    message = kill(express, "a")
    kill(express, "b")
    assert replay(*ALL, "--message", message, "--message", "other", "--json") == 1
    done = printed(capsys)
    assert [sent["message"] for sent in done["sent"]] == [message]
    assert [left["what"] for left in done["left"]] == ["other"]
    assert (done["twice"], done["problem"]) == ([], None)
    assert succeeded(express) == ["a"]
    assert dead_letters(express) == ["b"]


def test_messages_are_chosen_by_their_age(express: Express, capsys: pytest.CaptureFixture[str]) -> None:
    kill(express, "a")
    assert replay(*ALL, "--newer-than", "30m", "--json") == 0  # three receives took longer
    assert printed(capsys)["sent"] == []
    assert replay(*ALL, "--older-than", "30m", "--limit", "1") == 0
    assert succeeded(express) == ["a"]
    assert replay(*ALL, "--older-than", "soon") == 2


def test_an_express_workflow_has_no_executions_to_replay(express: Express, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay(reference.EXPRESS, "--failed") == 2
    assert f"`ceap replay --env dev {reference.EXPRESS} --dead-letters`" in capsys.readouterr().err
    assert express.began == len(express.engine.executions)


def test_an_execution_is_replayed_once_and_again_only_when_asked(
    standard: Operated, capsys: pytest.CaptureFixture[str]
) -> None:
    name = run(standard, "SiftStage").name
    assert replay(reference.STANDARD, name, "--dry-run") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "1 to replay"
    assert replay(reference.STANDARD, name) == 0
    output = capsys.readouterr()
    assert output.out == f"started          {name}  as {name}-replay-1\n1 started\n"
    assert f"1 of them can be redriven: `ceap redrive --env dev {reference.STANDARD} NAME`" in output.err
    standard.engine.drain()
    assert replay(reference.STANDARD, name, "--json") == 1
    [entry] = printed(capsys)["executions"]
    assert (entry["fate"], entry["replay"]) == ("replayedBefore", f"{name}-replay-1")
    assert replay(reference.STANDARD, name, "--again") == 0
    assert [each.name for each in standard.engine.drain()[-2:]] == [f"{name}-replay-1", f"{name}-replay-2"]


def test_failed_executions_are_replayed_from_a_stage(standard: Operated, capsys: pytest.CaptureFixture[str]) -> None:
    names = [run(standard, "RateStage").name for _ in range(2)]
    assert replay(reference.STANDARD, "--failed", "--stage", "RateStage", "--from", "RateStage", "--since", "1m") == 2
    assert "start 2 executions, at most 10 a second? Nobody can be asked" in capsys.readouterr().err
    words = ("--failed", "--stage", "RateStage", "--from", "RateStage", "--since", "1m", "--yes", "--json")
    assert replay(reference.STANDARD, *words, "--limit", "1") == 0
    [first] = printed(capsys)["executions"]
    assert (first["execution"], first["fate"]) == (names[0], "started")
    assert replay(reference.STANDARD, *words) == 0
    assert printed(capsys)["summary"] == "1 started, 1 replayed before"
    replays = standard.engine.drain()[-2:]
    assert [(each.name, each.status) for each in replays] == [(f"{name}-replay-1", "SUCCEEDED") for name in names]
    assert [[attempt.state for attempt in each.attempts] for each in replays] == [
        ["TakeStage", "SiftStage", "RateStage"]  # the first two return at once
    ] * 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "replay takes one of --dead-letters, --failed and names"),
        (("--dead-letters", "--failed"), "replay takes one of"),
        (("x", "--failed"), "replay takes one of"),
        (("--dead-letters", "--from", "SiftStage"), "--from: does not go together with --dead-letters"),
        (("--dead-letters", "--since", "2h"), "--since: does not go together with --dead-letters"),
        (("--failed", "--message", "m"), "--message: does not go together with executions"),
        (("x", "--error", "e"), "give --failed, no names"),
        (("--failed", "--again"), "--again is for executions that you name"),
        (("--dead-letters", "--rate", "501"), "SQS moves at most 500"),
        (("--dead-letters", "--cancel", "--dry-run"), "--cancel: takes no other option"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay(reference.STANDARD, *words) == 2
    assert said in capsys.readouterr().err


READING = (
    "cloudformation:DescribeStacks",
    "cloudformation:GetTemplate",
    "cloudformation:ListStackResources",
)
DEAD_LETTERS = "arn:aws:sqs:*:*:ceap-express-dev-dead-letter-queue"
OF_DEAD_LETTERS = (
    ("logs:FilterLogEvents", "*"),
    ("pipes:DescribePipe", "*"),
    ("sqs:ChangeMessageVisibility", DEAD_LETTERS),
    ("sqs:DeleteMessage", DEAD_LETTERS),
    ("sqs:GetQueueAttributes", "*"),
    ("sqs:ListMessageMoveTasks", DEAD_LETTERS),
    ("sqs:ReceiveMessage", DEAD_LETTERS),
    ("sqs:SendMessage", "arn:aws:sqs:*:*:ceap-express-dev-queue"),
    ("sqs:StartMessageMoveTask", DEAD_LETTERS),
)
OF_EXECUTIONS = (
    ("states:DescribeExecution", "*"),
    ("states:GetExecutionHistory", "*"),
    ("states:ListExecutions", "*"),
    ("states:StartExecution", "*"),
)


def operator(found: Operated, name: str, *grants: tuple[str, str]) -> Session:
    """Return the session of a role that has what the page of the command says, and no more."""
    wide = [(action, "*") for action in READING]
    found.engine.deploy(template_text(Operator=role("lambda", *wide, *grants)), name)
    [arn] = [each["Arn"] for each in found.engine.client("iam").list_roles()["Roles"] if f"role/{name}-" in each["Arn"]]
    return found.engine._sessions.assume(arn, service="lambda", source="")


def test_the_rights_of_the_page_are_enough_for_dead_letters(express: Express, monkeypatch: pytest.MonkeyPatch) -> None:
    kill(express, "a")
    express.engine.send(express.workflow.dead_letter_queue, body_of("b"))
    call_as(express, monkeypatch, operator(express, "letters", *OF_DEAD_LETTERS))
    assert replay(*ALL, "--dry-run") == 0
    assert replay(*ALL, "--error", "permanent") == 0
    assert replay(*ALL) == 0
    assert sorted(succeeded(express)) == ["a", "b"]


def test_the_rights_of_the_page_are_enough_for_executions(standard: Operated, monkeypatch: pytest.MonkeyPatch) -> None:
    name = run(standard, "SiftStage").name
    call_as(standard, monkeypatch, operator(standard, "executions", *OF_EXECUTIONS))
    assert replay(reference.STANDARD, "--failed", "--since", "10s") == 0
    assert standard.engine.drain()[-1].name == f"{name}-replay-1"


def test_without_the_right_to_start_a_move_nothing_is_moved(
    express: Express, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kill(express, "a")
    grants = [grant for grant in OF_DEAD_LETTERS if grant[0] != "sqs:StartMessageMoveTask"]
    call_as(express, monkeypatch, operator(express, "denied", *grants))
    assert replay(*ALL) == 3
    assert "AWS refused StartMessageMoveTask" in capsys.readouterr().err
    assert dead_letters(express) == ["a"]
