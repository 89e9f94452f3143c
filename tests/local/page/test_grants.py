"""What a role is granted, and what of it a run used."""

from __future__ import annotations

from ceap.local.page.grants import Call, describe_roles, read_use
from ceap.local.sessions import Decision
from tests.local.page.support import texts

ROLE = "arn:aws:iam::123456789012:role/ceap-orders-Sift"
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/orders"
OBJECTS = "arn:aws:s3:::bucket/executions/*"
GRANTS = {
    ("s3:GetObject", OBJECTS),
    ("s3:GetObject", "arn:aws:s3:::bucket/executions/1/a"),
    ("dynamodb:Query", TABLE),
    ("xray:PutTraceSegments", "*"),
    ("logs:CreateLogDelivery", "*"),
}
TRACE = {
    Decision(ROLE, "s3:GetObject", "arn:aws:s3:::bucket/executions/1/a", True): 3,
    Decision(ROLE, "s3:GetObject", "arn:aws:s3:::bucket/executions/2/a", True): 1,
    Decision(ROLE, "dynamodb:Query", f"{TABLE}-2", False): 2,
    Decision(f"{ROLE}-2", "dynamodb:Query", TABLE, True): 9,
}


def test_a_call_counts_for_each_grant_that_allows_it_and_for_no_other_role() -> None:
    use = read_use("SiftStage", ROLE, GRANTS, TRACE)
    assert use.grants == [
        Call("dynamodb:Query", TABLE, 0),
        Call("logs:CreateLogDelivery", "*", 0),
        Call("s3:GetObject", OBJECTS, 4),
        Call("s3:GetObject", "arn:aws:s3:::bucket/executions/1/a", 3),
        Call("xray:PutTraceSegments", "*", 0),
    ]
    assert use.denied == [Call("dynamodb:Query", f"{TABLE}-2", 2)]


def test_a_call_that_was_denied_is_no_use_of_a_grant_that_names_it() -> None:
    """A statement with Deny, or a permissions boundary, may deny what another grants."""
    use = read_use("SiftStage", ROLE, {("dynamodb:Query", TABLE)}, {Decision(ROLE, "dynamodb:Query", TABLE, False): 2})
    assert (use.grants, use.denied) == ([Call("dynamodb:Query", TABLE, 0)], [Call("dynamodb:Query", TABLE, 2)])


def test_a_role_shows_denied_calls_then_used_grants_then_unused_ones() -> None:
    page = describe_roles([read_use("SiftStage", ROLE, GRANTS, TRACE)])
    assert texts(page, ".//h3") == ["SiftStage 2 of 3 grants used, 2 calls denied"]
    assert texts(page, ".//caption") == ["role ceap-orders-Sift"]
    assert texts(page, ".//tbody/tr") == [
        "Denied",
        "dynamodb:Querydynamodb:table/orders-22",
        "Granted and used",
        "s3:GetObjects3:bucket/executions/*4",
        "s3:GetObjects3:bucket/executions/1/a3",
        "Granted, not used in this run",
        "dynamodb:Querydynamodb:table/orders0",
    ]
    assert texts(page, ".//p") == [
        "Granted for calls that are made only on AWS: logs:CreateLogDelivery, xray:PutTraceSegments"
    ]


def test_the_grants_of_a_large_role_are_cut_with_their_number() -> None:
    grants = {("s3:GetObject", f"arn:aws:s3:::bucket/{number}") for number in range(63)}
    page = describe_roles([read_use("SiftStage", ROLE, grants, {})])
    assert texts(page, ".//tbody/tr")[0] == "Granted, not used in this run, 3 more left out"
    assert len(texts(page, ".//tbody/tr")) == 61
