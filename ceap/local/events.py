"""EventBridge: status changes of executions, and the delivery of events to the targets of rules.

moto keeps rules and matches patterns; it delivers to no topic, and puts nothing that fails into a dead-letter queue.
Source: EventBridge User Guide, "Event retry policy and using dead-letter queues"; Step Functions Developer Guide,
"Automating Step Functions event delivery with EventBridge".
"""

import datetime
import json
import uuid
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from moto.events.models import EventsBackend, Rule, events_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from ceap.local import decisions, object_events
from ceap.local.clock import CLOCK
from ceap.local.deliveries import Delivery, reasons
from ceap.local.executions import DeployedMachine, Execution
from ceap.local.hooks import replace
from ceap.local.limits import refuse_event
from ceap.local.metrics import metrics_of
from ceap.local.policies import read_resource_policy
from ceap.local.sessions import REGION
from ceap.local.stack_models import ResourceError

DATA_LIMIT_BYTES: Final = 248 * 1024
"""A status change leaves out escaped input and output above this size."""
_TAKEN: Final = "ceap_taken"
_MISSING: Final = ("NO_RESOURCE", "The target does not exist.")
TARGET_FIELDS: Final = {"Id", "Arn", "DeadLetterConfig"}
OBJECT_FIELDS: Final = TARGET_FIELDS | {"InputTransformer", "RetryPolicy"}
_SEND: Final = "sqs:SendMessage"


@lru_cache(maxsize=1)
def install() -> None:
    """Hook moto's rules and buses, once per process; AttributeError if moto lacks a part."""
    replace(Rule, "send_to_targets", _send_to_targets)
    replace(EventsBackend, "put_events", _recorded(EventsBackend.put_events))


def check_rule(rule: Any) -> None:
    """Check a deployed rule; ResourceError for a schedule, or a target that the engine does not model.

    Raises PolicyError for the policy of a queue that is a target, if the engine does not model it.
    """
    if rule.scheduled_expression:
        raise ResourceError(f"{rule.name}: the local engine runs no schedules of rules")
    pattern = rule.event_pattern.get_pattern()
    is_about_objects = object_events.is_about_objects(pattern)
    if is_about_objects:
        object_events.check_pattern(rule.name, pattern)
    for target in rule.targets:
        service = target["Arn"].split(":")[2]
        if service not in {"sns", "sqs"}:
            raise ResourceError(f"{rule.name}: the local engine does not know the target {target['Arn']}")
        if strange := sorted(set(target) - (OBJECT_FIELDS if is_about_objects else TARGET_FIELDS)):
            raise ResourceError(f"{rule.name}: the local engine does not model {', '.join(strange)} of a target")
        if transformer := target.get("InputTransformer"):
            object_events.check_transformer(rule.name, transformer)
        for arn in (target["Arn"], target.get("DeadLetterConfig", {}).get("Arn")):
            if arn and ":sqs:" in arn:
                _may_send(rule, arn)


def announce(machine: DeployedMachine, execution: Execution) -> None:
    """Send the event of an execution's new status; an EXPRESS machine has none."""
    if machine.kind != "STANDARD":
        return
    account = machine.arn.split(":")[4]
    event: Any = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": account,
        "time": _iso(CLOCK.now()),
        "region": REGION,
        "resources": [execution.arn],
        "detail": _status(execution),
    }
    for rule in list(events_backends[account][REGION].event_buses["default"].rules.values()):
        rule.send_to_targets(event)


def announce_object(account: str, bucket: str, key: str, size_bytes: int) -> list[Delivery]:
    """Send the event of a new object, and return what the rules that match it did."""
    event = object_events.build_event(account, bucket, key, size_bytes, _iso(CLOCK.now()))
    place = f"s3://{bucket}/{key}"
    return [
        Delivery(f"rule {rule.name}", place, problem)
        for rule in list(events_backends[account][REGION].event_buses["default"].rules.values())
        for problem in _deliver_all(rule, event)
    ]


def put(account: str) -> list[Mapping[str, Any]]:
    """Return the entries that the buses of an account have taken, in order, as PutEvents has them."""
    taken: list[Mapping[str, Any]] = vars(events_backends[account][REGION]).get(_TAKEN, [])
    return taken


def published(topic: str) -> list[str]:
    """Return the messages that were published to a topic, by its ARN."""
    account = topic.split(":")[4]
    return [message for _, message, *_ in sns_backends[account][REGION].topics[topic].sent_notifications]


def _recorded(original: Callable[..., Any]) -> Callable[..., Any]:
    def put_events(self: EventsBackend, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        # moto keeps no event that no rule matches; kept in its backend, it goes when that goes.
        refusals = [refuse_event(event) for event in events]
        # An empty entry, which moto refuses, stands for one that is refused already.
        answered = original(self, [{} if refused else event for event, refused in zip(events, refusals, strict=True)])
        answers: list[dict[str, Any]] = [refused or it for refused, it in zip(refusals, answered, strict=True)]
        taken = vars(self).setdefault(_TAKEN, [])
        taken += [event for event, answer in zip(events, answers, strict=True) if "EventId" in answer]
        return answers

    return put_events


def _status(execution: Execution) -> dict[str, Any]:
    output_bytes = len(json.dumps(execution.output))
    has_output = output_bytes <= DATA_LIMIT_BYTES
    has_input = len(json.dumps(execution.input)) + output_bytes <= DATA_LIMIT_BYTES
    ended = execution.status != "RUNNING"
    return {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine,
        "stateMachineVersionArn": None,
        "stateMachineAliasArn": None,
        "name": execution.name,
        "status": execution.status,
        "startDate": int(execution.started * 1000),
        "stopDate": int(execution.ended * 1000) if ended else None,
        "input": execution.input if has_input else None,
        "inputDetails": {"included": has_input},
        "output": execution.output if has_output else None,
        "outputDetails": {"included": has_output} if execution.output is not None else None,
        "error": execution.error,
        "cause": execution.cause,
        "redriveCount": execution.redrives,
        "redriveDate": None if execution.redriven is None else int(execution.redriven * 1000),
        "redriveStatus": "NOT_REDRIVABLE" if execution.not_redrivable else "REDRIVABLE",
        "redriveStatusReason": execution.not_redrivable,
    }


def _send_to_targets(self: Any, original_event: Mapping[str, Any], **_: Any) -> None:
    _deliver_all(self, original_event)


def _deliver_all(rule: Any, original_event: Mapping[str, Any]) -> list[str]:
    """Deliver an event to the targets of a rule that matches it; return the problem of each, empty where it arrived."""
    if rule.state != "ENABLED" or not rule.event_pattern.matches_event(original_event):
        return []
    time = original_event["time"]
    event = {**original_event, "time": time if isinstance(time, str) else _iso(float(time))}
    event.pop("ingestion-time", None)  # moto's own; AWS puts it into no event
    _measure(rule, TriggeredRules=1.0, MatchedEvents=1.0)
    return [_deliver(rule, target, event) for target in rule.targets]


def _deliver(rule: Any, target: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """Deliver an event to a target, or keep it; return the problem, empty if it arrived."""
    transformer = target.get("InputTransformer")
    message = object_events.transform(transformer, event) if transformer else json.dumps(event)
    code, problem = _pass_on(rule, target["Arn"], message)
    _measure(rule, Invocations=1.0, **({"FailedInvocations": 1.0} if code else {}))
    if code and (dead_letters := target.get("DeadLetterConfig", {}).get("Arn")):
        said = {"ERROR_CODE": code, "ERROR_MESSAGE": problem}
        values = {"RULE_ARN": rule.arn, "TARGET_ARN": target["Arn"], **said}
        _, other = _send(rule, dead_letters, json.dumps(event), reasons(values))
        problem += f"; its dead-letter queue: {other}" if other else ""
        _measure(rule, **{"InvocationsFailedToBeSentToDlq" if other else "InvocationsSentToDlq": 1.0})
    return problem


def _measure(rule: Any, **values: float) -> None:
    """Add metrics of a rule. Source: EventBridge User Guide, "Monitoring Amazon EventBridge"."""
    metrics_of(rule.account_id).add("AWS/Events", {"RuleName": rule.name}, values)


def _pass_on(rule: Any, target: str, message: str) -> tuple[str, str]:
    """Pass a message on to a target; return the code and text of what went wrong, both empty if nothing did."""
    if target.split(":")[2] == "sqs":
        return _send(rule, target, message, {})
    topics = sns_backends[rule.account_id][REGION]
    if target not in topics.topics:
        return _MISSING
    topics.publish(message, arn=target)
    return "", ""


def _send(rule: Any, queue: str, message: str, attributes: Mapping[str, Any]) -> tuple[str, str]:
    queues = sqs_backends[rule.account_id][REGION]
    name = queue.rpartition(":")[2]
    if name not in queues.queues:
        return _MISSING
    if not _may_send(rule, queue):
        return "NO_PERMISSIONS", f"the policy of {name} does not allow {rule.arn} {_SEND}"
    queues.send_message(name, message, message_attributes=dict(attributes))
    return "", ""


def _may_send(rule: Any, queue: str) -> bool:
    """Tell whether a queue's policy lets a rule send to it: a rule has no role that could allow it."""
    found = sqs_backends[rule.account_id][REGION].queues.get(queue.rpartition(":")[2])
    if found is None or not found.policy:
        return False
    context = {
        "aws:securetransport": "true",
        "aws:sourceaccount": rule.account_id,
        "aws:sourcearn": rule.arn,
    }
    statements = read_resource_policy(found.policy)
    return decisions.lets_service(statements, "events.amazonaws.com", _SEND, queue, context)


def _iso(moment: float) -> str:
    return datetime.datetime.fromtimestamp(moment, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
