"""Queues, topics and rules, as CloudFormation makes, changes and deletes them in moto's backends."""

import json
from collections.abc import Mapping
from typing import Any, Final

from moto.events.models import events_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from ceap.local.stacks.handler import Given, Handler, make, tags_of

_QUEUE_DEFAULTS: Final[Mapping[str, Any]] = {
    "DelaySeconds": 0,
    "KmsDataKeyReusePeriodSeconds": 300,
    "KmsMasterKeyId": None,
    "MaximumMessageSize": 1_048_576,
    "MessageRetentionPeriod": 345_600,
    "ReceiveMessageWaitTimeSeconds": 0,
    "RedriveAllowPolicy": None,
    "RedrivePolicy": {},
    "SqsManagedSseEnabled": True,
    "VisibilityTimeout": 30,
}
"""What a property that a template no longer has becomes. Source: SQS API Reference, "SetQueueAttributes"."""

_TOPIC_DEFAULTS: Final = {"display_name": ("DisplayName", ""), "kms_master_key_id": ("KmsMasterKeyId", "")}
_INLINE: Final = "ceap_inline"


def _find_queue(given: Given, name: str) -> Any:
    return sqs_backends[given.account][given.region].queues.get(name.rpartition("/")[2])


def _apply_queue(queue: Any, given: Given) -> Any:
    properties = {key: value for key, value in given.properties.items() if key in _QUEUE_DEFAULTS}
    if allowed := properties.get("RedriveAllowPolicy"):
        properties["RedriveAllowPolicy"] = json.dumps(allowed)
    # The policy is another resource's; moto would take it away.
    queue._set_attributes({**_QUEUE_DEFAULTS, **properties, "Policy": queue.policy})
    queue.tags = tags_of(given)
    return queue


def _delete_queue(queue: Any, given: Given) -> None:
    sqs_backends[given.account][given.region].queues.pop(queue.name, None)


def _find_topic(given: Given, name: str) -> Any:
    arn = name if name.startswith("arn:") else f"arn:aws:sns:{given.region}:{given.account}:{name}"
    return sns_backends[given.account][given.region].topics.get(arn)


def _create_topic(given: Given) -> Any:
    inline = {key: value for key, value in given.properties.items() if key != "Subscription"}
    return make(given._replace(properties=inline))


def _apply_topic(topic: Any, given: Given) -> Any:
    for attribute, (name, default) in _TOPIC_DEFAULTS.items():
        setattr(topic, attribute, given.properties.get(name, default))
    topic._tags = tags_of(given)
    wanted = {(each["Protocol"], each["Endpoint"]) for each in given.properties.get("Subscription", ())}
    made = vars(topic).get(_INLINE, {})
    backend = sns_backends[given.account][given.region]
    for gone in made.keys() - wanted:
        backend.unsubscribe(made[gone])
    kept = {key: arn for key, arn in made.items() if key in wanted}
    new = {key: backend.subscribe(topic.arn, key[1], key[0]).arn for key in sorted(wanted - made.keys())}
    vars(topic)[_INLINE] = kept | new
    return topic


def _delete_topic(topic: Any, given: Given) -> None:
    sns_backends[given.account][given.region].delete_topic(topic.arn)


def _rules(given: Given) -> dict[str, Any]:
    bus = given.properties.get("EventBusName", "default")
    rules: dict[str, Any] = events_backends[given.account][given.region]._get_event_bus(bus).rules
    return rules


def _find_rule(given: Given, name: str) -> Any:
    return _rules(given).get(name.rpartition("/")[2])


def _apply_rule(rule: Any, given: Given) -> Any:
    properties, backend = given.properties, events_backends[given.account][given.region]
    pattern = properties.get("EventPattern")
    changed = backend.put_rule(
        rule.name,
        event_bus_arn=properties.get("EventBusName"),
        event_pattern=json.dumps(pattern) if isinstance(pattern, dict) else pattern,
        scheduled_expression=properties.get("ScheduleExpression"),
        state=properties.get("State"),
        description=properties.get("Description"),
        role_arn=properties.get("RoleArn"),
    )
    changed.targets = [dict(target) for target in properties.get("Targets", ())]
    backend.tagger.delete_all_tags_for_resource(changed.arn)
    backend.tagger.tag_resource(changed.arn, backend.tagger.convert_dict_to_tags_input(tags_of(given)))
    return changed


def _delete_rule(rule: Any, given: Given) -> None:
    _rules(given).pop(rule.name, None)


HANDLERS: Final = {
    "AWS::Events::Rule": Handler(_find_rule, _apply_rule, _delete_rule),
    "AWS::SNS::Topic": Handler(_find_topic, _apply_topic, _delete_topic, _create_topic),
    "AWS::SQS::Queue": Handler(_find_queue, _apply_queue, _delete_queue),
}
