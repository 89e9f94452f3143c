"""Change sets: what they say of a resource, and those that somebody else has outdated."""

from __future__ import annotations

import json

import pytest

from ceap.aws.pace import Pace
from ceap.aws.session import Aws
from ceap.deploy.change_sets import ChangeSet, ChangeSetError, Effect, Kind, Request, create, execute

TEMPLATE = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
FOLLOWING = {"replacement": "Conditional", "is_certain": False, "depends_on": ("Queue",)}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, ""),
        ({"replacement": "False"}, ""),
        ({"replacement": "True"}, ", replaced"),
        ({"replacement": "Conditional"}, ", may be replaced"),
        (FOLLOWING, ", replaced if Queue is"),
        (FOLLOWING | {"depends_on": ("Queue", "Role")}, ", replaced if Queue or Role is"),
    ],
)
def test_an_effect_says_when_its_resource_is_replaced(more: dict[str, str], said: str) -> None:
    effect = Effect(logical_id="Pipe", type="AWS::Pipes::Pipe", action="Modify", **more)  # type: ignore[arg-type]
    assert str(effect) == f"modify  Pipe (AWS::Pipes::Pipe){said}"


def made(aws: Aws, name: str) -> ChangeSet:
    request = Request(stack="ceap-two-dev", name=name, kind=Kind.CREATE, template=TEMPLATE, parameters={})
    change_set = create(aws, request, "no-bucket", Pace(lambda _: None))
    assert change_set is not None
    return change_set


def test_a_change_set_that_somebody_else_has_removed_is_outdated(aws: Aws) -> None:
    change_set = made(aws, "ceap-mine")
    aws.client("cloudformation").delete_change_set(ChangeSetName=change_set.arn)
    with pytest.raises(ChangeSetError, match=r"^somebody else deploys it, too, and this change set is outdated$"):
        execute(aws, change_set)
