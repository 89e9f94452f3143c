"""The roles that deploy hold nothing that no command calls, and nothing that CloudFormation does not ask for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ceap.local.engine import Engine
from ceap.local.sessions import REGION
from templates import deploy_permissions
from templates.deploy_permissions import CALLER, NAMES
from tests.deploy.roles import deploy_roles
from tests.iam.removal import Asked, denied_without, read_role

ROOT = Path(__file__).parents[2]
CALLING = ("ceap/aws", "ceap/deploy")
METHODS = {
    "s3:GetBucketPublicAccessBlock": "get_public_access_block",
    "s3:GetEncryptionConfiguration": "get_bucket_encryption",
    "s3:GetLifecycleConfiguration": "get_bucket_lifecycle_configuration",
    "s3:DeleteObject": "delete_objects",
    "s3:ListBucket": "head_bucket",
    "cloudformation:TagResource": "create_change_set",
    "cloudformation:UntagResource": "create_change_set",
}
"""The operations that are called otherwise than the action."""


@pytest.mark.parametrize("action", sorted({action for granted in CALLER for action in granted.actions}))
def test_each_action_of_the_caller_is_one_that_a_command_calls(action: str) -> None:
    method = METHODS.get(action) or re.sub(r"(?<!^)(?=[A-Z])", "_", action.partition(":")[2]).lower()
    sources = [path.read_text(encoding="utf-8") for name in CALLING for path in (ROOT / name).rglob("*.py")]
    assert [text for text in sources if re.search(rf"\b{method}\b", text)] != [], method


def filled(arn: str, account: str) -> str:
    """Return the ARN of one resource for a pattern in which `Fn::Sub` has tokens."""
    values = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": account, "Environment": "dev"}
    return arn if arn == "*" else re.sub(r"\$\{([\w:]+)\}", lambda token: values[token[1]], arn).replace("*", "x")


def test_each_grant_of_cloudformation_is_what_its_schema_of_a_type_needs() -> None:
    with Engine.start() as engine:
        arn = deploy_roles(engine, "deploy-ceap-dev").service_role
        role = read_role(engine._sessions._role(arn))
        asked = {
            Asked(
                arn,
                need.action,
                filled(need.resource, engine.account),
                (("iam:passedtoservice", need.passed_to),) if need.passed_to else (),
            )
            for need in deploy_permissions._needs(NAMES)
        }
    actions = {grant.action for grant in role.grants}
    # Without a VPC and a customer key, nothing is granted for these.
    assert {call.action.partition(":")[0] for call in asked if call.action not in actions} == {"ec2", "kms"}
    denied = denied_without(role, {call for call in asked if call.action in actions})
    assert len(denied) > 200
    assert [grant for grant, calls in denied.items() if not calls] == []
