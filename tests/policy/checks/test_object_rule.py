from __future__ import annotations

from typing import Any

import pytest

from tests.policy.broken import said
from tests.policy.changes import Change, arn, of, sub
from tests.policy.trigger_mutants import PATTERN, TARGET, add_target, statement

RULE = "WIRE15_OBJECT_RULE"
PLACE = "/Resources/ObjectRule/Properties"


def found(change: Change) -> list[tuple[str, str]]:
    return said(RULE, "triggered", change)


@pytest.mark.parametrize("change", [add_target, of("ObjectRule", "Targets", []), of("ObjectRule", *TARGET, "Arn", "x")])
def test_a_rule_that_does_not_send_to_the_queue_alone_is_found(change: Change) -> None:
    what = "the rule does not send to the queue of the workflow alone | fix: one target, Arn: !GetAtt Queue.Arn"
    assert found(change) == [(what, f"{PLACE}/Targets")]


def test_a_queue_that_refuses_the_rule_is_found() -> None:
    what = (
        "the policy of Queue does not allow this rule to send | fix: allow events.amazonaws.com sqs:SendMessage, with "
        "the ARN of this rule as aws:SourceArn"
    )
    assert found(statement("Queue", "Principal", {"Service": "sns.amazonaws.com"})) == [
        (what, f"{PLACE}/Targets/0/Arn")
    ]


@pytest.mark.parametrize(
    "change",
    [
        of("ObjectRule", *TARGET, "InputTransformer", "InputTemplate", '{"source": {"key": "<key>"}}'),
        of("ObjectRule", *TARGET, "InputTransformer", "InputPathsMap", "bucket", "$.detail.object.key"),
        of("ObjectRule", *TARGET, "InputPath", "$.detail"),
    ],
)
def test_another_message_is_found(change: Change) -> None:
    what = (
        "the message is not what a first stage takes, or breaks at a quote in a key | fix: only InputTransformer: "
        "{InputPathsMap: {bucket: $.detail.bucket.name, key: $.detail.object.key}, InputTemplate: "
        """'{"source": {"kind": "s3", "bucket": <bucket>, "key": <key>}}'}"""
    )
    assert found(change) == [(what, f"{PLACE}/Targets/0/InputTransformer")]


def test_a_queue_for_unsent_events_that_has_messages_is_found() -> None:
    what = (
        "an event that cannot be sent is lost, or lies among messages that failed | fix: DeadLetterConfig: "
        "{Arn: !GetAtt of a queue that no queue redrives to}"
    )
    change = of("ObjectRule", *TARGET, "DeadLetterConfig", "Arn", arn("DeadLetterQueue"))
    assert found(change) == [(what, f"{PLACE}/Targets/0/DeadLetterConfig/Arn")]


@pytest.mark.parametrize(
    "names",
    [["other"], [sub("my-exports-${Environment}"), "other"], [sub("ceap-workflow-${Environment}-${AWS::AccountId}")]],
)
def test_a_bucket_that_the_first_stage_does_not_read_is_found(names: list[Any]) -> None:
    what = "the first stage may not read the objects of this bucket | fix: name: [my-exports-${Environment}]"
    assert found(of("ObjectRule", *PATTERN, "bucket", "name", names)) == [
        (what, f"{PLACE}/EventPattern/detail/bucket/name")
    ]


def test_a_bucket_of_a_stage_that_declares_none_is_found() -> None:
    what = (
        "the first stage may not read the objects of this bucket | fix: name: [the bucket that a setting of the first "
        "stage declares]"
    )
    assert found(of("TakeFunction", "Environment", "Variables", "SETTINGS", "{}")) == [
        (what, f"{PLACE}/EventPattern/detail/bucket/name")
    ]


@pytest.mark.parametrize(
    "change",
    [
        of("ObjectRule", "EventPattern", "detail-type", ["Object Created", "Object Deleted"]),
        of("ObjectRule", "EventPattern", "account", ["123456789012"]),
        of("ObjectRule", *PATTERN, "reason", ["PutObject"]),
    ],
)
def test_another_pattern_is_found(change: Change) -> None:
    what = (
        "the rule matches other events than new objects of a bucket, or fewer | fix: only source: [aws.s3], "
        "detail-type: [Object Created], bucket.name and object.key in detail"
    )
    assert found(change) == [(what, f"{PLACE}/EventPattern")]


@pytest.mark.parametrize("key", [{"prefix": "a/"}, {"suffix": ".csv"}, {"wildcard": "*/a"}])
def test_any_prefix_suffix_or_wildcard_is_fine(key: dict[str, str]) -> None:
    assert found(of("ObjectRule", *PATTERN, "object", "key", [key])) == []


@pytest.mark.parametrize("key", [{"anything-but": "a"}, "a", {"prefix": "a", "suffix": "b"}])
def test_another_filter_of_keys_is_found(key: Any) -> None:
    what = (
        "the filter of keys is not one that ceap writes | "
        "fix: key: [{prefix: ...}], [{suffix: ...}] or [{wildcard: ...}]"
    )
    assert found(of("ObjectRule", *PATTERN, "object", "key", [key])) == [
        (what, f"{PLACE}/EventPattern/detail/object/key")
    ]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("State", "DISABLED", "the rule sends nothing | fix: State: ENABLED, or a waiver with the reason"),
        ("EventBusName", "orders", "S3 sends no events to this event bus | fix: EventBusName: default"),
    ],
)
def test_a_rule_that_gets_no_events_is_found(key: str, value: str, message: str) -> None:
    assert found(of("ObjectRule", key, value)) == [(message, f"{PLACE}/{key}")]


def test_the_failure_rule_is_no_business_of_it() -> None:
    assert found(of("FailureRule", "State", "DISABLED")) == []
