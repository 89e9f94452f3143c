"""Every alarm of a template: OK while all is well, in ALARM once the data of its kind were made."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from ceap import project
from ceap.cfn.own import own_entries
from ceap.local.clock import CLOCK
from ceap.local.engine import Engine
from handlers.runtime.contract import output_key
from handlers.runtime.document import Header, encode_document
from handlers.runtime.metrics import INPUT_COUNT, NAMESPACE, REJECTED_COUNT
from templates.stacks import workflow_stack
from tests import reference
from tests.local.support import JOB, Deployed, Template, deploy_workflow, without
from tests.reference import MESSAGE

WORKFLOWS: Final = {path.stem: path for path in (reference.EXPRESS, reference.STANDARD, reference.TRIGGERED)}
ALARM: Final = "AWS::CloudWatch::Alarm"
HOUR_S: Final = 3600
STARTS: Final = ("states:StartSyncExecution", "states:StartExecution")


class Made(NamedTuple):
    """How the data of a kind of alarm are made: in the template, before it is deployed, and in the engine, after."""

    make: Callable[[Deployed, list[str]], object]
    prepare: Callable[[Template], object] = lambda _: None


def template_of(path: Path) -> Template:
    [workflow] = project.load_workflows([path])
    return workflow_stack(workflow)


def kinds_in(template: Template) -> dict[str, list[str]]:
    """Return the logical ids of the alarms by their kind, the section of the runbook that each names."""
    kinds: dict[str, list[str]] = {}
    own = own_entries(template).get("Resources", ())
    for name, resource in template["Resources"].items():
        if resource["Type"] == ALARM and name not in own:
            [kind] = re.findall(
                r"Runbook: docs/runbook/alarms\.md#([\w-]+)$", resource["Properties"]["AlarmDescription"]
            )
            kinds.setdefault(kind, []).append(name)
    return kinds


def no_start(template: Template) -> None:
    for action in STARTS:
        if action in json.dumps(template["Resources"]["PipeRole"]):
            without(template, "PipeRole", action)


def soon_over(template: Template) -> None:
    """Let the machine take less time than the first two waits of a retrier."""
    machine = template["Resources"]["StateMachine"]["Properties"]
    machine["DefinitionString"] = json.dumps(json.loads(machine["DefinitionString"]) | {"TimeoutSeconds": 30})


def no_send(template: Template) -> None:
    """Let neither the schedule nor the rule send to the queue; both may keep what they could not send."""
    [grants, _] = template["Resources"]["ScheduleRole"]["Properties"]["Policies"]
    del grants["PolicyDocument"]["Statement"][0]
    for statement in template["Resources"]["QueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]:
        statement["Effect"] = "Deny"


def fail(deployed: Deployed, error: str) -> None:
    engine = deployed.engine
    engine.fail(engine.machine(deployed.stack.outputs["StateMachineArn"]).stages[0], error, None)


def fail_once(deployed: Deployed, _: list[str]) -> None:
    fail(deployed, "PermanentStageError")
    deployed.engine.send(deployed.queue, MESSAGE)
    deployed.engine.drain(once=True)


def take_too_long(deployed: Deployed, _: list[str]) -> None:
    fail(deployed, "TransientStageError")
    deployed.engine.send(deployed.queue, MESSAGE)
    deployed.engine.drain(once=True)


def receive_once(deployed: Deployed, _: list[str]) -> None:
    deployed.engine.send(deployed.queue, MESSAGE)
    deployed.engine.drain(once=True)


def receive_until_dead(deployed: Deployed, _: list[str]) -> None:
    deployed.engine.send(deployed.queue, MESSAGE)
    deployed.engine.drain()
    assert deployed.dead_letters == [MESSAGE]


def stop(deployed: Deployed, _: list[str]) -> None:
    """Stop an execution while it waits for its second attempt."""
    engine, given = deployed.engine, json.dumps([{"body": MESSAGE}])
    fail(deployed, "TransientStageError")
    states = engine.client("stepfunctions")
    with CLOCK.activity():
        started = states.start_execution(stateMachineArn=deployed.stack.outputs["StateMachineArn"], input=given)
        [execution] = engine.executions
        assert CLOCK.wait(lambda: None, lambda: bool(execution.waits), 10)
        states.stop_execution(executionArn=started["executionArn"])
    assert [each.status for each in engine.drain()] == ["ABORTED"]


def wait_for_too_long(deployed: Deployed, alarms: list[str]) -> None:
    deployed.engine.client("pipes").stop_pipe(Name=deployed.stack.physical_id("Pipe"))
    deployed.engine.send(deployed.queue, MESSAGE)
    limit_s = alarm_of(deployed, alarms[0])["Threshold"]
    deployed.engine.travel(limit_s - 60)
    assert states_of(deployed, alarms) == {alarms[0]: "OK"}
    deployed.engine.travel(120)


def lose_the_topic(deployed: Deployed, alarms: list[str]) -> None:
    deployed.engine.client("sns").delete_topic(TopicArn=deployed.foundation.outputs["AlertTopic"])
    fail_once(deployed, alarms)


def fire(deployed: Deployed, _: list[str]) -> None:
    [delivery] = deployed.engine.fire_schedules()
    assert delivery.problem


def upload(deployed: Deployed, _: list[str]) -> None:
    [delivery] = deployed.engine.announce_object("my-exports-dev", "orders/1.csv", 6)
    assert delivery.problem


REJECTED_BY: Final[Mapping[str, dict[str, Any]]] = {
    "take": {"amount": 1},
    "sift": {"id": "r1", "drop": True},
    "keep": {"id": "x" * 1500},
}
"""A record that each handler of the reference rejects; the others reject none."""


def reject(deployed: Deployed, alarms: list[str]) -> None:
    for alarm in alarms:
        state = f"{alarm.removesuffix('RejectedAlarm')}Stage"
        handler = handler_of(deployed, state)
        if record := REJECTED_BY.get(handler):
            run_stage(deployed, state, [record, record, {"id": "good"}])
        else:
            write_metrics(deployed, state, {INPUT_COUNT: 3, REJECTED_COUNT: 2})


def be_stale(deployed: Deployed, alarms: list[str]) -> None:
    [alarm] = alarms
    state = f"{alarm.removesuffix('StaleAlarm')}Stage"
    run_stage(deployed, state, [{"id": "r1", "version": 2}])
    for hour in range(3):
        assert states_of(deployed, alarms) == {alarm: "OK"}, f"after {hour} hours"
        run_stage(deployed, state, [{"id": "r1", "version": 1}])
        deployed.engine.travel(HOUR_S)


MADE: Final[Mapping[str, Made]] = {
    "dead-letters": Made(receive_until_dead, no_start),
    "failed-executions": Made(fail_once),
    "timed-out-executions": Made(take_too_long, soon_over),
    "aborted-executions": Made(stop),
    "pipe-failures": Made(receive_once, no_start),
    "queue-age": Made(wait_for_too_long),
    "undelivered-alerts": Made(lose_the_topic),
    "unsent-triggers": Made(fire, no_send),
    "unsent-schedules": Made(fire, no_send),
    "unsent-objects": Made(upload, no_send),
    "rejected": Made(reject),
    "stale": Made(be_stale),
}


@pytest.mark.parametrize(
    ("workflow", "kind"), [(name, kind) for name, path in WORKFLOWS.items() for kind in kinds_in(template_of(path))]
)
def test_an_alarm_is_ok_until_the_data_of_its_kind_are_made(engine: Engine, workflow: str, kind: str) -> None:
    template = template_of(WORKFLOWS[workflow])
    alarms, made = kinds_in(template)[kind], MADE[kind]
    made.prepare(template)
    deployed = deploy(engine, workflow, template)
    assert states_of(deployed, alarms) == dict.fromkeys(alarms, "OK")
    made.make(deployed, alarms)
    assert states_of(deployed, alarms) == dict.fromkeys(alarms, "ALARM")


def test_all_alarms_of_all_templates_have_data_to_prove_them() -> None:
    paths = [*reference.WORKFLOWS.glob("*.yaml"), *project.declarations()]
    kinds = {kind for path in paths for kind in kinds_in(template_of(path))}
    assert kinds == MADE.keys()


def deploy(engine: Engine, workflow: str, template: Template) -> Deployed:
    engine.client("s3").create_bucket(Bucket="my-exports-dev")
    script = JOB if "GluePrefix" in template["Parameters"] else None
    return deploy_workflow(engine, f"ceap-{workflow}-dev", template, script)


def alarm_of(deployed: Deployed, logical_id: str) -> dict[str, Any]:
    name = deployed.stack.physical_id(logical_id)
    [alarm] = deployed.engine.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    found: dict[str, Any] = alarm
    return found


def states_of(deployed: Deployed, alarms: list[str]) -> dict[str, str]:
    return {alarm: alarm_of(deployed, alarm)["StateValue"] for alarm in alarms}


def function_of(deployed: Deployed, state: str) -> str:
    machine = deployed.engine.machine(deployed.stack.outputs["StateMachineArn"])
    return next(stage.worker for stage in machine.stages if stage.state == state)


def handler_of(deployed: Deployed, state: str) -> str:
    return deployed.engine.functions.describe(function_of(deployed, state)).handler.split(".")[1]


def run_stage(deployed: Deployed, state: str, records: list[dict[str, Any]]) -> None:
    """Let a function do its stage with these records, as the state machine does."""
    engine = deployed.engine
    states = [stage.state for stage in engine.machine(deployed.stack.outputs["StateMachineArn"]).stages]
    before = states[states.index(state) - 1] if state != states[0] else None
    message = json.dumps({"source": {"kind": "inline", "records": records}})
    execution = f"made-{len(deployed.objects())}"
    if before is not None:
        header = Header(execution_id=execution, stage=before, started_at="2026-01-02T03:04:05Z")
        blocks = encode_document(header, records, lambda count: {"outputRecordCount": count})
        key = output_key(execution, before)
        engine.client("s3").put_object(Bucket=deployed.bucket, Key=key, Body=b"".join(blocks))
    event = {
        "executionId": execution,
        "currentStage": state,
        "previousStage": before,
        "workflowBucket": deployed.bucket,
        "initialData": None if before else message,
    }
    outcome = engine.functions.invoke(function_of(deployed, state), event)
    assert not outcome.failed, outcome.payload


def write_metrics(deployed: Deployed, state: str, counts: Mapping[str, int]) -> None:
    """Write the line that a function writes of a run, for one that rejects nothing."""
    name = function_of(deployed, state)
    metrics = [{"Name": count, "Unit": "Count"} for count in counts]
    described = {"Namespace": NAMESPACE, "Dimensions": [["FunctionName"]], "Metrics": metrics}
    line = {"_aws": {"Timestamp": int(CLOCK.now() * 1000), "CloudWatchMetrics": [described]}, "FunctionName": name}
    values = {count: [float(value)] for count, value in counts.items()}
    deployed.engine.logs.write(f"/aws/lambda/{name}", "made", [json.dumps(line | values)], None)
