"""Own resources change nothing of ceap's: they name it only where that reads, watches or permits.

A reference elsewhere could open, empty or bypass what every other rule found to be right: a policy on ceap's queue or
on one that the workflow adopts, a second consumer of it, a URL of a function. Source: `templates/own_resources.py`.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from ceap.cfn.adopted import adopted_queues
from ceap.cfn.lookup import (
    BUCKET,
    EVENT_RULE,
    MACHINE,
    QUEUE,
    Resource,
    at,
    foundation_exports,
    items,
    reference,
    resource,
    resources,
    text,
)
from ceap.cfn.own import is_own, own_entries
from ceap.cfn.template import Template
from ceap.iam.arn import resolve
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from templates import naming

RULE: Final = "CFN08_OWN_RESOURCES"
ENTRY: Final = Entry(
    title="Resources of your own change nothing of ceap's",
    why=(
        "A policy on ceap's queue, a second consumer of it or a URL of a function would open or bypass what the other "
        "rules found to be right. Alarms, dashboards, grants and environments may name what is ceap's."
    ),
    fix=(
        "Let the resource name only resources of your own; change ceap's by a key or `overrides` of the declaration; "
        "or accept it with a waiver and a reason in the resource's Metadata."
    ),
    source="docs/how-to/add-own-resources.md",
)

MAY_NAME: Final = {
    r"AWS::CloudWatch::(Alarm|CompositeAlarm|AnomalyDetector|Dashboard|InsightRule)": ".*",
    r"AWS::Logs::(MetricFilter|QueryDefinition)": ".*",
    r"AWS::SSM::Parameter": "Value",
    r"AWS::Lambda::Function": "Environment/Variables/.*",
    r"AWS::ECS::TaskDefinition": r"ContainerDefinitions/\d+/Environment/.*",
    r"AWS::Events::Rule": "EventPattern/.*",
    r"AWS::IAM::(Role|User|Group)": "Policies/.*|AssumeRolePolicyDocument/.*",
    r"AWS::IAM::(Role|User|Group)?Policy|AWS::IAM::ManagedPolicy": "PolicyDocument/.*",
    r"AWS::KMS::Key": "KeyPolicy/.*",
    r"AWS::(S3::Bucket|SNS::Topic|SQS::Queue)Policy": "PolicyDocument/.*",
    r"AWS::SecretsManager::ResourcePolicy": "ResourcePolicy/.*",
    r".*": "Description|AlarmDescription|Tags/.*",
}
"""Where a resource of a type may name what is ceap's: the place below its Properties."""

_QUEUE_TARGET: Final = ("AWS::Scheduler::Schedule", "Target/Arn")
_TELLS: Final = ("NotificationConfiguration", "EventBridgeConfiguration", "EventBridgeEnabled")
_HIDDEN: Final = re.compile(r"AWS::CloudFormation::(?!WaitCondition).*|Custom::.*|AWS::ServiceCatalog::.*Provisioned.*")
_ACCOUNT: Final = ("AWS::Logs::AccountPolicy", "AWS::Logs::ResourcePolicy", "AWS::Events::EventBusPolicy")
_TEXTS: Final = ("Ref", "Fn::GetAtt", "Fn::Sub", "Fn::Join", "Fn::ImportValue")
_ALERT_TOPIC: Final = "AlertTopic"
_TOPIC_POLICIES: Final = ("AWS::SNS::TopicPolicy", "AWS::SNS::TopicInlinePolicy")
_TOKEN: Final = re.compile(r"(?<!\$)\$\{(\w+)(?:\.[\w.]+)?\}")
_STACK_NAME: Final = "${AWS::StackName}"


def check(template: Template) -> Iterator[Fault]:
    own = own_entries(template.data)["Resources"]
    names = _names(template) if own else {}
    for logical_id in sorted(own):
        found = resource(template, logical_id)
        if found is not None:
            yield from _type_faults(found)
            yield from _silence_faults(template, found)
            yield from _reference_faults(template, found, names)


def _type_faults(found: Resource) -> Iterator[Fault]:
    place = f"/Resources/{found.logical_id}/Type"
    if _HIDDEN.fullmatch(found.type):
        yield Fault(place, "what it deploys or runs is in no template, and unjudged", _cure(found, "declare it here"))
    elif found.type in _ACCOUNT:
        what = "it applies to the whole account, ceap's resources too"
        yield Fault(place, what, _cure(found, "leave it to who runs the account"))


def _silence_faults(template: Template, found: Resource) -> Iterator[Fault]:
    """Yield a fault if a rule of ceap's waits for objects of a bucket that tells EventBridge of none."""
    for rule in resources(template, EVENT_RULE) if found.type == BUCKET and found.name else ():
        names = items(at(rule.properties, "EventPattern", "detail", "bucket", "name"))
        if found.name in map(text, names) and at(found.properties, *_TELLS) is not True:
            what = f"{rule.logical_id} waits for objects of the bucket, which tells EventBridge of none"
            fix = f"{': {'.join(_TELLS)}: true{'}' * (len(_TELLS) - 1)}"
            yield Fault(found.path("NotificationConfiguration"), what, fix)


def _reference_faults(template: Template, found: Resource, names: dict[re.Pattern[str], str]) -> Iterator[Fault]:
    for place, value in _values(found.properties, ""):
        for theirs in dict.fromkeys(_named(template, value, names)):
            if not _may_name(template, found, place, theirs):
                whose = "which the workflow adopts" if theirs in _adopted(template) else "which is ceap's"
                what = f"{found.logical_id} could change {theirs}, {whose}"
                yield Fault(found.path(*place.split("/")), what, _cure(found, f"do not name {theirs} here"))


def _cure(found: Resource, fix: str) -> str:
    waiver = f"{{ceap: {{waivers: [{{rule: {RULE}, reason: why}}]}}}}"
    return f"{fix}, or accept it in Metadata of {found.logical_id}: {waiver}"


def _may_name(template: Template, found: Resource, place: str, theirs: str) -> bool:
    if theirs == _ALERT_TOPIC:
        return found.type not in _TOPIC_POLICIES  # a subscription or one more alarm changes nothing for ceap
    target = resource(template, theirs)
    is_queue = theirs in _adopted(template) or (target is not None and target.type == QUEUE)
    if (found.type, place) == _QUEUE_TARGET and is_queue:
        return True
    return any(re.fullmatch(places, place) for kinds, places in MAY_NAME.items() if re.fullmatch(kinds, found.type))


def _values(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield each text, and each function that makes one, with its place; functions around them have no place."""
    if isinstance(value, str) or (isinstance(value, dict) and len(value) == 1 and next(iter(value)) in _TEXTS):
        yield place, value
    elif isinstance(value, dict | list):
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            outer = place if str(key).startswith("Fn::") else f"{place}/{key}".removeprefix("/")
            yield from _values(below, outer)


def _names(template: Template) -> dict[re.Pattern[str], str]:
    """Return what is ceap's by a pattern of its physical name or import: the logical id, or the foundation's name."""
    names = {
        naming.WORKFLOW_BUCKET: naming.WORKFLOW_BUCKET,
        naming.ARTIFACT_BUCKET: naming.ARTIFACT_BUCKET,
        naming.ALERT_TOPIC: _ALERT_TOPIC,
        **{f"import {re.sub('[${}]', '', naming.export(name))}": name for name in foundation_exports()},
        **{each.name: each.logical_id for each in resources(template) if each.name and not is_own(template, each)},
    }
    longest_first = sorted(names.items(), key=lambda item: -len(item[0]))
    return {re.compile(rf"(?<![\w-]){_in_any_stack(name)}(?![\w-])"): theirs for name, theirs in longest_first}


def _in_any_stack(name: str) -> str:
    """Return the pattern of a name, whose environment and account may be written out."""
    return (
        re.escape(name)
        .replace(re.escape("${Environment}"), r"(?:\$\{Environment\}|[a-z][a-z0-9]*)")
        .replace(re.escape("${AWS::AccountId}"), r"(?:\$\{AWS::AccountId\}|\d{12})")
    )


def _adopted(template: Template) -> set[str]:
    """Return the parameters with the names of adopted queues: what holds of ceap's own queue holds of these."""
    return {queue.logical_id for queue in adopted_queues(template)}


def _is_of_ceap(template: Template, logical_id: str) -> bool:
    found = resource(template, logical_id)
    return found is not None and not is_own(template, found)


def _named(template: Template, value: Any, names: dict[re.Pattern[str], str]) -> list[str]:
    """Return what of ceap's a value names: by reference or, else, by import or physical name, the longest first."""
    written = value if isinstance(value, str) else resolve(template, value)
    target = reference(value)
    tokens = [target[0]] if target else _TOKEN.findall(written) if isinstance(value, dict) else []
    referred = [token for token in tokens if token in _adopted(template) or _is_of_ceap(template, token)]
    if referred or target:
        return referred
    for machine in resources(template, MACHINE):
        if machine.name and not is_own(template, machine):  # a workflow's stack is called as its state machine
            written = written.replace(_STACK_NAME, machine.name)
    return [theirs for pattern, theirs in names.items() if pattern.search(written)][:1]
