"""`ceap pause`, `ceap resume` and `ceap drain` as a user calls them, with the engine as AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ceap.cli import main
from ceap.operate import drain
from tests.operate.failing import small_workflow
from tests.operated import Operated, aws_of
from tests.reference import MESSAGE, STANDARD

CALL = ["--env", "dev", str(STANDARD)]


@pytest.fixture(scope="module")
def small() -> Iterator[Operated]:
    with small_workflow() as found, aws_of(found.engine), pytest.MonkeyPatch.context() as patch:
        patch.setattr(drain, "SETTLED_S", 0.0)  # the engine counts exactly
        yield found


def test_a_workflow_is_paused_drained_and_resumed(small: Operated, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pause", *CALL]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "ceap-standard-dev: the pipe ceap-standard-dev is stopped",
        "  0 messages waiting and 0 in flight, 0 executions running; what runs goes on to its end",
        "  a message stays in the queue for 14 d, then SQS deletes it",
        "  `ceap deploy` leaves it stopped, and says so",
        f"  `ceap resume --env dev {STANDARD}` starts it",
    ]
    small.engine.send(small.deployed.queue, MESSAGE)
    assert main(["drain", *CALL]) == 1
    assert "the pipe ceap-standard-dev is STOPPED, so nobody takes the messages: 1 message" in capsys.readouterr().err
    assert main(["drain", *CALL, "--pause"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "ceap-standard-dev: nothing runs; the pipe is stopped, 1 message waiting",
        f"  `ceap resume --env dev {STANDARD}` starts it",
    ]
    assert main(["resume", *CALL]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "ceap-standard-dev: the pipe ceap-standard-dev runs",
        "  1 message waiting and 0 in flight, 0 executions running",
    ]
    small.engine.drain()
    assert main(["drain", *CALL, "--json"]) == 0
    drained = json.loads(capsys.readouterr().out)
    assert (drained["isDrained"], drained["left"]["messages"]) == (True, {"waiting": 0, "inFlight": 0})


def test_what_does_not_come_to_an_end_in_time_ends_with_1(small: Operated, capsys: pytest.CaptureFixture[str]) -> None:
    small.engine.send(small.deployed.queue, MESSAGE)
    assert main(["drain", *CALL, "--timeout", "1"]) == 1
    assert capsys.readouterr().out.splitlines()[0].endswith("1 message waiting and 0 in flight, 0 executions running")
    small.engine.drain()


def test_the_json_of_a_pipe_has_what_waits(small: Operated, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pause", *CALL, "--json"]) == 0
    assert main(["resume", *CALL, "--json"]) == 0
    paused, resumed = map(json.loads, capsys.readouterr().out.splitlines())
    assert (paused["state"], paused["wasSo"], paused["retentionS"]) == ("STOPPED", False, 1_209_600)
    assert (resumed["state"], resumed["wasSo"], resumed["templateState"]) == ("RUNNING", False, None)


@pytest.mark.parametrize("command", ["pause", "resume", "drain"])
def test_an_environment_without_the_stack_ends_with_3(
    small: Operated, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--env", "prod", str(STANDARD)]) == 3
    assert "stack ceap-standard-prod does not exist; deploy it first: `ceap deploy`" in capsys.readouterr().err


def test_a_timeout_is_a_number_of_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["drain", *CALL, "--timeout", "5m"])
    assert stop.value.code == 2
    assert "--timeout: is '5m'; give a number of seconds, e.g. 900" in capsys.readouterr().err
