"""Workflows on their way to ceap: old functions, in processes of their own, do some stages, handlers the others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ceap.local.engine import Engine
from ceap.local.sessions import REGION
from handlers.runtime.contract import TransientStageError, error_key, output_key
from templates.model import WorkflowType
from templates.render import render
from templates.stacks import workflow_stack
from tests.legacy_mixes import HANDLERS, existing, mixed
from tests.local.stacks.support import Stacks
from tests.local.support import (
    JOB,
    Deployed,
    deploy_workflow,
    document_of,
    function,
    role,
    statuses,
    template_text,
    upload_code,
)
from tests.reference import MESSAGE
from tests.strategies import workflow_of

OLD = {
    "TakeStage": """
def lambda_handler(event, context):
    return [record for record in event["source"]["records"] if "id" in record]
""",
    "SiftStage": """
def lambda_handler(event, context):
    return [record for record in event if not record.get("drop")]
""",
    "RateStage": """
from decimal import Decimal
import boto3

def lambda_handler(event, context):
    table = boto3.resource("dynamodb").Table("ceap-ratings-dev")
    for record in event:
        table.put_item(Item={"PK": record["id"], "SK": "RATE", "rate": Decimal("0.5"), "ttl": 4102444800})
    # A Decimal: the runtime writes it as the number that it is.
    return [
        record | {"rate": table.get_item(Key={"PK": record["id"], "SK": "RATE"})["Item"]["rate"]} for record in event
    ]
""",
    "KeepStage": """
import json
import boto3

def lambda_handler(event, context):
    table = boto3.resource("dynamodb").Table("ceap-records-dev")
    for record in event:
        table.put_item(Item={
            "PK": record["id"],
            "SK": "RECORD",
            "data": json.dumps(record, separators=(",", ":")),
            "version": 1,
            "GSI1PK": "all",
            "GSI1SK": record["id"],
        })
    return event
""",
    "TellStage": """
import json
import boto3

def lambda_handler(event, context):
    table = boto3.resource("dynamodb").Table("ceap-told-dev")
    for record in event:
        detail = json.dumps({"eventId": record["id"], "record": record}, separators=(",", ":"))
        entry = {"Source": "reference.workflow", "DetailType": "RecordReady", "Detail": detail}
        boto3.client("events").put_events(Entries=[entry | {"EventBusName": "default"}])
        table.put_item(Item={"key": record["id"], "owner": "me", "told": "me"})
    return [record | {"published": True} for record in event]
""",
}
TABLES = ("records", "ratings", "told")


def deploy_old(engine: Engine, sources: dict[str, str]) -> dict[str, str]:
    """Deploy old functions, and return their ARNs by stage."""
    upload_code(engine, {f"{stage}.py": source for stage, source in sources.items()})
    resources = {stage: function(f"old-{stage}", f"{stage}.lambda_handler", Timeout=30) for stage in sources}
    grants = role("lambda", ("dynamodb:PutItem", "*"), ("dynamodb:GetItem", "*"), ("events:PutEvents", "*"))
    engine.deploy(template_text(FunctionRole=grants, **resources), "old")
    return {stage: f"arn:aws:lambda:{REGION}:{engine.account}:function:old-{stage}" for stage in sources}


def deploy_mix(engine: Engine, kind: WorkflowType, old: tuple[str, ...]) -> tuple[Deployed, dict[str, str]]:
    """Deploy old functions and a workflow in which they do some stages; return it, and their ARNs by stage."""
    arns = deploy_old(engine, OLD)
    own = {existing(stage): arns[stage] for stage in old}
    return deploy_workflow(engine, "ceap-orders-dev", workflow_stack(mixed(kind, old)), JOB, own), arns


def left_by(deployed: Deployed) -> tuple[dict[str, list[bytes]], dict[str, list[Any]], list[str]]:
    """Return the records of each stage of the last execution, the items without ids of executions, and the events."""
    engine, objects, execution = deployed.engine, deployed.objects(), deployed.engine.executions[-1]
    scan = engine.client("dynamodb").scan
    items = {table: scan(TableName=f"ceap-{table}-dev")["Items"] for table in TABLES}
    return (
        {stage: objects[output_key(execution.name, stage)].splitlines()[1:-1] for stage in HANDLERS},
        {
            table: sorted(
                json.dumps({name: found[name] for name in sorted(found.keys() - {"owner", "told"})})
                for found in items[table]
            )
            for table in TABLES
        },
        [str(event["Detail"]) for event in engine.events()],
    )


@pytest.fixture(scope="module")
def migrated() -> dict[WorkflowType, Any]:
    """What the workflow of each type leaves in which no stage is old."""
    left = {}
    for kind in WorkflowType:
        with Engine.start() as engine:
            deployed, _ = deploy_mix(engine, kind, ())
            engine.send(deployed.queue, MESSAGE)
            engine.drain()
            left[kind] = left_by(deployed)
    return left


@pytest.mark.parametrize("kind", list(WorkflowType))
@pytest.mark.parametrize("old", [("TakeStage", "RateStage", "TellStage"), ("SiftStage", "KeepStage")], ids="-".join)
def test_a_half_migrated_workflow_leaves_what_the_migrated_one_leaves(
    engine: Engine, migrated: dict[WorkflowType, Any], old: tuple[str, ...], kind: WorkflowType
) -> None:
    deployed, arns = deploy_mix(engine, kind, old)
    engine.send(deployed.queue, MESSAGE)
    [execution] = engine.drain()
    assert execution.status == "SUCCEEDED"
    assert left_by(deployed) == migrated[kind]
    asked = [call.resource for call in engine.trace if call.action == "lambda:InvokeFunction"]
    assert [arn for arn in asked if arn in arns.values()] == [arns[stage] for stage in OLD if stage in old]
    assert [call for call in engine.trace if not call.allowed] == []


@pytest.mark.property(39, "E")
@pytest.mark.parametrize("kind", list(WorkflowType))
def test_stages_migrate_one_at_a_time_under_running_executions(engine: Engine, kind: WorkflowType) -> None:
    deployed, arns = deploy_mix(engine, kind, tuple(OLD))
    send_record(deployed, "m0")
    engine.drain()
    for number, stage in enumerate(OLD, start=1):
        # The stage fails once, so that the execution waits for its next attempt when the stage is switched.
        engine.functions.inject(f"ceap-orders-dev-{stage.removesuffix('Stage')}", TransientStageError.__name__, 1)
        send_record(deployed, f"m{number}")
        engine.travel(5)
        assert engine.executions[-1].status == "RUNNING"
        update_mix(Stacks(engine), kind, tuple(OLD)[number:], arns)
        engine.drain()
        assert statuses(engine.executions[-1], stage) == ["FAILED", "SUCCEEDED"]
    assert [execution.status for execution in engine.executions] == ["SUCCEEDED"] * 6
    assert [document_of(deployed, execution, "TellStage")["data"][0]["id"] for execution in engine.executions] == [
        f"m{number}" for number in range(6)
    ]
    assert engine.messages(deployed.queue) == deployed.dead_letters == []
    scan = engine.client("dynamodb").scan
    assert {table: scan(TableName=f"ceap-{table}-dev")["Count"] for table in TABLES} == dict.fromkeys(TABLES, 6)
    assert len({str(event["Detail"]) for event in engine.events()}) == len(engine.events()) == 6
    asked = [call.resource for call in engine.trace if call.action == "lambda:InvokeFunction"]
    assert [asked.count(arn) for arn in arns.values()] == [1, 2, 3, 4, 5]


def send_record(deployed: Deployed, record: str) -> None:
    """Send a message with a record, and one that is dropped."""
    records = [{"id": record}, {"id": "dropped", "drop": True}]
    deployed.engine.send(deployed.queue, json.dumps({"source": {"kind": "inline", "records": records}}))


def update_mix(stacks: Stacks, kind: WorkflowType, old: tuple[str, ...], arns: dict[str, str]) -> None:
    """Update the workflow's stack: those stages are old, the others new."""
    template = workflow_stack(mixed(kind, old))
    values = {"Environment": "dev", "HandlersPrefix": "handlers/", "GluePrefix": "scripts/"}
    values |= {existing(stage): arns[stage] for stage in old}
    parameters = [
        {"ParameterKey": key, "ParameterValue": value} for key, value in values.items() if key in template["Parameters"]
    ]
    stacks.update("ceap-orders-dev", render(template), Parameters=parameters, Capabilities=["CAPABILITY_IAM"])
    assert stacks.status("ceap-orders-dev") == "UPDATE_COMPLETE"


def test_an_old_function_that_fails_makes_the_message_return_until_it_is_dead_lettered(engine: Engine) -> None:
    deployed, arns = deploy_mix(engine, WorkflowType.EXPRESS, ("SiftStage",))
    engine.functions.inject("old-SiftStage", "KeyError", None)
    engine.send(deployed.queue, MESSAGE)
    executions = engine.drain()
    assert [(execution.error, statuses(execution, "SiftStage")) for execution in executions] == [
        (TransientStageError.__name__, ["FAILED"] * 3)
    ] * 3
    assert deployed.dead_letters == [MESSAGE]
    for execution in executions:
        assert document_of(deployed, execution, "TakeStage")["metadata"]["outputRecordCount"] == 5
        said = json.loads(deployed.objects()[error_key(execution.name, "SiftStage")])
        assert said["errorMessage"].startswith("function old-SiftStage failed with KeyError")
        assert said["details"]["function"] == arns["SiftStage"]
        assert said["details"]["functionError"]["errorType"] == "KeyError"
    assert engine.events() == []


def test_a_role_may_invoke_no_other_old_function_than_that_of_its_stage(engine: Engine) -> None:
    deployed, arns = deploy_mix(engine, WorkflowType.EXPRESS, ("SiftStage", "KeepStage"))
    granted = {
        stage: [
            resource
            for action, resource in engine.grants(deployed.role(f"{stage.removesuffix('Stage')}FunctionRole"))
            if action == "lambda:InvokeFunction"
        ]
        for stage in HANDLERS
    }
    assert granted == {stage: [arns[stage]] if stage in ("SiftStage", "KeepStage") else [] for stage in HANDLERS}


STATES = {
    "ReadStage": """
def lambda_handler(event, context):
    return {"id": event["order"], "lines": event["lines"]}
""",
    "PriceStage": """
def lambda_handler(event, context):
    return event | {"total": sum(line["price"] * line["count"] for line in event["lines"])}
""",
}


def test_functions_that_hand_over_a_state_run_before_a_stage_that_takes_records(engine: Engine) -> None:
    arns = deploy_old(engine, STATES)
    old = [{"stage": stage, "legacy": existing(stage), "settings": {"payload": "state"}} for stage in STATES]
    workflow = workflow_of(
        {"name": "orders", "type": "EXPRESS", "steps": [*old, {"stage": "RateStage", "handler": "rate"}]}
    )
    own = {existing(stage): arn for stage, arn in arns.items()}
    deployed = deploy_workflow(engine, "ceap-orders-dev", workflow_stack(workflow), own=own)
    lines = [{"price": 1.25, "count": 2}, {"price": 10, "count": 1}]
    engine.send(deployed.queue, json.dumps({"order": "o1", "lines": lines}))
    [execution] = engine.drain()
    assert execution.status == "SUCCEEDED"
    states = [document_of(deployed, execution, stage)["data"] for stage in ("ReadStage", "PriceStage", "RateStage")]
    read = {"id": "o1", "lines": lines}
    assert states == [[read], [read | {"total": 12.5}], [read | {"total": 12.5, "rate": 0.5}]]
