"""The Step Functions API beside what was recorded on AWS: pages, parameters, operations, times of a redrive."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local.engine import Engine
from tests.local.support import log_group, role, state_machine, template_text
from tests.local.test_standard import FAIL, PASS, DeployedMachine, put


def test_a_history_comes_in_pages_in_both_directions(engine: Engine) -> None:
    machine = DeployedMachine(engine, {"P": PASS})
    arn = machine.run().arn
    for reverse, ids in ((False, [1, 2, 3, 4]), (True, [4, 3, 2, 1])):
        given: dict[str, Any] = {"executionArn": arn, "reverseOrder": reverse, "maxResults": 3}
        first = machine.states.get_execution_history(**given)
        last = machine.states.get_execution_history(**given, nextToken=first["nextToken"])
        assert [event["id"] for event in first["events"] + last["events"]] == ids
        assert (len(first["events"]), "nextToken" in last) == (3, False)


def test_executions_are_listed_by_their_status(engine: Engine) -> None:
    machine = DeployedMachine(engine, {"F": FAIL})
    arn = machine.run().arn
    for status, listed in (("FAILED", [arn]), ("SUCCEEDED", [])):
        answer = machine.states.list_executions(stateMachineArn=machine.arn, statusFilter=status)
        assert [execution["executionArn"] for execution in answer["executions"]] == listed


def test_executions_are_listed_by_their_end_and_those_that_run_by_their_last_start(engine: Engine) -> None:
    machine = DeployedMachine(engine, {"F": FAIL})

    def names(**more: Any) -> list[str]:
        listed = machine.states.list_executions(stateMachineArn=machine.arn, **more)["executions"]
        return [execution["name"] for execution in listed]

    first, second, third = (machine.run(name=name) for name in ("first", "second", "third"))
    assert names() == ["third", "second", "first"]
    machine.states.redrive_execution(executionArn=first.arn)
    engine.drain()
    third.status, third.ended = "RUNNING", 0.0
    assert names() == ["first", "third", "second"]
    second.status, second.redriven = "RUNNING", first.ended + 1
    assert names() == ["second", "first", "third"]
    assert names(maxResults=2) == ["second", "first"]
    assert names(statusFilter="RUNNING") == ["second", "third"]


def test_executions_of_a_deleted_express_machine_of_the_same_name_are_not_listed(engine: Engine) -> None:
    express = DeployedMachine(engine, {"P": PASS}, kind="EXPRESS")
    express.states.start_sync_execution(stateMachineArn=express.arn)
    engine.client("cloudformation").delete_stack(StackName="stack")
    engine._stacks.wait()
    machine = DeployedMachine(engine, {"P": PASS})
    arn = machine.run().arn
    listed = machine.states.list_executions(stateMachineArn=machine.arn)["executions"]
    assert (machine.arn, [execution["executionArn"] for execution in listed]) == (express.arn, [arn])


def test_a_name_with_a_character_that_aws_forbids_is_refused(engine: Engine) -> None:
    machine = DeployedMachine(engine, {"P": PASS})
    for character in '<>{}[]?*"#%\\^|~`$&,;:/ \t\x00\x7f\x9f':
        with pytest.raises(machine.states.exceptions.InvalidName, match=re.escape(f"Invalid Name: 'a{character}b'")):
            machine.start(name=f"a{character}b")
    assert engine.executions == []


@pytest.mark.parametrize(
    ("text", "reason"), [("", "Invalid execution input."), ("{", "Expecting property name enclosed in double quotes")]
)
def test_an_input_that_is_no_json_is_refused_with_the_reason(engine: Engine, text: str, reason: str) -> None:
    machine = DeployedMachine(engine, {"P": PASS})
    message = re.escape(f"Invalid State Machine Execution Input: '{reason}")
    with pytest.raises(machine.states.exceptions.InvalidExecutionInput, match=message):
        machine.states.start_execution(stateMachineArn=machine.arn, input=text)
    assert engine.executions == []


def test_an_express_machine_takes_a_name_again(engine: Engine) -> None:
    machine = DeployedMachine(engine, {"P": PASS}, kind="EXPRESS")
    synchronous = machine.states.start_sync_execution
    arns = {start(stateMachineArn=machine.arn, name="mine")["executionArn"] for start in (synchronous, synchronous)}
    arns |= {machine.start(name="mine"), machine.start(name="mine")}
    assert len(arns) == len(engine.drain()) == 4
    assert {arn.rpartition(":")[0] for arn in arns} == {machine.arn.replace(":stateMachine:", ":express:") + ":mine"}


def test_a_standard_machine_takes_a_name_once_and_no_other_machine_is_asked(engine: Engine) -> None:
    definition = {"StartAt": "P", "States": {"P": PASS}}
    kinds = {"Machine": "STANDARD", "Other": "STANDARD", "Express": "EXPRESS"}
    machines = {
        name: state_machine(definition, StateMachineType=kind, StateMachineName=name) for name, kind in kinds.items()
    }
    stack = engine.deploy(template_text(MachineRole=role("states"), **machines), "stack")
    states = engine.client("stepfunctions")
    given = {stack.physical_id(name): {"name": "mine", "input": "{}"} for name in ("Express", "Machine", "Other")}
    for arn, started in given.items():
        states.start_execution(stateMachineArn=arn, **started)
    engine.drain()
    for name, taken in (("Machine", True), ("Other", True), ("Express", False)):
        arn = stack.physical_id(name)
        for text in ("{}", '{"other": 1}'):
            if taken:
                with pytest.raises(states.exceptions.ExecutionAlreadyExists, match=f":execution:{name}:mine'"):
                    states.start_execution(stateMachineArn=arn, name="mine", input=text)
            else:
                states.start_execution(stateMachineArn=arn, name="mine", input=text)
    engine.drain()
    assert sorted(each.machine.rpartition(":")[2] for each in engine.executions) == ["Express"] * 3 + [
        "Machine",
        "Other",
    ]


@pytest.mark.parametrize(
    ("operation", "given", "message"),
    [
        ("list_executions", {"redriveFilter": "REDRIVEN"}, "does not model redriveFilter of ListExecutions"),
        ("start_execution", {"traceHeader": "x"}, "does not model traceHeader of StartExecution"),
    ],
)
def test_a_parameter_that_is_not_modelled_is_refused(
    engine: Engine, operation: str, given: dict[str, str], message: str
) -> None:
    machine = DeployedMachine(engine, {"P": PASS})
    with pytest.raises(ClientError, match=f"The local engine {message}"):
        getattr(machine.states, operation)(stateMachineArn=machine.arn, **given)


def test_an_operation_that_is_not_modelled_is_refused(engine: Engine) -> None:
    states = engine.client("stepfunctions")
    with pytest.raises(ClientError, match="The local engine does not model SendTaskSuccess"):
        states.send_task_success(taskToken="x", output="{}")


@pytest.mark.parametrize(
    ("properties", "fields"),
    [
        ({"TracingConfiguration": {"Enabled": True}}, {"tracingConfiguration": {"enabled": True}}),
        (
            {"EncryptionConfiguration": {"Type": "CUSTOMER_MANAGED_KMS_KEY", "KmsKeyId": "key"}},
            {"encryptionConfiguration": {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "key"}},
        ),
    ],
)
def test_a_machine_is_described_as_it_was_created(
    engine: Engine, properties: dict[str, Any], fields: dict[str, Any]
) -> None:
    definition = {"StartAt": "P", "States": {"P": PASS}}
    text = template_text(MachineRole=role("states"), Machine=state_machine(definition, **properties))
    arn = engine.deploy(text, "stack").physical_id("Machine")
    described = engine.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
    assert {key: described[key] for key in fields} == fields


@pytest.mark.parametrize(("kind", "span"), [("STANDARD", r"\d{4}(-\d\d){3}"), ("EXPRESS", r"\d{4}(-\d\d){4}")])
def test_a_log_stream_is_named_after_its_machine_and_time(engine: Engine, kind: str, span: str) -> None:
    group = {"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": ["Group", "Arn"]}}}
    logging = {"Level": "ALL", "Destinations": [group]}
    machine = state_machine(
        {"StartAt": "P", "States": {"P": PASS}}, StateMachineType=kind, LoggingConfiguration=logging
    )
    text = template_text(MachineRole=role("states"), Machine=machine, Group=log_group("/aws/vendedlogs/states/m"))
    arn = engine.deploy(text, "stack").physical_id("Machine")
    states, logs = engine.client("stepfunctions"), engine.client("logs")
    for _ in range(2):
        states.start_execution(stateMachineArn=arn)
    engine.drain()
    streams = logs.describe_log_streams(logGroupName="/aws/vendedlogs/states/m")["logStreams"]
    names = [stream["logStreamName"] for stream in streams]
    assert [name for name in names if not re.fullmatch(rf"states/machine/{span}/[0-9a-f]{{8}}", name)] == []
    assert len(engine.logs.read("/aws/vendedlogs/states/m")) == 8


def test_a_redriven_state_keeps_the_time_of_its_first_entry(engine: Engine) -> None:
    machine = DeployedMachine(engine, {"Put": put("granted/key", "$$", End=True)})
    execution = machine.run()
    engine.client("s3").create_bucket(Bucket="data")
    machine.states.redrive_execution(executionArn=execution.arn)
    engine.drain()
    before, after = (
        json.loads(event["details"]["parameters"])["Body"]
        for event in execution.history
        if event["type"] == "TaskScheduled"
    )
    assert after["State"] == before["State"]
    assert before["Execution"]["RedriveCount"] == 0
    redrive = {"RedriveCount": 1, "RedriveTime": after["Execution"]["RedriveTime"]}
    assert after["Execution"] == before["Execution"] | redrive
    assert after["Execution"]["RedriveTime"] > before["State"]["EnteredTime"]


def test_a_redrive_is_told_on_the_event_bus(engine: Engine) -> None:
    machine = DeployedMachine(engine, {"F": FAIL})
    execution = machine.run()
    machine.states.redrive_execution(executionArn=execution.arn)
    engine.drain()
    details = [event["detail"] for event in machine.events()]
    assert [detail["status"] for detail in details] == ["RUNNING", "FAILED", "RUNNING", "FAILED"]
    assert [detail["redriveCount"] for detail in details] == [0, 0, 1, 1]
    assert [detail["redriveDate"] for detail in details[:2]] == [None, None]
    assert details[2]["redriveDate"] == int((execution.redriven or 0) * 1000)


def test_half_of_an_emoji_is_passed_on(engine: Engine) -> None:
    execution = DeployedMachine(engine, {"P": PASS}).run(input='"\\ud83c"')
    assert (execution.status, execution.output) == ("SUCCEEDED", '"\\ud83c"')


@pytest.mark.parametrize(("more", "status"), [(0, "SUCCEEDED"), (1, "FAILED")])
def test_what_a_state_passes_on_may_have_262_144_bytes(engine: Engine, more: int, status: str) -> None:
    # The input twice, because a definition that long takes the parser long.
    text = "ü" * 60_000
    rest = "x" * (262_144 - len(f'{{"a":"{text}","b":"{text}","c":""}}'.encode()) + more)
    both = {"Type": "Pass", "Parameters": {"a.$": "$", "b.$": "$", "c": rest}, "End": True}
    execution = DeployedMachine(engine, {"P": both}).run(input=json.dumps(text, ensure_ascii=False))
    assert (execution.status, execution.error) == (status, "States.DataLimitExceeded" if more else None)


def test_an_attempt_whose_parameters_no_service_takes_has_failed(engine: Engine) -> None:
    task = put("granted/key", "$", End=True)
    task["Parameters"]["ContentLength"] = "many"
    execution = DeployedMachine(engine, {"Put": task}).run()
    assert (execution.status, execution.error) == ("FAILED", "States.Runtime")
    assert [(attempt.status, attempt.error) for attempt in execution.attempts] == [("FAILED", "States.Runtime")]
