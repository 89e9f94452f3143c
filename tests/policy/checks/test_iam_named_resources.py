from __future__ import annotations

import pytest

from ceap.policy.checks.iam_named_resources import check
from tests.policy.checks.support import STATEMENT, allow, policy, role, template, told
from tests.policy.samples import KINDS, golden

DELIVERY = ["logs:CreateLogDelivery", "logs:DescribeLogGroups", "logs:CreateLogStream", "logs:PutLogEvents"]


@pytest.mark.parametrize(
    "action",
    [
        "ecr:GetAuthorizationToken",
        "ec2:DescribeInstances",
        "sqs:ListQueues",
        "cloudwatch:PutMetricData",
        "xray:PutTraceSegments",
        "logs:PutResourcePolicy",
    ],
)
def test_an_action_that_takes_only_a_star_may_have_it(action: str) -> None:
    assert [*check(role(allow([action], "*")))] == []


def test_the_logs_of_a_state_machine_are_delivered_as_aws_lists_it() -> None:
    assert [*check(role(allow(DELIVERY, ["*"])))] == []


def test_logs_are_written_to_every_group_only_beside_log_delivery() -> None:
    [fault] = check(role(allow("logs:PutLogEvents", "*")))
    assert told(fault) == (
        "logs:PutLogEvents is granted on every resource | fix: in Resource, the ARN of the log-stream"
    )


def test_an_action_that_takes_a_resource_names_it() -> None:
    [fault] = check(role(allow(["sqs:ListQueues", "sqs:SendMessage"], ["*"])))
    assert told(fault) == "sqs:SendMessage is granted on every resource | fix: in Resource, the ARN of the queue"
    assert fault.place == f"{STATEMENT}/Action/1"


@pytest.mark.parametrize("statement", [allow("sqs:*", "*"), allow("*", "*"), allow("sqs:Sent", "*")])
def test_other_rules_speak_of_actions_with_a_wildcard_and_of_unknown_ones(statement: object) -> None:
    assert [*check(role(statement))] == []


def test_a_denial_may_cover_every_resource() -> None:
    assert [*check(role({"Effect": "Deny", "Action": "sqs:SendMessage", "Resource": "*"}))] == []


def test_the_policy_of_a_key_means_that_key() -> None:
    key = ("AWS::KMS::Key", {"KeyPolicy": policy(allow("kms:Decrypt", "*", Principal={"AWS": "*"}))})
    assert [*check(template(Key=key))] == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_committed_templates_name_their_resources(kind: str) -> None:
    assert [*check(golden(kind))] == []
