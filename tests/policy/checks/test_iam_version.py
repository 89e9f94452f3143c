from __future__ import annotations

from typing import Any

import pytest

from ceap.policy.checks.iam_version import check
from tests.policy.checks.support import allow, policy, template, told
from tests.policy.samples import KINDS, golden

PLAIN, VARIABLE = "arn:aws:s3:::b/${a}", "arn:aws:s3:::b/${!aws:username}"


def found(version: Any, resource: Any = "*") -> list[tuple[str, str]]:
    document = policy(allow("s3:GetObject", resource), version=version)
    judged = template(Policy=("AWS::IAM::ManagedPolicy", {"PolicyDocument": document}))
    place = "/Resources/Policy/Properties/"
    return [(each.place.removeprefix(place), told(each)) for each in check(judged)]


def test_the_version_of_2012_is_fine() -> None:
    assert found("2012-10-17", {"Fn::Sub": VARIABLE}) == []


@pytest.mark.parametrize("version", ["2008-10-17", "2012-10-18", 2012])
def test_another_version_is_found(version: Any) -> None:
    message = f"{version} is not the current policy version | fix: Version: '2012-10-17'"
    assert found(version) == [("PolicyDocument/Version", message)]


@pytest.mark.parametrize(
    "resource", [{"Fn::Sub": VARIABLE}, {"Fn::Sub": [VARIABLE, {}]}, "arn:aws:s3:::b/${aws:username}"]
)
def test_a_policy_with_variables_and_without_a_version_is_found(resource: Any) -> None:
    message = "the policy states no version, so its variables are plain text | fix: Version: '2012-10-17'"
    assert found(None, resource) == [("PolicyDocument", message)]


@pytest.mark.parametrize("resource", ["*", {"Fn::Sub": PLAIN}, {"Fn::Sub": [PLAIN, {"a": "b"}]}])
def test_a_policy_without_variables_needs_no_version(resource: Any) -> None:
    assert found(None, resource) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_policies_of_the_committed_templates_are_of_that_version(kind: str) -> None:
    assert [*check(golden(kind))] == []
