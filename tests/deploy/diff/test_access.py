from __future__ import annotations

from typing import Any, Final

import pytest

from ceap.deploy.diff.change import AccessChanged, Direction
from ceap.deploy.diff.words import sentence
from tests.deploy.diff.support import diff_of, resource

ROLE: Final = "AWS::IAM::Role"


def allow(action: Any, target: Any = "arn:aws:s3:::b/*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": target, **more}


def role(*statements: dict[str, Any], **properties: Any) -> dict[str, Any]:
    policy = {"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": list(statements)}}
    return {"R": resource(ROLE, Policies=[policy], **properties)}


def access(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [sentence(each) for each in diff_of(old, new).changes if isinstance(each, AccessChanged)]


SOURCE: Final = {"StringEquals": {"aws:SourceAccount": "1"}}
GET: Final = allow("s3:GetObject")
SAME: Final = [
    ([allow(["s3:GetObject", "s3:PutObject"])], [allow("s3:PutObject"), GET]),
    ([GET], [GET, GET]),
    (
        [allow("s3:GetObject", ["arn:aws:s3:::a", "arn:aws:s3:::b"])],
        [allow("s3:GetObject", [f"arn:aws:s3:::{x}" for x in "ba"])],
    ),
    ([allow("s3:getobject")], [GET]),
    ([allow("s3:Get*")], [allow("s3:Get*"), GET]),
    (
        [allow("s3:GetObject", Condition={"StringLike": {"s3:prefix": ["a", "b"]}})],
        [allow("s3:GetObject", Condition={"StringLike": {"s3:prefix": one}}) for one in "ab"],
    ),
    ([GET], [GET, allow("s3:PutObject"), allow("s3:*") | {"Effect": "Deny", "Action": "s3:PutObject"}]),
]


@pytest.mark.parametrize(("old", "new"), SAME[:-1])
def test_the_same_grants_in_other_words_are_no_change_of_access(old: list[Any], new: list[Any]) -> None:
    assert access(role(*old), role(*new)) == []
    assert access(role(*new), role(*old)) == []


def test_what_is_denied_at_once_is_not_granted() -> None:
    old, new = SAME[-1]
    assert access(role(*old), role(*new)) == ["R is now denied s3:PutObject on arn:aws:s3:::b/*"]


@pytest.mark.parametrize(
    ("old", "new", "wider", "narrower"),
    [
        ([GET], [GET, allow("s3:PutObject")], "R may also s3:PutObject on arn:aws:s3:::b/*", None),
        ([GET], [allow("s3:GetObject", "*")], "R may also s3:GetObject on *", None),
        (
            [allow("s3:GetObject", Condition=SOURCE)],
            [GET],
            "R may also s3:GetObject on arn:aws:s3:::b/*, no longer only if StringEquals aws:SourceAccount 1",
            None,
        ),
        (
            [GET],
            [allow("s3:GetObject", Condition=SOURCE)],
            None,
            "R may no longer s3:GetObject on arn:aws:s3:::b/*",
        ),
        (
            [GET | {"Effect": "Deny"}],
            [allow("s3:PutObject") | {"Effect": "Deny"}],
            "R is no longer denied s3:GetObject on arn:aws:s3:::b/*",
            "R is now denied s3:PutObject on arn:aws:s3:::b/*",
        ),
        (
            [allow("sqs:SendMessage", "*"), allow("sqs:ReceiveMessage", "*")],
            [allow("sqs:Send*", "*")],
            None,
            "R may no longer sqs:ReceiveMessage on *",
        ),
        (
            [{"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"}],
            [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}],
            "R may also everything but iam:* on *",
            None,
        ),
    ],
)
def test_access_is_wider_or_narrower(old: list[Any], new: list[Any], wider: str | None, narrower: str | None) -> None:
    assert sorted(access(role(*old), role(*new))) == [one for one in (wider, narrower) if one]


def test_only_the_actions_of_a_pattern_that_are_new_are_told() -> None:
    [told] = access(role(allow("sqs:GetQueueUrl", "*")), role(allow("sqs:Get*", "*")))
    assert told == "R may also sqs:GetQueueAttributes on *"


def trusted(**more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"} | more
    return {"R": resource(ROLE, AssumeRolePolicyDocument={"Statement": [statement]})}


def test_a_trust_without_its_condition_is_wider() -> None:
    diff = diff_of(trusted(Condition=SOURCE), trusted())
    assert [sentence(each) for each in diff.wider] == [
        "Service lambda.amazonaws.com may also sts:AssumeRole R, no longer only if StringEquals aws:SourceAccount 1"
    ]


def test_another_principal_is_wider_and_narrower() -> None:
    assert access(trusted(), trusted(Principal={"AWS": "*"})) == [
        "AWS * may also sts:AssumeRole R",
        "Service lambda.amazonaws.com may no longer sts:AssumeRole R",
    ]


@pytest.mark.parametrize(
    ("old", "new", "direction", "said"),
    [
        ({}, {"PermissionsBoundary": "b"}, Direction.NARROWER, "R: it gets a permissions boundary: b"),
        ({"PermissionsBoundary": "b"}, {}, Direction.WIDER, "R: it has no permissions boundary any more: b"),
        (
            {"PermissionsBoundary": "b"},
            {"PermissionsBoundary": "c"},
            Direction.UNKNOWN,
            "R: it has another permissions boundary, which may allow more or less: b -> c",
        ),
        (
            {},
            {"ManagedPolicyArns": ["m"]},
            Direction.WIDER,
            "R gets the managed policy m, whose content is not in the template",
        ),
    ],
)
def test_boundaries_and_managed_policies_count(old: Any, new: Any, direction: Direction, said: str) -> None:
    diff = diff_of({"R": resource(ROLE, **old)}, {"R": resource(ROLE, **new)})
    [change] = [each for each in diff.changes if isinstance(each, AccessChanged)]
    assert (change.direction, sentence(change)) == (direction, said)
    assert bool(diff.wider) == (direction is not Direction.NARROWER)


def test_a_policy_of_its_own_counts_for_its_role() -> None:
    document = {"Statement": [GET]}
    policy = resource("AWS::IAM::Policy", PolicyName="p", PolicyDocument=document, Roles=[{"Ref": "R"}])
    assert access(role(GET), {"R": resource(ROLE), "P": policy}) == []


def test_a_removed_policy_of_a_queue_that_stays_denies_no_longer() -> None:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}
    queue = {"Q": resource("AWS::SQS::Queue")}
    policy = resource("AWS::SQS::QueuePolicy", Queues=[{"Ref": "Q"}], PolicyDocument={"Statement": [statement]})
    assert access({**queue, "P": policy}, queue) == ["P: * is no longer denied sqs:* on *"]
    assert access({**queue, "P": policy | {"DeletionPolicy": "Retain"}}, queue) == []
