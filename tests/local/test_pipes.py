"""Pipes: what a source that does not serve them, and a run that fails, make of a message."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError  # type: ignore[import-untyped]

from ceap.local import pipes
from ceap.local.clock import CLOCK
from ceap.local.engine import Engine
from tests.local.support import role, state_machine, template_text

PASS = {"P": {"Type": "Pass", "End": True}}


def deploy(engine: Engine, states: dict[str, Any], **fields: Any) -> str:
    """Deploy a machine behind a pipe, and return the URL of its queue."""
    dead_letters = {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 1}
    pipe = {
        "Name": "pipe",
        "RoleArn": {"Fn::GetAtt": ["PipeRole", "Arn"]},
        "Source": {"Fn::GetAtt": ["Queue", "Arn"]},
        "Target": {"Ref": "Machine"},
    }
    text = template_text(
        MachineRole=role("states"),
        Machine=state_machine({"StartAt": next(iter(states)), "States": states, **fields}),
        Queue={"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "queue", "RedrivePolicy": dead_letters}},
        Dead={"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "dead"}},
        PipeRole=role("pipes", ("sqs:*", "*"), ("states:StartSyncExecution", "*")),
        Pipe={"Type": "AWS::Pipes::Pipe", "Properties": pipe},
    )
    return engine.deploy(text, "stack").physical_id("Queue")


def refusal(code: str, status: int) -> ClientError:
    answer = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "ReceiveMessage")


class Refusing:
    """A client of a queue that fails at first."""

    def __init__(self, client: Any, *errors: Exception) -> None:
        self._client = client
        self._errors = list(errors)

    def receive_message(self, **given: Any) -> Any:
        if self._errors:
            raise self._errors.pop(0)
        return self._client.receive_message(**given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


@pytest.mark.parametrize(
    "error",
    [
        refusal("RequestThrottled", 400),
        refusal("ThrottlingException", 400),
        refusal("InternalFailure", 500),
        EndpointConnectionError(endpoint_url="x"),
    ],
)
def test_a_pipe_goes_on_after_its_source_was_throttled_or_failed(engine: Engine, error: Exception) -> None:
    url = deploy(engine, PASS)
    [poller] = engine._running.pollers
    vars(poller)["_sqs"] = Refusing(poller._sqs, error, error)
    before = CLOCK.now()
    engine.send(url, "body")
    [execution] = engine.drain()
    assert (execution.status, engine.problems(), engine.messages(url)) == ("SUCCEEDED", [], [])
    assert execution.started - before >= 2 * pipes.RETRY_S


def test_a_pipe_takes_the_next_message_while_it_delivers_the_one_before(engine: Engine) -> None:
    url = deploy(engine, PASS)
    [poller] = engine._running.pollers
    for body in ("first", "second"):
        engine.client("sqs").send_message(QueueUrl=url, MessageBody=body)
        assert poller.poll()
    assert not poller.poll()
    assert [execution.status for execution in engine.drain()] == ["SUCCEEDED", "SUCCEEDED"]


def test_a_pipe_stops_when_its_source_refuses_its_calls(engine: Engine) -> None:
    url = deploy(engine, PASS)
    [poller] = engine._running.pollers
    vars(poller)["_sqs"] = Refusing(poller._sqs, refusal("AccessDenied", 403))
    engine.send(url, "body")
    assert engine.drain() == []
    [problem] = engine.problems()
    assert problem.startswith("pipe pipe cannot receive from its source: An error occurred (AccessDenied)")
    assert engine.messages(url) == ["body"]


@pytest.mark.parametrize(
    ("states", "fields", "status"),
    [
        ({"W": {"Type": "Wait", "Seconds": 400, "End": True}}, {}, "TIMED_OUT"),
        ({"W": {"Type": "Wait", "Seconds": 400, "End": True}}, {"TimeoutSeconds": 5}, "TIMED_OUT"),
        ({"F": {"Type": "Fail"}}, {}, "FAILED"),
    ],
)
def test_a_message_stays_in_the_queue_unless_its_express_execution_succeeds(
    engine: Engine, states: dict[str, Any], fields: dict[str, Any], status: str
) -> None:
    url = deploy(engine, states, **fields)
    engine.send(url, "body")
    executions = engine.drain()
    assert [execution.status for execution in executions] == [status]
    assert engine.messages(url) == []
    assert engine.messages(url.replace("queue", "dead")) == ["body"]
    assert [call.action for call in engine.trace].count("sqs:DeleteMessage") == 0
