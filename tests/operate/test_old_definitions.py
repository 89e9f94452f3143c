"""Reading the definitions of executions with few calls, as AWS allows one a second."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, cast

from ceap.aws.executions import Execution
from ceap.aws.session import Aws
from ceap.operate.old_definitions import LAG_S, Definitions

UPDATES = {0.0: "first", 1000.0: "second", 2000.0: "third"}


class States:
    """Step Functions with a state machine that was updated twice; it counts what is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def client(self, _: str) -> Any:
        return self

    def describe_state_machine(self, **_: str) -> Any:
        return {"definition": text(UPDATES[2000.0])}

    def describe_state_machine_for_execution(self, executionArn: str) -> Any:  # noqa: N803 (boto3's name)
        self.asked.append(executionArn)
        updated = max(moment for moment in UPDATES if moment <= float(executionArn))
        return {"definition": text(UPDATES[updated]), "updateDate": datetime.fromtimestamp(updated, UTC)}


def text(name: str) -> str:
    return json.dumps({"Comment": name, "States": {}})


def execution(started: float) -> Execution:
    return Execution(arn=str(started), name="e", status="FAILED", started=started)


def test_one_answer_counts_for_all_executions_since_the_update() -> None:
    executions = [execution(started) for started in (500.0, 1500.0, 1600.0, 2500.0, 2600.0, 2700.0)]
    states = States()
    definitions = Definitions(cast("Aws", states), "machine", executions)
    found = [definitions.of(each)["Comment"] for each in executions]
    assert found == ["first", "second", "second", "third", "third", "third"]
    assert states.asked == ["2700.0", "1600.0", "500.0"]


def test_an_execution_right_after_an_update_is_asked_for_as_it_may_run_the_definition_before() -> None:
    soon, later = execution(2000.0 + LAG_S / 2), execution(2000.0 + LAG_S)
    states = States()
    definitions = Definitions(cast("Aws", states), "machine", [soon, later])
    assert definitions.of(later) == definitions.of(soon)
    assert states.asked == [later.arn, soon.arn]
