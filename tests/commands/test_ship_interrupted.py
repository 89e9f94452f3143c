"""`ceap destroy` and `ceap rollback` killed at a step, and called again, or followed by a deployment."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ceap.aws.history import Operation, Outcome
from ceap.local.engine import Engine
from tests.commands.shipping import SMALL, Team, aws_of_ship, stopped
from tests.reference import MESSAGE

PIPE = "ceap-express-kill"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with aws_of_ship() as engine:
        yield engine


@pytest.fixture
def team(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    """A team that has deployed a workflow of one stage; what an earlier test left of the stack is taken back."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "express.yaml").write_text(SMALL, encoding="utf-8")
    team = Team(engine, "kill", tmp_path / "express.yaml")
    assert team.ceap("deploy") == 0
    return team


def processed(team: Team) -> list[str]:
    """Let the engine process what waits, and return how its executions ended."""
    before = len(team.engine.executions)
    team.engine.drain()
    return [execution.status for execution in team.engine.executions[before:]]


@pytest.mark.parametrize(
    ("point", "command"),
    [
        ("PutObject:2", "destroy"),
        ("StopPipe:1", "destroy"),
        ("StopPipe:1", "deploy"),
        ("DeleteStack:1", "destroy"),
        ("DeleteStack:1", "deploy"),
    ],
)
def test_a_killed_destruction_loses_no_message_whatever_is_called_then(team: Team, point: str, command: str) -> None:
    sent = [team.engine.send(team.queue(), MESSAGE) for _ in range(2)]
    assert stopped(team, point, signal.SIGKILL, "destroy", "--leave-messages")[0] == -signal.SIGKILL
    if command == "destroy":
        assert team.ceap("destroy", "--leave-messages") == 0
    assert team.ceap("deploy") == 0
    assert (processed(team), team.engine.messages(team.queue())) == (["SUCCEEDED"] * len(sent), [])
    assert Outcome.STARTED not in {outcome for _, outcome in team.records()}


def state(team: Team) -> str:
    return str(team.engine.client("pipes").describe_pipe(Name=PIPE)["CurrentState"])


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line for line in capsys.readouterr().err.splitlines() if f"the pipe {PIPE}" in line]


def test_a_deployment_starts_the_pipe_that_an_interrupted_destruction_paused(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    assert stopped(team, "StopPipe:1", signal.SIGKILL, "destroy")[0] == -signal.SIGKILL
    assert (state(team), team.records()[-1]) == ("STOPPED", (Operation.DESTROY, Outcome.STARTED))
    assert team.ceap("deploy") == 0
    assert told(capsys) == [
        f"{team.stack}: an interrupted `ceap destroy` has paused the pipe {PIPE}: starting it again",
    ]
    assert (state(team), (Operation.DESTROY, Outcome.STARTED) in team.records()) == ("RUNNING", False)


def test_a_refused_destruction_starts_the_pipe_that_an_interrupted_one_paused(team: Team) -> None:
    assert stopped(team, "StopPipe:1", signal.SIGKILL, "destroy")[0] == -signal.SIGKILL
    team.engine.send(team.queue(), MESSAGE)
    assert team.ceap("destroy") == 1
    assert (state(team), team.records()[-1]) == ("RUNNING", (Operation.DESTROY, Outcome.FAILED))
    assert processed(team) == ["SUCCEEDED"]


def test_a_pipe_that_somebody_paused_is_told_of_and_left_so(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    team.engine.client("pipes").stop_pipe(Name=PIPE)
    assert team.ceap("deploy") == 0
    assert told(capsys) == [
        f"{team.stack}: the pipe {PIPE} is STOPPED, not RUNNING as the template has it, so it may take no messages; "
        "`ceap resume` starts it"
    ]
    assert state(team) == "STOPPED"
    team.engine.client("pipes").start_pipe(Name=PIPE)


@pytest.mark.parametrize("point", ["CreateChangeSet:1", "PutObject:2", "ExecuteChangeSet:1"])
def test_a_killed_rollback_comes_to_the_same_end_when_called_again(team: Team, point: str) -> None:
    of_point = point.replace(":", "")
    for version in ("a", "b"):
        team.declaration.write_text(f"{SMALL}tags: {{version: {of_point}{version}}}\n", encoding="utf-8")
        assert team.ceap("deploy") == 0
    team.engine.send(team.queue(), MESSAGE)
    assert stopped(team, point, signal.SIGKILL, "rollback")[0] == -signal.SIGKILL
    assert team.ceap("rollback") == 0
    assert team.version() == f"{of_point}a"
    assert processed(team) == ["SUCCEEDED"]
    assert Outcome.STARTED not in {outcome for _, outcome in team.records()}
