"""`ceap logs` as a user calls it, with the engine as AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ceap.aws import pace
from ceap.cli import main
from ceap.local.engine import Engine
from ceap.operate import logs
from tests.local.support import STAGES, deploy_express
from tests.operated import aws_of
from tests.reference import EXPRESS, MESSAGE

CALL = ["logs", "--env", "dev", str(EXPRESS)]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """An engine with the EXPRESS workflow that has failed, then succeeded, and its keys in the environment."""
    with Engine.start() as engine, aws_of(engine):
        queue = deploy_express(engine).queue
        for body in ("no JSON", MESSAGE):
            engine.send(queue, body)
            engine.drain()
        yield engine


def test_lines_are_printed_with_their_stages_and_without_colours_where_there_is_no_terminal(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*CALL, engine.executions[-1].name]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines if "stage started" in line] == list(STAGES)
    assert "\x1b" not in "".join(lines)
    assert not any("_aws" in line or "START RequestId" in line for line in lines)


def test_as_json_each_line_is_a_document_that_holds_it_as_it_was_written(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*CALL, "--json", "--stage", "TakeStage", engine.executions[-1].name]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["stage"] for line in lines} == {"TakeStage"}
    assert json.loads(lines[1]["message"])["executionId"] == engine.executions[-1].name
    assert any(line["message"].startswith("START RequestId") for line in lines)


def test_followed_it_ends_when_the_execution_has_ended(
    engine: Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "SETTLED_S", 0.0)
    monkeypatch.setattr(pace, "FIRST_S", 0.0)
    assert main([*CALL, "--follow", engine.executions[-1].name]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum("stage succeeded" in line for line in lines) == len(STAGES)


def test_an_execution_without_such_lines_is_said_to_have_none(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*CALL, "--level", "error", engine.executions[-1].name]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("has no such line: lines stay for 14 days, and may come late\n")


def test_one_that_failed_ends_with_the_command_that_tells_what_was_raised_and_where(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    name = next(run.name for run in engine.executions if run.status == "FAILED")
    assert main([*CALL, "--level", "ERROR", name]) == 0
    out, err = capsys.readouterr()
    assert "stage failed" in out
    more = f"execution {name} failed; what was raised, and where: ceap trace --env dev {EXPRESS} {name}"
    assert err.splitlines()[-1] == more


def test_an_execution_that_never_was_ends_with_1(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*CALL, "no-such-execution"]) == 1
    assert "no-such-execution: no trace of" in capsys.readouterr().err


def test_a_stage_that_the_workflow_has_not_ends_with_2(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*CALL, "--stage", "Keep", engine.executions[-1].name]) == 2
    assert "--stage Keep: express has no such stage" in capsys.readouterr().err
