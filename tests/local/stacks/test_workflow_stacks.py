"""The stacks of whole workflows of the tests: changed in place, rolled back and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from ceap.local.engine import Engine
from templates.render import render
from templates.stacks import foundation_stack
from tests.local.stacks.support import Stacks
from tests.local.support import (
    Deployed,
    Template,
    deploy_triggered,
    deploy_workflow,
    express_template,
    triggered_template,
)
from tests.reference import MESSAGE

FOUNDATION, CAPABILITIES = "ceap-foundation-dev", ["CAPABILITY_IAM"]
PARAMETERS = {"Environment": "dev", "HandlersPrefix": "handlers/"}
POLICIES = ("DeletionPolicy", "UpdateReplacePolicy")


class Case(NamedTuple):
    """A workflow of the tests, deployed."""

    name: str
    template: Template
    deployed: Deployed
    stacks: Stacks

    def update(self, **parameters: str) -> str:
        """Update the workflow's stack with other values of parameters, and return the status it ends in."""
        given = {key: value for key, value in (PARAMETERS | parameters).items() if key in self.template["Parameters"]}
        self.stacks.update(self.name, render(self.template), Parameters=listed(given), Capabilities=CAPABILITIES)
        return self.stacks.status(self.name)

    def run(self) -> list[str]:
        """Send a message, and return how the executions that it led to ended."""
        before = len(self.deployed.engine.executions)
        self.deployed.engine.send(self.deployed.queue, MESSAGE)
        return [execution.status for execution in self.deployed.engine.drain()[before:]]


def listed(parameters: dict[str, str]) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]


@pytest.fixture
def express() -> Iterator[Case]:
    template = express_template()
    for resource in template["Resources"].values():
        for policy in POLICIES:
            resource.pop(policy, None)
    with Engine.start(warm=False) as engine:
        deployed = deploy_workflow(engine, "ceap-express-dev", template)
        yield Case("ceap-express-dev", template, deployed, Stacks(engine))


def test_a_workflow_goes_on_after_nearly_all_of_it_got_a_key(express: Case) -> None:
    engine = express.deployed.engine
    key = engine.client("kms").create_key()["KeyMetadata"]["Arn"]
    body = render(foundation_stack())
    express.stacks.update(FOUNDATION, body, Parameters=listed({"Environment": "dev", "KmsKeyArn": key}))
    assert express.stacks.status(FOUNDATION) == "UPDATE_COMPLETE"
    assert express.update(KmsKeyArn=key) == "UPDATE_COMPLETE"
    attributes = engine.client("sqs").get_queue_attributes(QueueUrl=express.deployed.queue, AttributeNames=["All"])
    assert attributes["Attributes"]["KmsMasterKeyId"] == key
    bucket = engine.client("s3").get_bucket_encryption(Bucket=express.deployed.bucket)
    [rule] = bucket["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == key
    assert express.run() == ["SUCCEEDED"]


def test_a_workflow_goes_on_after_a_failed_update_was_rolled_back(express: Case) -> None:
    assert express.update(HandlersPrefix="nowhere/") == "UPDATE_ROLLBACK_COMPLETE"
    assert express.run() == ["SUCCEEDED"]


def remains(engine: Engine) -> dict[str, list[Any]]:
    """Return what there is of each kind beside the foundation's."""
    client = engine.client
    found = {
        "functions": client("lambda").list_functions()["Functions"],
        "roles": client("iam").list_roles()["Roles"],
        "queues": client("sqs").list_queues().get("QueueUrls", []),
        "rules": client("events").list_rules()["Rules"],
        "alarms": client("cloudwatch").describe_alarms()["MetricAlarms"],
        "log groups": client("logs").describe_log_groups()["logGroups"],
        "machines": list(engine._executions.machines),
        "pipes": engine._running.pollers,
        "schedules": engine._running.senders,
    }
    return {kind: values for kind, values in found.items() if values}


def test_nothing_of_a_deleted_workflow_is_left(express: Case) -> None:
    assert {"functions", "roles", "queues", "alarms", "log groups", "machines", "pipes"} <= set(
        remains(express.deployed.engine)
    )
    express.stacks.delete(express.name)
    assert remains(express.deployed.engine) == {}


def test_nothing_of_a_deleted_workflow_with_triggers_is_left_but_what_is_retained() -> None:
    with Engine.start(warm=False) as engine:
        template = triggered_template()
        deploy_triggered(engine, template)
        assert {"rules", "schedules"} <= set(remains(engine))
        Stacks(engine).delete("ceap-triggered-dev")
        retained = [body for body in template["Resources"].values() if body.get("DeletionPolicy", "Delete") != "Delete"]
        left = remains(engine)
        assert {body["Type"] for body in retained} <= {
            "AWS::SQS::Queue",
            "AWS::SQS::QueuePolicy",
            "AWS::Logs::LogGroup",
        }
        assert set(left) <= {"queues", "log groups"}
        assert len(left["queues"]) == sum(body["Type"] == "AWS::SQS::Queue" for body in retained)
