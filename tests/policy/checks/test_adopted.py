from __future__ import annotations

import pytest

from tests.policy.broken import said
from tests.policy.changes import Change, drop, put
from tests.policy.samples import Json

RULE = "WIRE21_ADOPTED"


def condition(resource: str, name: str) -> Change:
    return put("Resources", resource, "Condition", name)


@pytest.mark.parametrize(
    ("resource", "made", "parameter"),
    [
        ("AlertTopic", "AlertTopic", "AlertTopicArn"),
        ("AlertTopicPolicy", "AlertTopic", "AlertTopicArn"),
        ("AlertEmailSubscription", "AlertTopic", "AlertTopicArn"),
        ("WorkflowBucket", "WorkflowBucket", "WorkflowBucketName"),
        ("WorkflowBucketPolicy", "WorkflowBucket", "WorkflowBucketName"),
        ("ArtifactBucketPolicy", "ArtifactBucket", "ArtifactBucketName"),
        ("RecordsTable", "RecordsTable", "RecordsTableName"),
    ],
)
@pytest.mark.parametrize("name", [None, "CreateRatingsTable", "HasKmsKey"])
def test_what_would_change_what_is_adopted_is_found(resource: str, made: str, parameter: str, name: str | None) -> None:
    change = condition(resource, name) if name else drop("Resources", resource, "Condition")
    message = f"{resource} is made also where {parameter} names what to adopt | fix: Condition: Create{made}"
    assert said(RULE, "foundation", change) == [(message, f"/Resources/{resource}")]


def test_a_policy_on_what_is_adopted_is_found() -> None:
    change = put("Resources", "AlertTopicPolicy", "Properties", "Topics", [{"Ref": "AlertTopicArn"}])
    message = (
        "AlertTopicPolicy changes what AlertTopicArn adopts | fix: name AlertTopic in place of it, with Condition: "
        "CreateAlertTopic"
    )
    assert said(RULE, "foundation", change) == [(message, "/Resources/AlertTopicPolicy")]


def test_a_condition_on_another_parameter_is_found() -> None:
    change = put("Conditions", "CreateAlertTopic", {"Fn::Equals": [{"Ref": "RecordsTableName"}, ""]})
    message = "CreateAlertTopic does not test AlertTopicArn | fix: !Equals [!Ref AlertTopicArn, '']"
    assert said(RULE, "foundation", change) == [(message, "/Conditions/CreateAlertTopic")]


@pytest.mark.parametrize(("parameter", "made"), [("RatingsTableName", "RatingsTable"), ("AlertTopicArn", "AlertTopic")])
def test_a_default_with_which_nothing_is_made_is_found(parameter: str, made: str) -> None:
    message = f"with this default the stack makes no {made} | fix: Default: ''"
    change = put("Parameters", parameter, "Default", "theirs")
    assert said(RULE, "foundation", change) == [(message, f"/Parameters/{parameter}/Default")]


def always_made(data: Json) -> None:
    """Take the adoption of the topic out of a template."""
    del data["Parameters"]["AlertTopicArn"]
    del data["Resources"]["AlertTopic"]["Condition"]


def renamed(data: Json) -> None:
    data["Conditions"]["Narrow"] = {
        "Fn::And": [{"Condition": "CreateAlertTopic"}, {"Fn::Equals": [{"Ref": "Environment"}, "prod"]}]
    }
    data["Resources"]["AlertEmailSubscription"]["Condition"] = "Narrow"


@pytest.mark.parametrize("change", [always_made, renamed, drop("Outputs")])
def test_what_adopts_nothing_or_has_a_narrower_condition_is_fine(change: Change) -> None:
    assert said(RULE, "foundation", change) == []
