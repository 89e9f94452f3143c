"""A workflow whose first stage reads the bucket that its step declares, with its role enforced."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from ceap.local.engine import Engine
from ceap.local.executions import Execution
from handlers.runtime.contract import PermanentStageError, error_key, output_key, rejected_key
from templates.stacks import workflow_stack
from tests.local.support import Deployed, Template, deploy_express
from tests.strategies import workflow_of

EXPORTS, OTHER = "my-exports", "other-exports"
DECLARATION: Template = {
    "name": "express",
    "type": "EXPRESS",
    "steps": [
        {"stage": "TakeStage", "handler": "take", "settings": {"source_bucket": EXPORTS}},
        {"stage": "SiftStage", "handler": "sift"},
    ],
}
PACKED = gzip.compress(b"".join(json.dumps({"id": f"c{number}"}).encode() + b"\n" for number in (1, 2)))
CSV = b"id,amount\nc3,10\nc4\n"


@pytest.fixture(scope="module")
def workflow() -> Iterator[Deployed]:
    """The workflow, deployed, and two buckets of exports, of which it declares one."""
    with Engine.start() as engine:
        s3 = engine.client("s3")
        for bucket in (EXPORTS, OTHER):
            s3.create_bucket(Bucket=bucket)
            s3.put_object(Bucket=bucket, Key="day/1.jsonl.gz", Body=PACKED)
            s3.put_object(Bucket=bucket, Key="day/2.csv", Body=CSV)
        yield deploy_express(engine, workflow_stack(workflow_of(DECLARATION)))


def send(deployed: Deployed, **source: str) -> list[Execution]:
    """Send a message that names a source; return the executions that it caused."""
    before = len(deployed.engine.executions)
    body = {"source": {"kind": "s3", **source}}
    deployed.engine.send(deployed.queue, json.dumps(body))
    return deployed.engine.drain()[before:]


def calls(deployed: Deployed, since: int = 0) -> set[tuple[str, str, bool]]:
    """What the first stage asked of S3 outside the workflow bucket: action, resource, and whether it was allowed.

    Of calls before `since`, a length of the trace, nothing is told.
    """
    role = deployed.role("TakeFunctionRole")
    return {
        (call.action, call.resource, call.allowed)
        for call in deployed.engine.trace[since:]
        if call.role == role and call.action.startswith("s3:") and deployed.bucket not in call.resource
    }


ARN = f"arn:aws:s3:::{EXPORTS}"


def test_records_come_from_the_bucket_of_the_step_with_what_its_role_grants(workflow: Deployed) -> None:
    before = len(workflow.engine.trace)
    [execution] = send(workflow, bucket=EXPORTS, prefix="day/")
    assert execution.status == "SUCCEEDED"
    objects = workflow.objects()
    document: dict[str, Any] = json.loads(objects[output_key(execution.name, "SiftStage")])
    assert [record["id"] for record in document["data"]] == ["c1", "c2", "c3"]
    [bad] = objects[rejected_key(execution.name, "TakeStage")].splitlines()
    assert json.loads(bad)["code"] == "CSV_COLUMNS"
    used = {("s3:GetObject", f"{ARN}/day/1.jsonl.gz"), ("s3:GetObject", f"{ARN}/day/2.csv"), ("s3:ListBucket", ARN)}
    assert calls(workflow, before) == {(action, resource, True) for action, resource in used}
    granted = workflow.engine.grants(workflow.role("TakeFunctionRole"))
    outside = {grant for grant in granted if grant[0].startswith("s3:") and workflow.bucket not in grant[1]}
    assert outside == {("s3:GetObject", f"{ARN}/*"), ("s3:ListBucket", ARN)}


@pytest.mark.parametrize(
    ("source", "cure"),
    [
        ({"bucket": OTHER, "prefix": "day/"}, f"source is bucket {OTHER}, but the step declares {EXPORTS}"),
        ({"bucket": EXPORTS, "key": "none.csv"}, "none.csv found nothing (NoSuchKey); check the key in the message"),
    ],
)
def test_a_source_that_may_not_be_read_or_is_not_there_fails_permanently(
    workflow: Deployed, source: dict[str, str], cure: str
) -> None:
    executions = send(workflow, **source)
    assert [execution.error for execution in executions] == [PermanentStageError.__name__] * 3
    description = json.loads(workflow.objects()[error_key(executions[-1].name, "TakeStage")])
    assert cure in description["errorMessage"]
    assert [call for call in calls(workflow) if OTHER in call[1]] == []


def test_a_role_reads_no_bucket_but_the_declared_one_whatever_its_code_is_told() -> None:
    template = workflow_stack(workflow_of(DECLARATION))
    variables = template["Resources"]["TakeFunction"]["Properties"]["Environment"]["Variables"]
    variables["SETTINGS"] = variables["SETTINGS"].replace(EXPORTS, OTHER)
    with Engine.start() as engine:
        deployed = deploy_express(engine, template)
        executions = send(deployed, bucket=OTHER, key="day/2.csv")
        assert [execution.error for execution in executions] == [PermanentStageError.__name__] * 3
        assert calls(deployed) == {("s3:GetObject", f"arn:aws:s3:::{OTHER}/day/2.csv", False)}
        description = json.loads(deployed.objects()[error_key(executions[-1].name, "TakeStage")])
        assert "grant it to the role of ceap-express-dev-Take" in description["errorMessage"]
