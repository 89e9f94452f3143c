"""`ceap smoke` as a user calls it, with the engine as AWS."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ceap.cli import main
from ceap.local.engine import Engine
from tests.local.support import STAGES, deploy_express
from tests.reference import EXPRESS, MESSAGE

CALL = ["smoke", "--env", "dev", str(EXPRESS)]
ALARMS = 11


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """An engine that serves the EXPRESS workflow, and has its keys in the environment."""
    with Engine.start() as engine, pytest.MonkeyPatch.context() as patch:
        for name, value in engine.driver.variables(engine.url).items():
            patch.setenv(name, value)
        deploy_express(engine)
        over = threading.Event()
        thread = threading.Thread(target=engine.serve, args=(over.is_set,), daemon=True)
        thread.start()
        yield engine
        over.set()
        thread.join()


def test_a_working_workflow_ends_with_0_and_its_report_as_json(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*CALL, "--allow-events", "--json"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert report["status"] == "PASSED"
    assert report["executions"] == [engine.executions[-1].arn]
    counted = {
        verdict: [found["verdict"] for found in report["findings"]].count(verdict) for verdict in ("passed", "failed")
    }
    assert counted == {"passed": 3 + 2 * len(STAGES) + 3 + ALARMS, "failed": 0}
    assert f"account {engine.account}, region us-east-1" in err
    assert "stack ceap-express-dev has a template, but there is no generated/express.template.yaml" in err


def test_a_fault_ends_with_1_and_is_named_in_the_report_for_people(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    alarm = {"AlarmName": "ceap-express-dev-queue-age", "StateReason": "Threshold crossed"}
    engine.client("cloudwatch").set_alarm_state(**alarm, StateValue="ALARM")
    assert main([*CALL, "--allow-events"]) == 1
    engine.client("cloudwatch").set_alarm_state(**alarm, StateValue="OK")
    lines = capsys.readouterr().out.splitlines()
    assert "  failed         alarm              ceap-express-dev-queue-age: ALARM: Threshold crossed" in lines
    assert lines[-1] == "smoke FAILED: 26 passed, 1 failed, 1 not evaluated"


def test_a_workflow_that_publishes_ends_with_2(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    count = len(engine.executions)
    assert main(CALL) == 2
    assert "TellStage may publish events" in capsys.readouterr().err
    assert len(engine.executions) == count


def test_an_environment_without_the_stack_ends_with_3(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["smoke", "--env", "prod", str(EXPRESS)]) == 3
    assert capsys.readouterr().err.endswith(
        "ceap: stack ceap-express-prod does not exist; deploy it first: `ceap deploy`\n"
    )


def test_a_workflow_without_a_smoke_message_ends_with_2(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    declaration = tmp_path / "express.yaml"
    declaration.write_text(EXPRESS.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "messages").mkdir()
    (tmp_path / "messages" / "express.json").write_text(MESSAGE, encoding="utf-8")
    assert main(["smoke", "--env", "dev", str(declaration)]) == 2
    assert "messages/express.smoke.json: there is no such file" in capsys.readouterr().err


def test_a_timeout_is_a_number_of_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([*CALL, "--timeout", "5m"])
    assert stop.value.code == 2
    assert "--timeout: is '5m'; give a number of seconds, e.g. 900" in capsys.readouterr().err
