"""Stacks that change while something runs: it goes on with what it was, and what starts then has what it is."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ceap.archive import build_zip
from ceap.local.cloudformation import DeployError
from ceap.local.engine import Engine
from tests.local.support import Template, function, job, role, state_machine, template_text

CODE = """
def handle(event, context):
    if "begun" in event:
        open(event["begun"], "w").write("x")
        open(event["go"]).read()
    return "{}"
"""


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine.start(warm=False) as engine:
        s3 = engine.client("s3")
        s3.create_bucket(Bucket="code")
        for version in ("one", "two"):
            body = build_zip({"app.py": CODE.replace("{}", version).encode()})
            s3.put_object(Bucket="code", Key=f"{version}.zip", Body=body)
        yield engine


def change(engine: Engine, **resources: Template) -> None:
    """Update the stack `stack` and wait for the end."""
    client = engine.client("cloudformation")
    client.update_stack(
        StackName="stack", TemplateBody=template_text(**resources), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    client.get_waiter("stack_update_complete").wait(StackName="stack", WaiterConfig={"Delay": 0, "MaxAttempts": 10_000})


def handler(version: str, **properties: Any) -> Template:
    return function("f", "app.handle", Code={"S3Bucket": "code", "S3Key": f"{version}.zip"}, **properties)


def functions(version: str, **properties: Any) -> dict[str, Template]:
    return {"FunctionRole": role("lambda"), "Function": handler(version, **properties)}


def invoke(engine: Engine) -> Any:
    return json.load(engine.client("lambda").invoke(FunctionName="f")["Payload"])


def test_a_changed_function_runs_its_new_code_in_a_new_process(engine: Engine) -> None:
    engine.deploy(template_text(**functions("one")), "stack")
    assert invoke(engine) == "one"
    old = engine.functions.pids()
    change(engine, **functions("two"))
    assert invoke(engine) == "two"
    assert not {*old} & {*engine.functions.pids()}


def test_a_changed_function_has_its_new_environment(engine: Engine) -> None:
    engine.deploy(template_text(**functions("one")), "stack")
    old = engine.functions.describe("f").environment
    change(engine, **functions("one", Environment={"Variables": {"NEW": "1"}}))
    assert "NEW" not in old
    assert engine.functions.describe("f").environment["NEW"] == "1"


def test_an_invocation_goes_on_with_the_old_code_while_its_function_changes(engine: Engine, tmp_path: Path) -> None:
    begun, go = tmp_path / "begun", tmp_path / "go"
    os.mkfifo(begun)
    os.mkfifo(go)
    engine.deploy(template_text(**functions("one", Timeout=60)), "stack")
    event = {"begun": str(begun), "go": str(go)}
    answers: list[str] = []
    caller = threading.Thread(target=lambda: answers.append(engine.functions.invoke("f", event).payload), daemon=True)
    caller.start()
    begun.read_text()
    change(engine, **functions("two", Timeout=60))
    go.write_text("x")
    caller.join()
    assert [json.loads(answer) for answer in answers] == ["one"]
    assert invoke(engine) == "two"


def test_a_deleted_function_is_gone_with_its_process(engine: Engine) -> None:
    engine.deploy(template_text(**functions("one")), "stack")
    invoke(engine)
    change(engine, FunctionRole=role("lambda"))
    assert engine.functions.pids() == []
    assert engine.client("lambda").list_functions()["Functions"] == []


def waiting(answer: str) -> dict[str, Any]:
    end = {"Type": "Pass", "Result": answer, "End": True}
    return {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 60, "Next": "End"}, "End": end}}


def machines(answer: str, **properties: Any) -> dict[str, Template]:
    return {
        "MachineRole": role("states"),
        "Machine": state_machine(waiting(answer), StateMachineType="STANDARD", **properties),
    }


def test_a_running_execution_ends_with_the_definition_that_it_began_with(engine: Engine) -> None:
    stack = engine.deploy(template_text(**machines("old")), "stack")
    states, arn = engine.client("stepfunctions"), stack.physical_id("Machine")
    first = states.start_execution(stateMachineArn=arn)["executionArn"]
    assert "revisionId" not in states.describe_state_machine(stateMachineArn=arn)
    change(engine, **machines("new"))
    second = states.start_execution(stateMachineArn=arn)["executionArn"]
    engine.drain()
    outputs = [states.describe_execution(executionArn=each)["output"] for each in (first, second)]
    assert [json.loads(output) for output in outputs] == ["old", "new"]
    ran = [states.describe_state_machine_for_execution(executionArn=each) for each in (first, second)]
    assert [json.loads(each["definition"]) for each in ran] == [waiting("old"), waiting("new")]
    now = states.describe_state_machine(stateMachineArn=arn)
    assert [each.get("revisionId") for each in ran] == [None, now["revisionId"]]


def test_the_executions_of_a_deleted_machine_are_aborted(engine: Engine) -> None:
    stack = engine.deploy(template_text(**machines("old")), "stack")
    states, arn = engine.client("stepfunctions"), stack.physical_id("Machine")
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]
    change(engine, MachineRole=role("states"))
    engine.drain()
    assert states.describe_execution(executionArn=execution)["status"] == "ABORTED"
    with pytest.raises(states.exceptions.StateMachineDoesNotExist):
        states.start_execution(stateMachineArn=arn)


def express(answer: str) -> Template:
    only = {"Type": "Pass", "Result": answer, "End": True}
    return state_machine({"StartAt": "Only", "States": {"Only": only}})


def pipes(answer: str, **properties: Any) -> dict[str, Template]:
    grants = [("sqs:*", "*"), ("states:StartSyncExecution", "*")]
    return {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "queue"}},
        "MachineRole": role("states"),
        "Machine": express(answer),
        "PipeRole": role("pipes", *grants),
        "Pipe": {
            "Type": "AWS::Pipes::Pipe",
            "Properties": {
                "Name": "pipe",
                "RoleArn": {"Fn::GetAtt": ["PipeRole", "Arn"]},
                "Source": {"Fn::GetAtt": ["Queue", "Arn"]},
                "Target": {"Ref": "Machine"},
                "TargetParameters": {"StepFunctionStateMachineParameters": {"InvocationType": "REQUEST_RESPONSE"}},
                **properties,
            },
        },
    }


def test_a_pipe_goes_on_with_the_changed_machine(engine: Engine) -> None:
    queue = engine.deploy(template_text(**pipes("old")), "stack").physical_id("Queue")
    engine.send(queue, "m")
    assert [execution.output for execution in engine.drain()] == ['"old"']
    change(engine, **pipes("new", Description="changed"))
    engine.send(queue, "m")
    assert [execution.output for execution in engine.drain()] == ['"old"', '"new"']


def test_a_stopped_pipe_takes_no_message_until_it_is_started(engine: Engine) -> None:
    queue = engine.deploy(template_text(**pipes("old")), "stack").physical_id("Queue")
    change(engine, **pipes("old", DesiredState="STOPPED"))
    engine.send(queue, "m")
    assert engine.drain() == []
    client = engine.client("pipes")
    described = client.describe_pipe(Name="pipe")
    assert (described["DesiredState"], described["CurrentState"]) == ("STOPPED", "STOPPED")
    assert described["Source"].endswith(":queue")
    assert client.start_pipe(Name="pipe")["CurrentState"] == "RUNNING"
    assert len(engine.drain()) == 1


def test_a_pipe_that_was_stopped_by_hand_stays_so_when_its_template_names_no_state(engine: Engine) -> None:
    engine.deploy(template_text(**pipes("old")), "stack")
    client = engine.client("pipes")
    assert client.stop_pipe(Name="pipe")["DesiredState"] == "STOPPED"
    change(engine, **pipes("old", Description="changed"))
    described = client.describe_pipe(Name="pipe")
    assert (described["Description"], described["CurrentState"]) == ("changed", "STOPPED")


def test_a_deleted_pipe_takes_no_more_messages(engine: Engine) -> None:
    queue = engine.deploy(template_text(**pipes("old")), "stack").physical_id("Queue")
    [poller] = engine._running.pollers
    left = pipes("old")
    del left["Pipe"]
    change(engine, **left)
    engine.send(queue, "m")
    assert engine.drain() == []
    assert not poller.poll()
    client = engine.client("pipes")
    with pytest.raises(client.exceptions.NotFoundException):
        client.describe_pipe(Name="pipe")


def test_a_changed_job_has_its_new_script_and_a_deleted_one_is_gone(engine: Engine) -> None:
    engine.deploy(template_text(JobRole=role("glue"), Job=job(Timeout=5)), "stack")
    script = {"Name": "glueetl", "ScriptLocation": "s3://code/new.py"}
    change(engine, JobRole=role("glue"), Job=job(Command=script, Timeout=7))
    glue = engine.client("glue")
    described = glue.get_job(JobName="job")["Job"]
    assert (described["Command"], described["Timeout"]) == (script, 7)
    change(engine, JobRole=role("glue"))
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_job(JobName="job")


def schedules(body: str, **properties: Any) -> dict[str, Template]:
    return {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "queue"}},
        "SendRole": role("scheduler", ("sqs:SendMessage", "*")),
        "Group": {"Type": "AWS::Scheduler::ScheduleGroup", "Properties": {"Name": "group"}},
        "Schedule": {
            "Type": "AWS::Scheduler::Schedule",
            "Properties": {
                "Name": "schedule",
                "GroupName": {"Ref": "Group"},
                "ScheduleExpression": "rate(1 day)",
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": {
                    "Arn": {"Fn::GetAtt": ["Queue", "Arn"]},
                    "RoleArn": {"Fn::GetAtt": ["SendRole", "Arn"]},
                    "Input": body,
                },
                **properties,
            },
        },
    }


def test_a_changed_schedule_sends_its_new_message_and_a_deleted_one_none(engine: Engine) -> None:
    queue = engine.deploy(template_text(**schedules("old")), "stack").physical_id("Queue")
    change(engine, **schedules("new", ScheduleExpression="rate(2 days)"))
    engine.fire_schedules()
    assert engine.messages(queue) == ["new"]
    scheduler = engine.client("scheduler")
    described = scheduler.get_schedule(Name="schedule", GroupName="group")
    assert (described["ScheduleExpression"], described["State"]) == ("rate(2 days)", "ENABLED")
    assert scheduler.get_schedule_group(Name="group")["State"] == "ACTIVE"
    change(engine, Queue=schedules("new")["Queue"])
    assert engine.fire_schedules() == []


def test_a_role_that_loses_a_grant_may_do_less_at_once(engine: Engine) -> None:
    queue = engine.deploy(template_text(**pipes("old")), "stack").physical_id("Queue")
    without = pipes("old") | {"PipeRole": role("pipes", ("sqs:GetQueueAttributes", "*"))}
    change(engine, **without)
    engine.send(queue, "m")
    assert engine.drain() == []
    [problem] = engine.problems()
    assert "is not authorized to perform: sqs:ReceiveMessage" in problem


def doomed(engine: Engine) -> tuple[dict[str, Template], dict[str, Template]]:
    """Return a stack whose pipe names its role by ARN, with and without that role."""
    with_role = pipes("old", RoleArn=f"arn:aws:iam::{engine.account}:role/doomed")
    with_role["PipeRole"]["Properties"]["RoleName"] = "doomed"
    with_role["Pipe"]["DependsOn"] = "PipeRole"
    without = {**with_role, "Pipe": {key: value for key, value in with_role["Pipe"].items() if key != "DependsOn"}}
    del without["PipeRole"]
    return with_role, without


def test_a_role_that_was_deleted_may_do_nothing(engine: Engine) -> None:
    with_role, without = doomed(engine)
    queue = engine.deploy(template_text(**with_role), "stack").physical_id("Queue")
    change(engine, **without)
    engine.send(queue, "m")
    assert engine.drain() == []
    [problem] = engine.problems()
    assert "is not authorized to perform: sqs:ReceiveMessage" in problem


def test_a_role_that_was_deleted_and_made_again_may_do_what_it_now_says(engine: Engine) -> None:
    with_role, without = doomed(engine)
    queue = engine.deploy(template_text(**with_role), "stack").physical_id("Queue")
    change(engine, **without)
    change(engine, **with_role)
    engine.send(queue, "m")
    assert len(engine.drain()) == 1


@pytest.mark.parametrize("runtime", [{"Runtime": "nodejs22.x"}, {"Runtime": "provided.al2023"}])
def test_a_function_that_is_not_in_python_is_refused(engine: Engine, runtime: dict[str, str]) -> None:
    reason = f"the local engine runs functions in Python only, and f is of {runtime['Runtime']}"
    with pytest.raises(DeployError, match=reason):
        engine.deploy(template_text(**functions("one", **runtime)), "stack")
