"""Definitions that are refused when their state machine is created."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ceap.local.definitions import DefinitionError, check_definition

TASK = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke"}


def definition(**state: Any) -> dict[str, Any]:
    return {"StartAt": "S", "States": {"S": state}}


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ("arn:aws:states:::glue:startJobRun.sync", "'.sync' service integration at"),
        ("arn:aws:states:::states:startExecution.sync:2", "'.sync' service integration at"),
        ("arn:aws:states:::sqs:sendMessage.waitForTaskToken", "'.waitForTaskToken' service integration  at"),
        ("arn:aws:states:us-east-1:123456789012:activity:mine", "Activity ARN at"),
    ],
)
def test_an_express_machine_waits_for_no_job_token_or_activity(resource: str, reason: str) -> None:
    message = f"SCHEMA_VALIDATION_FAILED: Express state machine does not support {reason} /States/S/Resource"
    with pytest.raises(DefinitionError, match=re.escape(f"Invalid State Machine Definition: '{message}'")):
        check_definition(definition(Type="Task", Resource=resource), "EXPRESS")


@pytest.mark.parametrize("resource", ["arn:aws:states:::lambda:invoke", "arn:aws:states:::glue:startJobRun.sync"])
def test_a_standard_machine_takes_the_tasks_of_the_templates(resource: str) -> None:
    check_definition(definition(Type="Task", Resource=resource), "STANDARD")


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"Type": "Map"}, "/States/S: the local engine does not run Map states"),
        ({"Type": "Parallel"}, "/States/S: the local engine does not run Parallel states"),
        (TASK | {"HeartbeatSeconds": 5}, "/States/S: the local engine does not model HeartbeatSeconds of a state"),
        (TASK | {"QueryLanguage": "JSONata"}, "/States/S: the local engine does not model QueryLanguage of a state"),
        (
            {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken"},
            "/States/S: the local engine does not model the task arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        ),
    ],
)
def test_what_the_engine_does_not_model_is_refused(state: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=re.escape(message)):
        check_definition(definition(**state), "STANDARD")


def test_another_query_language_is_refused() -> None:
    with pytest.raises(DefinitionError, match="the local engine does not model QueryLanguage JSONata"):
        check_definition({**definition(Type="Pass"), "QueryLanguage": "JSONata"}, "STANDARD")
