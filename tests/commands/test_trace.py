"""`ceap trace` as a user calls it, with the engine as AWS."""

from __future__ import annotations

import json

import pytest

from ceap.cli import main
from ceap.local.engine import Engine
from tests.reference import EXPRESS

CALL = ["trace", "--env", "dev", str(EXPRESS)]


def test_a_message_is_told_on_standard_output_and_ends_with_0(
    sent: tuple[Engine, str], capsys: pytest.CaptureFixture[str]
) -> None:
    engine, message = sent
    assert main([*CALL, message]) == 0
    out, err = capsys.readouterr()
    lines, name = out.splitlines(), engine.executions[-1].name
    assert (lines[0], lines[3]) == (f"message {message}", f"execution {name}")
    assert lines[-1] == f"next  nothing to do: execution {name} succeeded"
    assert f"account {engine.account}" in err


def test_as_json_it_is_one_document_with_all_of_it(
    sent: tuple[Engine, str], capsys: pytest.CaptureFixture[str]
) -> None:
    engine, message = sent
    assert main([*CALL, "--json", "--log-lines", "--records", message]) == 0
    story = json.loads(capsys.readouterr().out)
    assert (story["workflow"], story["environment"], story["type"]) == ("express", "dev", "EXPRESS")
    assert [each["id"] for each in story["messages"]] == [message]
    [execution] = story["executions"]
    assert (execution["name"], execution["status"], execution["toldBy"]) == (
        engine.executions[-1].name,
        "SUCCEEDED",
        "its log",
    )
    take = execution["stages"][0]
    assert [attempt["status"] for attempt in take["attempts"]] == ["SUCCEEDED"]
    assert take["output"]["counts"] == {
        "recordsIn": 6,
        "expanded": 0,
        "out": 5,
        "rejected": 1,
        "merged": 0,
        "stale": 0,
    }
    assert take["rejected"]["records"] == [{"amount": 99}]
    assert [line["stage"] for line in take["lines"]] == ["TakeStage"] * len(take["lines"])
    assert set(story["next"]) == {"text", "command"}


def test_what_is_not_there_ends_with_1_and_where_it_was_looked_for(
    sent: tuple[Engine, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*CALL, "11111111-2222-3333-4444-555555555555"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "no trace of a message or an EXPRESS execution since" in err


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["abc"], "'abc': is no message id and no execution"),
        (["--since", "soon", "11111111"], "--since soon: is not a moment"),
        (["arn:aws:states:us-east-1:1:express:other:n:u"], "is not an execution of arn:aws:states"),
    ],
)
def test_a_wrong_call_ends_with_2(
    sent: tuple[Engine, str], arguments: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*CALL, *arguments]) == 2
    assert error in capsys.readouterr().err
