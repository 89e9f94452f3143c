"""`ceap redrive` as a user calls it, with the engine as AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ceap.cli import main
from ceap.local.executions import Execution
from tests.operate.failing import run, small_workflow
from tests.operated import Operated, aws_of
from tests.reference import STANDARD

CALL = ["redrive", "--env", "dev", str(STANDARD)]


@pytest.fixture(scope="module")
def small() -> Iterator[Operated]:
    """A workflow of the declaration's name, whose keys are in the environment."""
    with small_workflow() as found, aws_of(found.engine):
        yield found


@pytest.fixture
def own() -> Iterator[Operated]:
    """One for a test that leaves an execution failed."""
    with small_workflow() as found, aws_of(found.engine):
        yield found


@pytest.fixture
def failed(small: Operated) -> Execution:
    return run(small, "SiftStage")


def test_a_named_execution_is_redriven_without_a_question(
    small: Operated, failed: Execution, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*CALL, failed.name]) == 0
    small.engine.drain()
    out, err = capsys.readouterr()
    assert out.splitlines() == [f"redriven      {failed.name}  SiftStage", "1 redriven"]
    assert err.startswith(f"account {small.engine.account}, region us-east-1 ")
    assert failed.status == "SUCCEEDED"


def test_more_than_one_is_asked_for_and_without_a_terminal_nothing_is_done(
    small: Operated, failed: Execution, capsys: pytest.CaptureFixture[str]
) -> None:
    other = run(small, "RateStage")
    assert main([*CALL, "--failed"]) == 2
    assert capsys.readouterr().err.splitlines()[1:] == [
        f"to redrive    {failed.name}  SiftStage",
        f"to redrive    {other.name}  RateStage",
        "ceap: ceap-standard-dev: redrive 2 executions? Nobody can be asked, as standard input is not a terminal; give "
        "--yes",
    ]
    assert (failed.redrives, other.redrives) == (0, 0)
    assert main([*CALL, "--failed", "--yes", "--json"]) == 0
    small.engine.drain()
    report = json.loads(capsys.readouterr().out)
    assert report["summary"] == "2 redriven"
    assert [(each["name"], each["state"], each["outcome"]) for each in report["executions"]] == [
        (failed.name, "SiftStage", "redriven"),
        (other.name, "RateStage", "redriven"),
    ]
    assert report["executions"][0]["inputExpires"].endswith("T00:00:00Z")


def test_a_refusal_ends_with_1_and_says_what_to_do(own: Operated, capsys: pytest.CaptureFixture[str]) -> None:
    failed = run(own, "SiftStage")
    key = f"executions/{failed.name}/TakeStage/output.json"
    own.engine.client("s3").delete_object(Bucket=own.deployed.bucket, Key=key)
    assert main([*CALL, failed.name]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"refused       {failed.name}  SiftStage: its input s3://{own.deployed.bucket}/{key} has expired or was "
        f"removed; `ceap replay --env dev {STANDARD} {failed.name}` starts again from its message",
        "0 redriven, 1 refused (1 inputs expired)",
    ]
    assert main([*CALL, failed.name, "--json"]) == 1
    [refused] = json.loads(capsys.readouterr().out)["executions"]
    assert (refused["outcome"], refused["why"], refused["arn"]) == ("refused", "inputs expired", failed.arn)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "redrive takes names of executions, or --failed, but neither was given; e.g. --failed --dry-run lists "),
        (
            ["e1", "--failed"],
            "redrive takes names of executions, or --failed, not both; e.g. --failed --dry-run lists ",
        ),
        (["e1", "--error", "x"], "--error chooses among failed executions; give --failed with it, and no names"),
        (["--failed", "--since", "soon"], "--since soon: is not a moment; give e.g. 2h (s, m, h, d before now), or "),
    ],
)
def test_options_that_mean_nothing_are_refused(
    small: Operated, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*CALL, *options]) == 2
    assert f"ceap: {message}" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--limit", "--rate"])
def test_a_number_is_a_whole_one_from_1(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([*CALL, "--failed", option, "0"])
    assert stop.value.code == 2
    assert f"argument {option}: is '0'; give a whole number from 1, e.g. 10" in capsys.readouterr().err
