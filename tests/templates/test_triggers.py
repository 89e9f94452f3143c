"""A schedule and a rule on new objects, which send to the queue."""

from __future__ import annotations

import json
from typing import Any

import pytest

from templates.config import parse_workflow
from templates.source import parse_source
from templates.stacks import workflow_stack
from templates.triggers import object_message
from tests.templates.support import VALID, changed, of_type, one, statements

SCHEDULE = """\
schedule:
  expression: cron(0 2 * * ? *)
  timezone: Europe/Berlin
  message: {source: {kind: inline, records: [{id: "ä"}]}}
"""
READS = "handler: take\n    settings: {source_bucket: my-exports}\n"
NAME = "ceap-orders-${Environment}"


def stack(text: str) -> dict[str, Any]:
    return workflow_stack(parse_workflow(parse_source(text, "orders.yaml")))


def rule_for(events: str, bucket: str = "my-exports") -> dict[str, Any]:
    """Return the rule of `s3_events`."""
    reads = READS.replace("my-exports", bucket)
    template = stack(changed("handler: take\n", reads) + f"s3_events: {events}\n")
    return of_type(template, "AWS::Events::Rule")["ObjectRule"]


def arn(resource: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [resource, "Arn"]}


def test_a_workflow_without_triggers_has_no_trace_of_them() -> None:
    template = stack(VALID)
    types = {resource["Type"] for resource in template["Resources"].values()}
    assert not types & {"AWS::Scheduler::Schedule", "AWS::Scheduler::ScheduleGroup", "AWS::Events::Rule"}
    assert list(of_type(template, "AWS::SQS::Queue")) == ["DeadLetterQueue", "Queue"]


def test_a_schedule_sends_the_very_message_to_the_queue_and_keeps_what_it_cannot_send() -> None:
    schedule = one(stack(VALID + SCHEDULE), "AWS::Scheduler::Schedule")
    assert schedule == {
        "Name": {"Fn::Sub": f"{NAME}-schedule"},
        "GroupName": {"Ref": "ScheduleGroup"},
        "State": "ENABLED",
        "ScheduleExpression": "cron(0 2 * * ? *)",
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "KmsKeyArn": {"Fn::If": ["HasKmsKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]},
        "Target": {
            "Arn": arn("Queue"),
            "RoleArn": arn("ScheduleRole"),
            "Input": '{"source":{"kind":"inline","records":[{"id":"ä"}]}}',
            "DeadLetterConfig": {"Arn": arn("TriggerDeadLetterQueue")},
            "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400},
        },
    }


def test_the_time_zone_of_a_schedule_is_utc_unless_it_says_another() -> None:
    text = VALID + SCHEDULE.replace("  timezone: Europe/Berlin\n", "")
    assert one(stack(text), "AWS::Scheduler::Schedule")["ScheduleExpressionTimezone"] == "UTC"


def test_the_role_of_a_schedule_may_send_to_its_two_queues_and_trusts_its_group_alone() -> None:
    template = stack(VALID + SCHEDULE)
    role = of_type(template, "AWS::IAM::Role")["ScheduleRole"]
    granted = {sid: (one["Action"], one["Resource"]) for sid, one in statements(role).items()}
    assert granted == {
        "SendMessages": (["sqs:SendMessage"], [arn("Queue")]),
        "KeepUnsent": (["sqs:SendMessage"], [arn("TriggerDeadLetterQueue")]),
    }
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    group = "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule-group/" + f"{NAME}-schedule"
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
        "ArnEquals": {"aws:SourceArn": {"Fn::Sub": group}},
    }
    assert one(template, "AWS::Scheduler::ScheduleGroup") == {"Name": {"Fn::Sub": f"{NAME}-schedule"}}


def test_no_service_may_send_to_the_queues_of_a_workflow_with_a_schedule_alone() -> None:
    policies = of_type(stack(VALID + SCHEDULE), "AWS::SQS::QueuePolicy")
    effects = {
        name: [one["Effect"] for one in policy["PolicyDocument"]["Statement"]] for name, policy in policies.items()
    }
    assert effects == {
        "DeadLetterQueuePolicy": ["Deny"],
        "QueuePolicy": ["Deny"],
        "TriggerDeadLetterQueuePolicy": ["Deny"],
    }


@pytest.mark.parametrize(
    ("events", "detail"),
    [
        ("{}", {}),
        ("{prefix: orders/}", {"object": {"key": [{"prefix": "orders/"}]}}),
        ("{suffix: .csv}", {"object": {"key": [{"suffix": ".csv"}]}}),
        ("{prefix: orders/, suffix: .csv}", {"object": {"key": [{"wildcard": "orders/*.csv"}]}}),
        (r"{prefix: 'a*b\', suffix: .csv}", {"object": {"key": [{"wildcard": r"a\*b\\*.csv"}]}}),
    ],
)
def test_the_rule_matches_the_new_objects_whose_keys_begin_and_end_as_declared(
    events: str, detail: dict[str, Any]
) -> None:
    assert rule_for(events)["EventPattern"] == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": ["my-exports"]}, **detail},
    }


def test_a_bucket_with_placeholders_is_that_of_the_deployment_in_message_and_rule() -> None:
    reads = "handler: take\n    settings: {source_bucket: 'my-${Environment}'}\n"
    message = "{source: {kind: s3, bucket: 'my-${Environment}', prefix: a/}}"
    schedule = f"schedule: {{expression: rate(1 day), message: {message}}}\n"
    template = stack(changed("handler: take\n", reads) + schedule + "s3_events: {}\n")
    rule = of_type(template, "AWS::Events::Rule")["ObjectRule"]
    assert rule["EventPattern"]["detail"]["bucket"]["name"] == [{"Fn::Sub": "my-${Environment}"}]
    assert one(template, "AWS::Scheduler::Schedule")["Target"]["Input"] == {
        "Fn::Sub": '{"source":{"kind":"s3","bucket":"my-${Environment}","prefix":"a/"}}'
    }


def test_the_rule_sends_bucket_and_key_to_the_queue_and_keeps_what_it_cannot_send() -> None:
    rule = rule_for("{}")
    assert (rule["Name"], rule["State"]) == ({"Fn::Sub": f"{NAME}-objects"}, "ENABLED")
    assert rule["Targets"] == [
        {
            "Id": "queue",
            "Arn": arn("Queue"),
            "InputTransformer": {
                "InputPathsMap": {"bucket": "$.detail.bucket.name", "key": "$.detail.object.key"},
                "InputTemplate": '{"source": {"kind": "s3", "bucket": <bucket>, "key": <key>}}',
            },
            "DeadLetterConfig": {"Arn": arn("TriggerDeadLetterQueue")},
            "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400},
        }
    ]


@pytest.mark.parametrize("queue", ["Queue", "TriggerDeadLetterQueue"])
def test_the_rule_alone_may_send_to_the_queues_and_over_tls_alone(queue: str) -> None:
    template = stack(changed("handler: take\n", READS) + "s3_events: {}\n")
    policy = of_type(template, "AWS::SQS::QueuePolicy")[f"{queue}Policy"]
    allowed, denied = policy["PolicyDocument"]["Statement"]
    rule = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/" + f"{NAME}-objects"
    assert allowed == {
        "Sid": "NewObjects",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": ["sqs:SendMessage"],
        "Resource": [arn(queue)],
        "Condition": {
            "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
            "ArnEquals": {"aws:SourceArn": {"Fn::Sub": rule}},
        },
    }
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_the_rule_is_made_after_the_policy_that_lets_it_send() -> None:
    template = stack(changed("handler: take\n", READS) + "s3_events: {}\n")
    assert template["Resources"]["ObjectRule"]["DependsOn"] == ["QueuePolicy"]


def test_each_trigger_has_an_alarm_on_what_it_gave_up() -> None:
    alarms = of_type(stack(changed("handler: take\n", READS) + SCHEDULE + "s3_events: {}\n"), "AWS::CloudWatch::Alarm")
    watched = {
        name: (alarm["Namespace"], alarm["MetricName"], alarm["Dimensions"][0]["Value"], alarm["Statistic"])
        for name, alarm in alarms.items()
        if name.startswith("Unsent")
    }
    assert watched == {
        "UnsentTriggersAlarm": (
            "AWS/SQS",
            "ApproximateNumberOfMessagesVisible",
            {"Fn::GetAtt": ["TriggerDeadLetterQueue", "QueueName"]},
            "Maximum",
        ),
        "UnsentSchedulesAlarm": ("AWS/Scheduler", "InvocationDroppedCount", {"Ref": "ScheduleGroup"}, "Sum"),
        "UnsentObjectsAlarm": ("AWS/Events", "FailedInvocations", {"Ref": "ObjectRule"}, "Sum"),
    }


@pytest.mark.parametrize(
    "key", ["orders/1.csv", 'say "hello" \\ there.csv', "über straße/ a+b%20c?.csv", "<key>", "🛒"]
)
def test_a_key_is_in_the_message_as_it_is(key: str) -> None:
    assert json.loads(object_message("my-exports", key)) == {
        "source": {"kind": "s3", "bucket": "my-exports", "key": key}
    }
