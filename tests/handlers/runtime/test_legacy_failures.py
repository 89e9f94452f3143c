"""What becomes of a stage whose existing function, or the call of it, fails; Lambda's API stands behind HTTP."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from ceap.testing import BUCKET, EXECUTION, STAGE, STAGE_BEFORE, error, run, write_output
from handlers.runtime.contract import PermanentStageError, StageError, TransientStageError
from handlers.runtime.legacy import handler
from tests.handlers.conftest import Log
from tests.handlers.lambda_api import ARN, NAME, REQUEST_ID, Answer, LambdaApi, raised, refused
from tests.handlers.runtime.legacy_support import RECORDS, fail


class Left:
    """Lambda's context of an invocation that has little time left."""

    def __init__(self, milliseconds: int) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


PERMANENT = [
    "PermanentStageError",
    "Runtime.HandlerNotFound",
    "Runtime.ImportModuleError",
    "Runtime.InvalidEntrypoint",
    "Runtime.MalformedHandlerName",
    "Runtime.MarshalError",
    "Runtime.UnmarshalError",
    "Runtime.UserCodeSyntaxError",
]
TRANSIENT = ["KeyError", "TransientStageError", "Runtime.ExitError", "Sandbox.Timedout", "Runtime.OutOfMemory"]


@pytest.mark.parametrize(
    ("kind", "error_type"),
    [*((PermanentStageError, name) for name in PERMANENT), *((TransientStageError, name) for name in TRANSIENT)],
)
def test_a_failure_of_the_function_is_classed_by_its_error_type(
    lambda_api: LambdaApi, kind: type[StageError], error_type: str
) -> None:
    lambda_api.function = lambda _: raised(error_type)
    fail(
        kind,
        f"{NAME} failed with {error_type}; error.json has its text, and the function's log the request {REQUEST_ID}: c",
    )
    assert len(lambda_api.calls) == 1


def test_a_failure_that_tells_much_is_classed_too_and_its_record_has_the_beginning(lambda_api: LambdaApi) -> None:
    lambda_api.function = lambda _: raised("PermanentStageError", "x" * 70_000)
    fail(PermanentStageError, f"{NAME} failed with PermanentStageError")
    assert error()["details"]["functionError"] == raised("", "x" * 70_000).body.decode()[: 64 * 1024]


def test_what_the_function_said_goes_to_the_record_of_the_failure_and_nowhere_else(
    lambda_api: LambdaApi, log: Log
) -> None:
    lambda_api.function = lambda _: raised("ValueError")
    text = fail(TransientStageError, "failed with ValueError")
    assert "c-1" not in text + log.getvalue()
    assert "secret" not in text + log.getvalue()
    said = json.loads(raised("ValueError").body)
    assert error()["details"] == {"function": ARN, "functionRequestId": REQUEST_ID, "functionError": said}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            b'{"errorMessage": "Task timed out"}',
            {"errorMessage": "Task timed out"},
        ),
        (b'{"errorType": "customer c-1"}', {"errorType": "customer c-1"}),
        (b'"broken"', "broken"),
        (b"\xff<html>", "�<html>"),
        (b'"' + b"x" * 70_000 + b'"', '"' + "x" * (64 * 1024 - 1)),
        (b'{"errorType": ["list"]}', {"errorType": ["list"]}),
    ],
)
def test_a_failure_without_a_class_counts_as_transient(lambda_api: LambdaApi, body: bytes, said: Any) -> None:
    lambda_api.function = lambda _: Answer(body, failed=True)
    assert "c-1" not in fail(TransientStageError, f"{NAME} failed with an error; error.json has its text")
    assert error()["details"]["functionError"] == said


@pytest.mark.parametrize(
    ("kind", "status", "code", "text"),
    [
        (TransientStageError, 429, "TooManyRequestsException", "a later attempt may succeed"),
        (TransientStageError, 500, "ServiceException", "a later attempt may succeed"),
        (TransientStageError, 502, "EC2ThrottledException", "a later attempt may succeed"),
        (TransientStageError, 409, "ResourceConflictException", "a later attempt may succeed"),
        (TransientStageError, 403, "EFSMountFailureException", "a later attempt may succeed"),
        (TransientStageError, 410, "EFSIOException", "a later attempt may succeed"),
        (TransientStageError, 400, "SnapStartException", "a later attempt may succeed"),
        (PermanentStageError, 400, "InvalidParameterValueException", "correct the request"),
        (PermanentStageError, 400, "RecursiveInvocationException", "correct the request"),
        (PermanentStageError, 404, "ResourceNotFoundException", "correct the parameter that names it, or deploy it"),
        (PermanentStageError, 403, "AccessDeniedException", "a function of another account must also allow this role"),
    ],
)
def test_what_lambda_answers_in_place_of_the_function_is_classed_and_not_repeated(
    lambda_api: LambdaApi, kind: type[StageError], status: int, code: str, text: str
) -> None:
    lambda_api.function = lambda _: refused(status, code)
    assert f"lambda:InvokeFunction on {ARN} " in fail(kind, text)
    assert len(lambda_api.calls) == 1


def test_a_broken_connection_is_transient_and_the_call_is_not_repeated(lambda_api: LambdaApi) -> None:
    lambda_api.function = lambda _: None
    fail(TransientStageError, f"lambda:InvokeFunction on {ARN} failed: ConnectionClosedError")
    assert len(lambda_api.calls) == 1


def test_a_function_that_does_not_answer_in_time_leaves_time_to_say_so(lambda_api: LambdaApi) -> None:
    lambda_api.function = lambda_api.hang
    write_output(STAGE_BEFORE, RECORDS)
    event = {
        "executionId": EXECUTION,
        "currentStage": STAGE,
        "previousStage": STAGE_BEFORE,
        "workflowBucket": BUCKET,
        "initialData": None,
    }
    with pytest.raises(TransientStageError, match="did not answer within 0 s, and may run still; raise the step's"):
        handler(event, Left(2_300))
    assert len(lambda_api.calls) == 1
    with pytest.raises(TransientStageError, match=f"no time was left to call {NAME}; raise the step's timeout_s"):
        handler(event, Left(1_900))
    assert len(lambda_api.calls) == 1


def test_a_second_attempt_calls_again_and_leaves_the_same_output(lambda_api: LambdaApi) -> None:
    first, second = run(handler, RECORDS), run(handler, RECORDS)
    assert first["data"] == second["data"]
    assert len(lambda_api.calls) == 2


def test_a_connection_that_waits_shows_that_it_lives(lambda_api: LambdaApi, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, ...]] = []
    set_option = socket.socket.setsockopt

    def spy(self: socket.socket, *option: Any) -> None:
        asked.append(option)
        set_option(self, *option)

    monkeypatch.setattr(socket.socket, "setsockopt", spy)
    run(handler, RECORDS)
    assert (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1) in asked
    if hasattr(socket, "TCP_KEEPIDLE"):
        assert (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60) in asked


def test_a_botocore_whose_connections_are_made_otherwise_calls_too(
    lambda_api: LambdaApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "TCP_KEEPINTVL")
    assert run(handler, RECORDS)["data"] == RECORDS


def test_a_stage_logs_which_function_answered_and_nothing_of_a_record(lambda_api: LambdaApi, log: Log) -> None:
    run(handler, [{"id": "secret"}])
    line = next(line for line in log.lines() if line["message"] == "function answered")
    assert {
        "function": ARN,
        "functionVersion": "$LATEST",
        "functionRequestId": REQUEST_ID,
        "responseBytes": 18,
        "executionId": EXECUTION,
        "currentStage": STAGE,
    }.items() <= line.items()
    assert "secret" not in log.getvalue()
