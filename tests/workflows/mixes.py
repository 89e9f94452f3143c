"""The sample's workflow with old functions in place of some of its stages, beside them a stack as teams have them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from ceap import project
from ceap.archive import build_zip
from ceap.local import seed
from ceap.local.engine import Engine
from ceap.local.fork_server import fast_launch
from handlers.runtime.contract import output_key
from templates import discovery
from templates.stacks import workflow_stack
from tests.local.support import Deployed, Template, deploy_workflow

REALTIME: Final = project.WORKFLOWS / "realtime.yaml"
SEED: Final = Path(__file__).parent / "legacy"
"""A seed: the old functions, each as one that stood behind another state machine."""
FUNCTIONS: Final = SEED / "functions"
MESSAGE: Final = (project.WORKFLOWS / "messages" / "realtime.json").read_text(encoding="utf-8")
STAGES: Final = ("ETL", "Filter", "Score", "Store", "Reactive")
CODE: Final = "old-code"

TABLES: Final = ("program_config", "score_cache", "candidates", "event_deduplication")
SETTINGS: Final = {"Store": {"records_key": "candidates"}}

_TIMES: Final = {"createdAt", "updatedAt", "ttl", "windowUntil", "keepUntil"}
_TIME: Final = re.compile(r'"(?:createdAt|updatedAt|expiresAt|timestamp)":"[^"]*"')
_ID: Final = re.compile(r'"workflowExecutionId":"[^"]*"')


class Left(NamedTuple):
    """All that executions leave that others read, ids and times masked: records as bytes, items, events."""

    records: dict[str, list[str]]
    tables: dict[str, list[str]]
    events: list[str]


def declare(folder: Path, kind: str, old: Collection[str]) -> Path:
    """Write the sample's declaration with another type, and old functions for some of its stages."""
    declared = yaml.safe_load(REALTIME.read_text(encoding="utf-8")) | {"type": kind}
    for step in declared["steps"]:
        purpose = step["stage"].removesuffix("Stage")
        if purpose in old:
            del step["handler"]
            step |= {"legacy": parameter(purpose), "settings": SETTINGS.get(purpose, {})}
    path = folder / REALTIME.name
    path.write_text(yaml.safe_dump(declared, sort_keys=False), encoding="utf-8")
    return path


def parameter(purpose: str) -> str:
    return f"{purpose}FunctionArn"


def old_stack() -> Template:
    """Return the stack of the old functions, which CloudFormation names."""
    resources, outputs = {}, {}
    for purpose in STAGES:
        own = json.loads((FUNCTIONS / f"{parameter(purpose)}.json").read_text(encoding="utf-8"))
        grants = [
            {**statement, "Resource": {"Fn::Sub": statement["Resource"]}} for statement in own["policy"]["Statement"]
        ]
        variables = {name: {"Fn::Sub": value} for name, value in own["environment"].items()}
        assumed = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        resources[f"{purpose}Role"] = {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": policy(assumed),
                "Policies": [{"PolicyName": "own", "PolicyDocument": policy(*grants)}],
            },
        }
        resources[f"{purpose}Function"] = {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Handler": "lambda_function.lambda_handler",
                "Runtime": "python3.13",
                "Role": {"Fn::GetAtt": [f"{purpose}Role", "Arn"]},
                "Code": {"S3Bucket": CODE, "S3Key": purpose},
                "MemorySize": 512,
                "Timeout": 30,
                "Environment": {"Variables": variables},
            },
        }
        outputs[parameter(purpose)] = {"Value": {"Fn::GetAtt": [f"{purpose}Function", "Arn"]}}
    return {"Parameters": {"Environment": {"Type": "String"}}, "Resources": resources, "Outputs": outputs}


def policy(*statements: Template) -> Template:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def physical(table: str) -> str:
    return f"ceap-{table.replace('_', '-')}-dev"


@contextmanager
def deployed_mix(declaration: Path) -> Iterator[tuple[Deployed, dict[str, str]]]:
    """Yield a deployed mix, and the ARNs of the old functions by stage."""
    [workflow] = project.load_workflows([declaration])
    with fast_launch() as launch, Engine.start(launch=launch) as engine:
        engine.client("s3").create_bucket(Bucket=CODE)
        for purpose in STAGES:
            file = FUNCTIONS / parameter(purpose) / "lambda_function.py"
            body = build_zip({file.name: file.read_bytes()})
            engine.client("s3").put_object(Bucket=CODE, Key=purpose, Body=body)
        outputs = engine.deploy(json.dumps(old_stack()), "orders-scoring", {"Environment": "dev"}).outputs
        deployed = deploy_workflow(engine, "ceap-realtime-dev", workflow_stack(workflow), own=outputs)
        found = seed.load_seed(project.WORKFLOWS / "fixtures" / "realtime", [], discovery.tables())
        seed.plant(found, engine.client, deployed.foundation.outputs)
        yield deployed, {purpose: outputs[parameter(purpose)] for purpose in STAGES}


def left_by(deployed: Deployed) -> Left:
    """Return what all executions that succeeded have left, in their order."""
    engine, objects = deployed.engine, deployed.objects()
    executions = [execution for execution in engine.executions if execution.status == "SUCCEEDED"]
    scan = engine.client("dynamodb").scan
    return Left(
        records={
            stage: [
                mask(b"\n".join(objects[output_key(execution.name, f"{stage}Stage")].splitlines()[1:-1]).decode())
                for execution in executions
            ]
            for stage in STAGES
        },
        tables={
            table: sorted(json.dumps(mask_item(item)) for item in scan(TableName=physical(table))["Items"])
            for table in TABLES
        },
        events=[mask(str(event["Detail"])) for event in engine.events()],
    )


def mask(text: str) -> str:
    """Return records as JSON without the digits of times and without ids of executions."""
    return _ID.sub('"workflowExecutionId":"-"', _TIME.sub(lambda found: re.sub(r"\d", "0", found[0]), text))


def mask_item(item: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        name: {kind: _mask_value(name, value) for kind, value in typed.items()} for name, typed in sorted(item.items())
    }


def _mask_value(name: str, value: Any) -> Any:
    if name in _TIMES:
        return re.sub(r"\d", "0", value)
    match name:
        case "data" | "score":
            return mask(value)
        case "GSI2PK":
            return re.sub(r"(?<=DATE#)[\d-]+$", "-", value)
        case "GSI2SK":
            return re.sub(r"(?<=^CREATED#)\d+", "-", value)
        case "owner":
            return "-"
        case _:
            return value
