"""A workflow's life on AWS, which the local engine serves: deployed, changed, gone back, destroyed, deployed again."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ceap import cli
from ceap.aws.history import Operation, Outcome
from ceap.aws.session import open_session
from ceap.ceap_toml import Environment
from ceap.deploy.revision import Revision
from ceap.deploy.situation import read_situation
from ceap.local.engine import Engine
from tests.commands.shipping import Team, aws_of_ship, stopped
from tests.reference import EXPRESS, MESSAGE


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with aws_of_ship() as engine:
        yield engine


@pytest.fixture(autouse=True)
def declaration(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The EXPRESS workflow of the reference project, for a test to change; the engine is AWS."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "express.yaml"
    path.write_text(EXPRESS.read_text(encoding="utf-8"), encoding="utf-8")
    return path


def test_a_rollback_goes_back_and_a_second_one_further(
    engine: Engine, declaration: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ceap.deploy.shipping.read_revision", lambda _: Revision("0123456789abcdef", False))
    team = Team(engine, "back", declaration)
    for version in ("a", "b", "c"):
        team.describe(version)
        assert team.ceap("deploy") == 0
    assert [(team.ceap("rollback"), team.version()) for _ in range(3)] == [(0, "b"), (0, "a"), (1, "a")]
    told = capsys.readouterr().err
    assert told.count(", revision 0123456789ab with changes that were not committed, of arn:") == 2
    assert told.endswith("ceap-express-back: there is no earlier deployment to go back to; deploy an older revision\n")


def test_a_failed_update_is_undone_and_explained_by_its_first_cause(
    engine: Engine, declaration: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    team = Team(engine, "fail", declaration)
    assert team.ceap("deploy") == 0
    text = declaration.read_text(encoding="utf-8")
    declaration.write_text(text.replace("stage: TellStage", "stage: SpeakStage"), encoding="utf-8")

    def take_the_name(question: str) -> bool:
        engine.client("logs").create_log_group(logGroupName="/aws/lambda/ceap-express-fail-Speak")
        return True

    monkeypatch.setattr("ceap.deploy.shipping.confirm", take_the_name)
    words = ["deploy", "--env", "fail", str(declaration), "--allow-replacement"]
    assert cli.main(words) == 1
    assert "SpeakFunctionLogGroup (AWS::Logs::LogGroup): " in capsys.readouterr().err.splitlines()[-1]
    assert team.status() == "UPDATE_ROLLBACK_COMPLETE"
    assert team.records() == [(Operation.DEPLOY, Outcome.DONE), (Operation.DEPLOY, Outcome.FAILED)]


def test_who_executes_a_change_set_that_another_deployer_outdated_is_told(
    engine: Engine, declaration: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    team = Team(engine, "both", declaration)
    team.describe("a")
    assert team.ceap("deploy") == 0
    team.describe("b")
    monkeypatch.setattr("ceap.deploy.shipping.confirm", lambda _: team.ceap("deploy") == 0)
    assert cli.main(["deploy", "--env", "both", str(declaration), "--json"]) == 1
    told = capsys.readouterr()
    assert told.err.splitlines()[-1] == (
        "ceap: ceap-express-both: somebody else deploys it, too, and this change set is outdated, so it was not "
        "executed; run this command again, and look at what it would change then"
    )
    [foundation] = json.loads(told.out.splitlines()[-1])["stacks"]
    assert (foundation["stack"], foundation["isChanged"]) == ("ceap-foundation-both", False)
    assert (team.version(), team.ceap("deploy"), team.ceap("rollback"), team.version()) == ("b", 0, 0, "a")


def test_a_failed_creation_is_deleted_and_made_again(
    engine: Engine, declaration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    team, logs, name = Team(engine, "anew", declaration), engine.client("logs"), "/aws/lambda/ceap-express-anew-Take"

    def take_the_name(question: str) -> bool:
        if "express" in question:
            logs.create_log_group(logGroupName=name)
        return True

    monkeypatch.setattr("ceap.deploy.shipping.confirm", take_the_name)
    assert cli.main(["deploy", "--env", "anew", str(declaration)]) == 1
    assert team.status() == "ROLLBACK_COMPLETE"
    assert read_situation(open_session(Environment(name="anew")), team.stack).template is None
    logs.delete_log_group(logGroupName=name)
    assert team.ceap("deploy") == 0
    assert team.status() == "CREATE_COMPLETE"


def test_no_message_is_lost_from_a_destruction_to_the_next_deployment(engine: Engine, declaration: Path) -> None:
    team = Team(engine, "lost", declaration)
    assert team.ceap("deploy") == 0
    queue = team.queue()
    sent = [engine.send(queue, MESSAGE) for _ in range(3)]
    assert team.ceap("destroy") == 1
    assert team.ceap("destroy", "--leave-messages") == 0
    sent.append(engine.send(queue, MESSAGE))
    assert team.ceap("deploy") == 0
    before = len(engine.executions)
    engine.drain()
    done = [execution.status for execution in engine.executions[before:]]
    assert (done, engine.messages(queue)) == (["SUCCEEDED"] * len(sent), [])
    assert team.records() == [
        (Operation.DEPLOY, Outcome.DONE),
        (Operation.DESTROY, Outcome.FAILED),
        (Operation.DESTROY, Outcome.DONE),
        (Operation.DEPLOY, Outcome.DONE),
    ]


def test_nothing_is_executed_where_nobody_can_be_asked(
    engine: Engine, declaration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["deploy", "--env", "ask", str(declaration)]) == 2
    asked = r"ceap: ceap-foundation-ask: execute these \d+ changes\? Nobody can be asked, as standard input is not a "
    assert re.search(rf"^{asked}terminal; give --yes\n\Z", capsys.readouterr().err, re.MULTILINE)
    stacks = engine.client("cloudformation").list_stacks()["StackSummaries"]
    assert {each["StackStatus"] for each in stacks if each["StackName"].endswith("-ask")} <= {"DELETE_COMPLETE"}


@pytest.mark.parametrize(
    ("environment", "number", "word"), [("sigi", signal.SIGINT, "interrupted"), ("sigt", signal.SIGTERM, "terminated")]
)
def test_a_signal_ends_the_call_and_tells_what_goes_on(
    engine: Engine, declaration: Path, environment: str, number: signal.Signals, word: str
) -> None:
    code, told = stopped(Team(engine, environment, declaration), "ExecuteChangeSet:1", number)
    assert (code, told[-2:]) == (
        128 + number,
        [
            f"ceap-foundation-{environment}: CloudFormation goes on with the change; the same command follows it, and "
            "does the rest",
            f"ceap: {word}",
        ],
    )


@pytest.mark.parametrize(
    ("environment", "point"),
    [
        ("kila", "CreateChangeSet:1"),
        ("kilb", "ExecuteChangeSet:1"),
        ("kilc", "CreateChangeSet:2"),
        ("kild", "ExecuteChangeSet:2"),
        ("kile", "DescribeStackEvents:5"),
    ],
)
def test_a_killed_deployment_comes_to_the_same_end_when_called_again(
    engine: Engine, declaration: Path, environment: str, point: str
) -> None:
    team = Team(engine, environment, declaration)
    assert stopped(team, point, signal.SIGKILL)[0] == -signal.SIGKILL
    assert team.ceap("deploy") == 0
    assert team.status() == "CREATE_COMPLETE"
    assert (Operation.DEPLOY, Outcome.DONE) in team.records()
    assert Outcome.STARTED not in {outcome for _, outcome in team.records()}
