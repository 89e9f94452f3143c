"""Queues, topics, rules and alarms: what the APIs of the engine answer after CloudFormation changed them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ceap.local.stack_models import ResourceError
from ceap.local.stacks.resources import create, delete, find, update
from tests.local.stacks.by_hand import ALARM, Resources, is_refused, policy


def test_a_queue_has_what_its_properties_now_say_and_the_default_of_what_they_no_longer_say(
    resources: Resources,
) -> None:
    dead, _ = resources.made("AWS::SQS::Queue", QueueName="dead")
    redrive = {"deadLetterTargetArn": dead.get_cfn_attribute("Arn"), "maxReceiveCount": 3}
    before = {"QueueName": "changed", "VisibilityTimeout": 60, "RedrivePolicy": redrive, "DelaySeconds": 5}
    allowed = {"redrivePermission": "denyAll"}
    after = {"QueueName": "changed", "MessageRetentionPeriod": 60, "RedriveAllowPolicy": allowed}
    queue = resources.changed("AWS::SQS::Queue", before, after)
    sqs = resources.client("sqs")
    url = sqs.get_queue_url(QueueName="changed")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    expected = {"DelaySeconds": "0", "MessageRetentionPeriod": "60", "VisibilityTimeout": "30"}
    assert expected == {key: attributes[key] for key in expected}
    assert "RedrivePolicy" not in attributes
    assert json.loads(attributes["RedriveAllowPolicy"]) == allowed
    assert str(queue.physical_resource_id).endswith("/changed")


def test_a_queue_keeps_its_messages_and_its_policy_when_it_changes(resources: Resources) -> None:
    queue, given = resources.made("AWS::SQS::Queue", QueueName="kept")
    sqs = resources.client("sqs")
    url = sqs.get_queue_url(QueueName="kept")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="m")
    resources.made("AWS::SQS::QueuePolicy", Queues=[url], PolicyDocument=policy("sqs:SendMessage", Principal="*"))
    update(queue, given._replace(properties={"QueueName": "kept", "VisibilityTimeout": 1}))
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "1"
    assert json.loads(attributes["Policy"]) == policy("sqs:SendMessage", Principal="*")


def test_a_queue_policy_moves_with_its_queues_and_goes_with_itself(resources: Resources) -> None:
    sqs = resources.client("sqs")
    urls = [str(resources.made("AWS::SQS::Queue", QueueName=name)[0].physical_resource_id) for name in ("a", "b")]
    document = policy("sqs:SendMessage", Principal="*")
    model, given = resources.made("AWS::SQS::QueuePolicy", Queues=urls[:1], PolicyDocument=document)

    def having() -> list[str]:
        names = ["a", "b"]
        found = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]) for url in urls]
        return [name for name, each in zip(names, found, strict=True) if "Policy" in each.get("Attributes", {})]

    assert having() == ["a"]
    model = update(model, given := given._replace(properties={"Queues": urls[1:], "PolicyDocument": document}))
    assert having() == ["b"]
    delete(model, given)
    assert having() == []


def test_a_deleted_queue_is_gone_with_what_it_held(resources: Resources) -> None:
    model, given = resources.made("AWS::SQS::Queue", QueueName="gone")
    sqs = resources.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="gone")["QueueUrl"], MessageBody="m")
    delete(model, given)
    assert is_refused(sqs, "get_queue_url", QueueName="gone")
    delete(model, given)
    create(given)
    assert resources.engine.messages("http://x/gone") == []


def test_a_topic_has_what_its_properties_now_say(resources: Resources) -> None:
    before = {"TopicName": "topic", "DisplayName": "old", "KmsMasterKeyId": "alias/k"}
    topic = resources.changed("AWS::SNS::Topic", before, {"TopicName": "topic", "DisplayName": "new"})
    sns, arn = resources.client("sns"), str(topic.physical_resource_id)
    attributes = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert attributes["DisplayName"] == "new"
    assert not attributes.get("KmsMasterKeyId")


def test_a_topic_policy_and_a_subscription_are_those_of_their_topic(resources: Resources) -> None:
    topic, topic_given = resources.made("AWS::SNS::Topic", TopicName="told")
    sns, arn = resources.client("sns"), str(topic.physical_resource_id)
    default = sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
    document = policy("sns:Publish", Principal={"Service": "cloudwatch.amazonaws.com"})
    model, given = resources.made("AWS::SNS::TopicPolicy", Topics=[arn], PolicyDocument=document)
    assert json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]) == document
    delete(model, given)
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"] == default
    subscription = {"TopicArn": arn, "Protocol": "email", "Endpoint": "a@example.com"}
    subscribed, subscribed_given = resources.made("AWS::SNS::Subscription", **subscription)
    [listed] = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    assert listed["SubscriptionArn"] == subscribed.physical_resource_id
    found = find(subscribed_given, {"Arn": str(subscribed.physical_resource_id)})
    assert found.physical_resource_id == subscribed.physical_resource_id
    delete(subscribed, subscribed_given)
    assert sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"] == []
    delete(topic, topic_given)
    assert is_refused(sns, "get_topic_attributes", TopicArn=arn)


def test_a_subscription_that_leaves_out_messages_is_refused(resources: Resources) -> None:
    topic, _ = resources.made("AWS::SNS::Topic", TopicName="filtered")
    filtered = {"TopicArn": topic.physical_resource_id, "Protocol": "email", "Endpoint": "a@example.com"}
    with pytest.raises(ResourceError, match="does not model FilterPolicy, FilterPolicyScope of a subscription"):
        resources.made("AWS::SNS::Subscription", **filtered, FilterPolicyScope="MessageBody", FilterPolicy={})


def test_the_subscriptions_that_a_topic_itself_names_come_and_go_with_its_properties(resources: Resources) -> None:
    ends = [{"Protocol": "email", "Endpoint": f"{name}@example.com"} for name in "abc"]
    before, after = {"TopicName": "own", "Subscription": ends[:2]}, {"TopicName": "own", "Subscription": ends[1:]}
    topic = resources.changed("AWS::SNS::Topic", before, after)
    listed = resources.client("sns").list_subscriptions_by_topic(TopicArn=topic.physical_resource_id)["Subscriptions"]
    assert sorted(each["Endpoint"] for each in listed) == ["b@example.com", "c@example.com"]


def test_a_rule_has_the_pattern_state_and_targets_that_its_properties_now_say(resources: Resources) -> None:
    def properties(source: str, target: str, state: str) -> dict[str, Any]:
        arn = resources.arn("sqs", target)
        return {
            "Name": "rule",
            "State": state,
            "EventPattern": {"source": [source]},
            "Targets": [{"Id": target, "Arn": arn}],
        }

    model, given = resources.made("AWS::Events::Rule", **properties("one", "a", "ENABLED"))
    model = update(model, given := given._replace(properties=properties("two", "b", "DISABLED")))
    events = resources.client("events")
    described = events.describe_rule(Name="rule")
    assert (json.loads(described["EventPattern"]), described["State"]) == ({"source": ["two"]}, "DISABLED")
    assert events.list_targets_by_rule(Rule="rule")["Targets"] == [{"Id": "b", "Arn": resources.arn("sqs", "b")}]
    assert find(given, {"Arn": described["Arn"]}) is model
    delete(model, given)
    assert is_refused(events, "describe_rule", Name="rule")


def test_an_alarm_has_what_its_properties_now_say_and_keeps_its_state(resources: Resources) -> None:
    cloudwatch = resources.client("cloudwatch")
    model, given = resources.made("AWS::CloudWatch::Alarm", **ALARM)
    [alarm] = cloudwatch.describe_alarms(AlarmNames=["alarm"])["MetricAlarms"]
    assert (alarm["StateValue"], alarm["Threshold"]) == ("INSUFFICIENT_DATA", 5.0)
    cloudwatch.set_alarm_state(AlarmName="alarm", StateValue="ALARM", StateReason="test")
    update(model, given._replace(properties={**ALARM, "Threshold": 9, "TreatMissingData": "ignore"}))
    [alarm] = cloudwatch.describe_alarms(AlarmNames=["alarm"])["MetricAlarms"]
    assert (alarm["StateValue"], alarm["Threshold"], alarm["TreatMissingData"]) == ("ALARM", 9.0, "ignore")
    assert find(given, {"AlarmName": "alarm"}).get_cfn_attribute("Arn") == alarm["AlarmArn"]
    delete(model, given)
    assert cloudwatch.describe_alarms(AlarmNames=["alarm"])["MetricAlarms"] == []
