from __future__ import annotations

import json
from typing import Any

import pytest

from ceap.cfn.template import parse_template
from ceap.policy.checks.dynamic_references import check

SECRET = "{{resolve:secretsmanager:db:SecretString:password}}"


def paths(kind: str, **properties: Any) -> list[str]:
    data = {"Resources": {"R": {"Type": kind, "Properties": properties}}}
    return [finding.place for finding in check(parse_template(json.dumps(data), "t.json"))]


def policy(action: Any) -> Any:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": [action], "Resource": ["*"]}]}


@pytest.mark.parametrize("action", ["{{resolve:ssm:/action}}", "s3:{{ resolve:ssm:verb }}", SECRET])
def test_a_reference_in_a_policy_is_found(action: str) -> None:
    [path] = paths("AWS::IAM::Policy", PolicyDocument=policy(action))
    assert path.endswith("/Statement/0/Action/0")


def test_a_reference_that_a_function_puts_together_is_found() -> None:
    joined = {"Fn::Join": ["", ["{{res", "olve:ssm:/action}}"]]}
    assert len(paths("AWS::IAM::Policy", PolicyDocument=policy(joined))) == 1


@pytest.mark.parametrize("name", ["MasterUserPassword", "SecretToken", "ApiKey", "MasterUsername"])
def test_a_secret_may_take_its_value_from_where_secrets_are_kept(name: str) -> None:
    assert paths("AWS::RDS::DBInstance", **{name: SECRET}) == []


@pytest.mark.parametrize(
    "properties",
    [
        {"MasterUserPassword": "{{resolve:ssm:password}}"},
        {"Engine": SECRET},
        {"Environment": {"Variables": {"PASSWORD": SECRET}}},
    ],
)
def test_elsewhere_or_from_where_no_secrets_are_kept_it_may_not(properties: Any) -> None:
    assert len(paths("AWS::RDS::DBInstance", **properties)) == 1


@pytest.mark.parametrize("text", ["{{ mustache }}", "{{resolved}}"])
def test_other_braces_are_fine(text: str) -> None:
    assert paths("AWS::SNS::Topic", DisplayName=text) == []
