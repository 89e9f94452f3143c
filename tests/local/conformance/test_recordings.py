"""The engine answers what AWS answered, wherever a public project recorded it and our templates use it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local.cloudformation import DeployError
from ceap.local.engine import Engine
from templates.budget import INPUT_LIMIT_BYTES
from tests.local.conformance.cases import Call, Case, differences, load_recordings
from tests.local.support import (
    CODE_BUCKET,
    CODE_KEY,
    function,
    job,
    log_group,
    role,
    rule,
    state_machine,
    template_text,
    upload_code,
)

CASES = {case.behaviour: case for recordings in load_recordings().values() for case in recordings.cases}
GROUP = "/aws/vendedlogs/states/machine"
STARTS = {"StartExecution", "StartSyncExecution"}


class Replay:
    """One case, replayed on an engine of its own: yields how the engine differs from the recording."""

    def __init__(self, engine: Engine, case: Case) -> None:
        self._engine = engine
        self._case = case
        self._states = engine.client("stepfunctions")
        if case.function is not None:
            upload_code(engine, {"handler.py": case.function})
        if case.job is not None:
            engine.client("s3").create_bucket(Bucket=CODE_BUCKET)
            engine.client("s3").put_object(Bucket=CODE_BUCKET, Key=CODE_KEY, Body=case.job.encode())
        engine.client("s3").create_bucket(Bucket="data")
        stack = engine.deploy(self._template(), "stack")
        machine = stack.physical_id("Machine")
        account = machine.split(":")[4]
        self._topic = stack.physical_id("Topic")
        self._names = {
            "machine": machine,
            "executions": machine.removesuffix("stateMachine:machine") + "execution:machine",
            "expresses": machine.removesuffix("stateMachine:machine") + "express:machine",
            "execution": "no execution",
            "long": "x" * (INPUT_LIMIT_BYTES - 1),
            "account": account,
            "functions": f"arn:aws:lambda:us-east-1:{account}:function",
            "group": f"arn:aws:logs:us-east-1:{account}:log-group:{GROUP}:*",
            "role": engine.machine(machine).role,
        }

    def run(self) -> Iterator[str]:
        if not self._case.calls or self._case.calls[0].call not in STARTS:
            self._start()
        for call in self._case.calls:
            yield from self._replay(call)
        if self._case.history is not None:
            yield from self._compare_history(self._case.history)
        if self._case.events is not None:
            events = [json.loads(message) for message in self._engine.published(self._topic)]
            expected = [{**ENVELOPE, "detail": detail} for detail in self._case.events]
            yield from differences(expected, events, self._names, "events")
        if self._case.logs is not None:
            lines = [json.loads(line) for line in self._engine.logs.read(GROUP)]
            expected = [_line(*event) for event in self._case.logs]
            yield from differences(expected, lines, self._names, "logs")
        if self._case.output is not None:
            [execution] = self._engine.executions
            yield from differences(self._case.output, execution.output, self._names, "output")
        if self._case.objects is not None:
            objects = {key: content.decode() for key, content in self._engine.objects("data")}
            yield from differences(list(self._case.objects.items()), list(objects.items()), self._names, "objects")

    def _start(self) -> None:
        if self._case.kind == "EXPRESS":
            self._call("start_sync_execution", stateMachineArn=self._names["machine"], input=self._case.input)
        else:
            given = {"stateMachineArn": self._names["machine"], "name": "run", "input": self._case.input}
            self._call("start_execution", **given)

    def _replay(self, call: Call) -> Iterator[str]:
        if call.call == "Drain":
            self._engine.drain()
            return
        place = call.call
        try:
            answer = self._call(_snake(call.call), **self._filled(call.given))
        except ClientError as error:
            given = (error.response["Error"]["Code"], error.response["Error"]["Message"])
            if call.refused is None:
                yield f"{place}: refused: {given}"
            else:
                yield from differences(call.refused, given, self._names, place)
            return
        if call.refused is not None:
            yield f"{place}: not refused: {answer}"
        elif call.answer is not None:
            yield from differences(call.answer, answer, self._names, place)

    def _call(self, operation: str, **given: Any) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self._states, operation)(**given)
        answer.pop("ResponseMetadata")
        self._names["nextToken"] = answer.get("nextToken", "no token")
        if operation.startswith("start_"):
            self._names["execution"] = answer["executionArn"]
        if operation in {"start_execution", "redrive_execution"} and not self._case.busy:
            self._engine.drain()
        return answer

    def _filled(self, given: dict[str, Any]) -> dict[str, Any]:
        text = re.sub(r"\$\{(\w+)\}", lambda found: self._names[found[1]], json.dumps(given))
        filled: dict[str, Any] = json.loads(text)
        return filled

    def _compare_history(self, recorded: list[tuple[str, int, dict[str, Any] | None]]) -> Iterator[str]:
        answer = self._states.get_execution_history(executionArn=self._names["execution"])
        events = [
            [event["type"], event["previousEventId"], next((v for k, v in event.items() if "Details" in k), None)]
            for event in answer["events"]
        ]
        assert [event["id"] for event in answer["events"]] == list(range(1, len(events) + 1))
        yield from differences(recorded, events, self._names, "history")

    def _template(self) -> str:
        case = self._case
        definition: dict[str, Any] = {"StartAt": next(iter(case.states)), "States": case.states}
        if case.timeout is not None:
            definition["TimeoutSeconds"] = case.timeout
        properties: dict[str, Any] = {"StateMachineType": case.kind}
        if case.logging is not None:
            group = {"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": ["Group", "Arn"]}}}
            properties["LoggingConfiguration"] = {"Destinations": [group], **case.logging}
        grants = [("lambda:InvokeFunction", "*"), ("s3:*", "*"), ("glue:*", "arn:aws:glue:*:*:job/job")]
        resources = {
            "FunctionRole": role("lambda"),
            "MachineRole": role("states", *grants),
            "Machine": state_machine(definition, **properties),
            "Group": log_group(GROUP),
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "topic"}},
            "Rule": rule(Targets=[{"Id": "topic", "Arn": {"Ref": "Topic"}}]),
        }
        if case.job is not None:
            resources["JobRole"] = role(
                "glue", ("s3:GetObject", f"arn:aws:s3:::{CODE_BUCKET}/{CODE_KEY}"), ("logs:*", "*")
            )
            resources |= {
                "Job": job(),
                **{name: log_group(f"/aws-glue/jobs/{name.lower()}") for name in ("Output", "Error")},
            }
        if case.function is not None:
            resources["Function"] = function("fn", "handler.handler", Timeout=60)
        return template_text(**resources)


ENVELOPE = {
    "version": "0",
    "id": "${uuid}",
    "detail-type": "Step Functions Execution Status Change",
    "source": "aws.states",
    "account": "${account}",
    "time": "${any}",
    "region": "us-east-1",
    "resources": ["${execution}"],
}


def _line(kind: str, number: int, previous: int, details: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(number),
        "type": kind,
        "details": details,
        "previous_event_id": str(previous),
        "event_timestamp": "${any}",
        "execution_arn": "${execution}",
        "redrive_count": "0",
    }


def _snake(operation: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_the_engine_agrees_with_the_recording(engine: Engine, case: Case) -> None:
    if case.created is not None:
        with pytest.raises(DeployError, match=re.escape(case.created)):
            Replay(engine, case)
        return
    found = list(Replay(engine, case).run())
    if found and not case.differs:
        pytest.fail("\n".join(found), pytrace=False)
    assert found or not case.differs, "the engine agrees: delete `differs`"
