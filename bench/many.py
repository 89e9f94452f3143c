"""Executions that are put into an engine as if they had run: what `ceap status` has to read of a busy day."""

from __future__ import annotations

import json
import uuid
from typing import Final

from ceap.local.clock import CLOCK
from ceap.local.engine import Engine
from ceap.local.executions import DeployedMachine, Execution

ERRORS: Final = (
    ("TransientStageError", "the vendor does not answer"),
    ("PermanentStageError", "record 17 has no id"),
    ("States.Timeout", None),
)
"""The kinds of failure, which take turns."""


def fill(engine: Engine, machine: DeployedMachine, number: int, failed: int) -> None:
    """Add executions that have ended, one a second until now, some of them, evenly spread, with a failure."""
    stages, now = machine.stages, CLOCK.now()
    for at in range(number):
        started = now - number + at
        name = str(uuid.UUID(int=at))
        execution = Execution(
            arn=f"{machine.arn.replace(':stateMachine:', ':execution:')}:{name}",
            name=name,
            machine=machine.arn,
            input=json.dumps([{"messageId": name, "body": "{}"}]),
            status="SUCCEEDED",
            output="{}",
            started=started,
            ended=started + 0.5,
        )
        if (fault := at * failed // number) != (at + 1) * failed // number:
            kind = fault % len(ERRORS)
            _fail(execution, stages[kind % len(stages)].state, *ERRORS[kind])
        engine._executions.deployed[execution.arn] = machine
        engine.executions.append(execution)


def _fail(execution: Execution, stage: str, error: str, message: str | None) -> None:
    execution.status, execution.output = "FAILED", None
    execution.error = error
    execution.cause = json.dumps({"errorType": error, "errorMessage": message}) if message else None
    entered = {"name": stage, "input": "{}", "inputDetails": {"truncated": False}}
    details = {"error": error, "cause": execution.cause or ""}
    events = [("ExecutionStarted", {}), ("TaskStateEntered", entered), ("ExecutionFailed", details)]
    execution.history = [
        {"timestamp": execution.started, "type": kind, "id": number, "previousEventId": number - 1, "details": found}
        for number, (kind, found) in enumerate(events, start=1)
    ]
