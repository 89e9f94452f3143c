"""A rule on new objects sends those of the first stage's bucket, by name, to the workflow's queue and only there.

Another message than bucket and key starts no first stage; a rule on the workflow bucket would start executions by
what executions write.
Source: Amazon S3 User Guide, "Using EventBridge"; EventBridge User Guide, "Amazon EventBridge input transformation".
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from ceap.cfn.lookup import (
    EVENT_RULE,
    FUNCTION,
    SETTINGS,
    Resource,
    at,
    handler_of,
    items,
    machines,
    resources,
    text,
)
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from ceap.policy.senders import OBJECT_SOURCE, arn_of, find_queue, is_about_objects, keeps_unsent, may_send, sends_to
from templates import discovery
from templates.settings import source_bucket
from templates.triggers import MESSAGE, PATHS

RULE: Final = "WIRE15_OBJECT_RULE"
ENTRY: Final = Entry(
    title="A rule on new objects sends each of the first stage's bucket to the workflow's queue, by bucket and key",
    why=(
        "A message of another form fails every execution. An object of another bucket cannot be read, and one of the "
        "workflow bucket would start executions without end."
    ),
    fix=(
        "Match source, detail-type and the bucket of the first stage's setting, and send `bucket` and `key` by an "
        "InputTransformer to `!GetAtt Queue.Arn`."
    ),
    requirement=("8.5",),
    source="https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html",
)

_FILTERS: Final = ("prefix", "suffix", "wildcard")
_TRANSFORMER: Final = {"InputPathsMap": PATHS, "InputTemplate": MESSAGE}


def check(template: Template) -> Iterator[Fault]:
    queue = find_queue(template)
    if queue is None:
        return
    for rule in filter(is_about_objects, resources(template, EVENT_RULE)):
        yield from _pattern_faults(template, rule)
        yield from _target_faults(template, rule, queue)


def _pattern_faults(template: Template, rule: Resource) -> Iterator[Fault]:
    pattern = rule.properties.get("EventPattern")
    buckets, keys = at(pattern, "detail", "bucket", "name"), at(pattern, "detail", "object", "key")
    detail = {"bucket": {"name": buckets}} | ({"object": {"key": keys}} if keys else {})
    place = rule.path("EventPattern")
    if pattern != {"source": [OBJECT_SOURCE], "detail-type": ["Object Created"], "detail": detail}:
        cure = "only source: [aws.s3], detail-type: [Object Created], bucket.name and object.key in detail"
        yield Fault(place, "the rule matches other events than new objects of a bucket, or fewer", cure)
    if not all(isinstance(key, dict) and list(key) in [[name] for name in _FILTERS] for key in items(keys)):
        cure = "key: [{prefix: ...}], [{suffix: ...}] or [{wildcard: ...}]"
        yield Fault(
            rule.path("EventPattern", "detail", "object", "key"), "the filter of keys is not one that ceap writes", cure
        )
    bucket = _source_bucket(template)
    if [text(name) for name in items(buckets)] != [bucket] or bucket is None:
        cure = f"name: [{bucket or 'the bucket that a setting of the first stage declares'}]"
        what = "the first stage may not read the objects of this bucket"
        yield Fault(rule.path("EventPattern", "detail", "bucket", "name"), what, cure)
    if rule.properties.get("State", "ENABLED") != "ENABLED":
        yield Fault(rule.path("State"), "the rule sends nothing", "State: ENABLED, or a waiver with the reason")
    if rule.properties.get("EventBusName", "default") != "default":
        yield Fault(rule.path("EventBusName"), "S3 sends no events to this event bus", "EventBusName: default")


def _source_bucket(template: Template) -> str | None:
    """Return the bucket that the first stage declares in the settings of its function."""
    for machine in machines(template):
        stage = next(iter(machine.stages()), None)
        function = machine.runs(template, stage) if stage else None
        handler = handler_of(function) if function and function.type == FUNCTION else None
        if function and handler:
            needs = discovery.load_needs(handler)
            try:
                settings = msgspec.json.decode(text(at(function.properties, *SETTINGS)) or "{}", type=dict[str, Any])
                return source_bucket(needs, settings)
            except msgspec.DecodeError:
                return None  # WIRE08_HANDLER_ENVIRONMENT
    return None


def _target_faults(template: Template, rule: Resource, queue: Resource) -> Iterator[Fault]:
    targets = items(rule.properties.get("Targets"))
    if len(targets) != 1 or not sends_to(template, at(targets[0], "Arn"), queue):
        what = "the rule does not send to the queue of the workflow alone"
        yield Fault(rule.path("Targets"), what, f"one target, Arn: {arn_of(queue)}")
        return
    [target] = targets
    if not may_send(template, rule, queue):
        what = f"the policy of {queue.logical_id} does not allow this rule to send"
        cure = "allow events.amazonaws.com sqs:SendMessage, with the ARN of this rule as aws:SourceArn"
        yield Fault(rule.path("Targets", 0, "Arn"), what, cure)
    if at(target, "InputTransformer") != _TRANSFORMER or not {"Input", "InputPath"}.isdisjoint(target):
        what = "the message is not what a first stage takes, or breaks at a quote in a key"
        cure = f"only InputTransformer: {{InputPathsMap: {_shown(PATHS)}, InputTemplate: '{MESSAGE}'}}"
        yield Fault(rule.path("Targets", 0, "InputTransformer"), what, cure)
    if not keeps_unsent(template, at(target, "DeadLetterConfig", "Arn")):
        what = "an event that cannot be sent is lost, or lies among messages that failed"
        place = rule.path("Targets", 0, "DeadLetterConfig", "Arn")
        yield Fault(place, what, "DeadLetterConfig: {Arn: !GetAtt of a queue that no queue redrives to}")


def _shown(paths: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{name}: {path}" for name, path in paths.items()) + "}"
