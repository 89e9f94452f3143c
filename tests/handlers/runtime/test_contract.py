from __future__ import annotations

import msgspec
import pytest

from handlers.runtime.contract import (
    ExecutionContext,
    PermanentStageError,
    StageResult,
    TransientStageError,
    error_key,
    output_key,
    rejected_key,
)


def test_a_context_has_exactly_the_five_fields() -> None:
    context = ExecutionContext(execution_id="e", current_stage="S", previous_stage=None, workflow_bucket="b")
    assert msgspec.to_builtins(context) == {
        "executionId": "e",
        "currentStage": "S",
        "previousStage": None,
        "workflowBucket": "b",
        "initialData": None,
    }


def test_a_result_has_the_four_fields_that_the_design_names() -> None:
    assert msgspec.to_builtins(StageResult(status="SUCCESS", stage="S", records_processed=3)) == {
        "status": "SUCCESS",
        "stage": "S",
        "recordsProcessed": 3,
        "errorMessage": None,
    }


def test_all_that_a_stage_writes_lies_under_its_own_prefix() -> None:
    assert [output_key("e", "S"), rejected_key("e", "S"), error_key("e", "S")] == [
        "executions/e/S/output.json",
        "executions/e/S/rejected.jsonl",
        "executions/e/S/error.json",
    ]


@pytest.mark.parametrize("kind", [PermanentStageError, TransientStageError])
def test_an_error_reads_as_its_message_alone_and_has_no_subclass(kind: type[PermanentStageError]) -> None:
    error = kind("message", {"key": "secret"})
    assert (str(error), error.details) == ("message", {"key": "secret"})
    assert kind("message").details == {}
    assert kind.__subclasses__() == []
