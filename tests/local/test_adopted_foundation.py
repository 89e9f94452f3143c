"""Workflows on a foundation that adopts its buckets and its topic: data, code and alerts are where they were before."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ceap import project
from ceap.archive import build_zip
from ceap.local.engine import Engine
from ceap.local.packages import build_zips
from templates.render import render
from templates.stacks import foundation_stack, workflow_stack
from tests import reference
from tests.local.support import JOB, Deployed
from tests.reference import MESSAGE

DATA, CODE = "acme-data", "acme-code"


@pytest.fixture
def adopting(engine: Engine) -> Deployed:
    """The STANDARD workflow of the reference, with a Glue job, on buckets and a topic that were there before."""
    for bucket in (DATA, CODE):
        engine.client("s3").create_bucket(Bucket=bucket)
    for file, package in build_zips().items():
        engine.client("s3").put_object(Bucket=CODE, Key=f"handlers/{file}", Body=package)
    engine.client("s3").put_object(Bucket=CODE, Key="scripts/heavy.py", Body=JOB.encode())
    engine.client("s3").put_object(Bucket=CODE, Key="scripts/lib.zip", Body=build_zip({}))
    topic = engine.client("sns").create_topic(Name="acme-alerts")["TopicArn"]
    allow_publishing(engine, topic)
    parameters = {
        "Environment": "dev",
        "WorkflowBucketName": DATA,
        "ArtifactBucketName": CODE,
        "AlertTopicArn": topic,
    }
    foundation = engine.deploy(render(foundation_stack()), "ceap-foundation-dev", parameters)
    [workflow] = project.load_workflows([reference.STANDARD])
    prefixes = {"Environment": "dev", "HandlersPrefix": "handlers/", "GluePrefix": "scripts/"}
    return Deployed(engine, foundation, engine.deploy(render(workflow_stack(workflow)), "ceap-standard-dev", prefixes))


def allow_publishing(engine: Engine, topic: str) -> None:
    services = [f"{name}.amazonaws.com" for name in ("cloudwatch", "events")]
    statement = {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sns:Publish", "Resource": topic}
    document: dict[str, Any] = {"Version": "2012-10-17", "Statement": [statement]}
    engine.client("sns").set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(document)
    )


def test_stages_hand_their_data_over_in_an_adopted_bucket_and_take_their_code_from_another(adopting: Deployed) -> None:
    adopting.engine.send(adopting.queue, MESSAGE)
    [execution] = adopting.engine.drain()
    assert execution.status == "SUCCEEDED"
    assert adopting.bucket == DATA
    assert {key.split("/")[1] for key in adopting.objects()} == {execution.name}
    assert {key.partition("/")[0] for key, _ in adopting.engine.objects(CODE)} == {"handlers", "scripts"}
    names = {bucket["Name"] for bucket in adopting.engine.client("s3").list_buckets()["Buckets"]}
    assert names == {DATA, CODE}


def test_a_failed_execution_alerts_an_adopted_topic(adopting: Deployed) -> None:
    machine = adopting.engine.machine(adopting.stack.outputs["StateMachineArn"])
    adopting.engine.fail(machine.stages[-1], "Broken", None)
    adopting.engine.send(adopting.queue, MESSAGE)
    [execution] = adopting.engine.drain()
    assert execution.status == "FAILED"
    [alert] = [event for event in adopting.alerts if "detail" in event]
    assert alert["detail"]["name"] == execution.name
