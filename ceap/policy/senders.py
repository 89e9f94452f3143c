"""Who sends to the queues of a workflow, and what their policies say of them."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, Final

from ceap.cfn.adopted import adopted_arn, queue_at
from ceap.cfn.lookup import (
    EVENT_RULE,
    PIPE,
    QUEUE,
    SCHEDULE,
    Resource,
    at,
    items,
    pointed_at,
    reference,
    resources,
    source_arns,
    text,
)
from ceap.cfn.template import Template
from ceap.policy.vocabulary.kinds import kind_of

EVENTS: Final = "events.amazonaws.com"
QUEUE_POLICY: Final = "AWS::SQS::QueuePolicy"
OBJECT_SOURCE: Final = "aws.s3"


def find_queue(template: Template) -> Resource | None:
    """Return the queue from which the pipe of a workflow of ceap takes messages, which may be an adopted one.

    None in any other template.
    """
    if kind_of(template) is None:
        return None
    sources = (queue_at(template, pipe.properties.get("Source")) for pipe in resources(template, PIPE))
    return next(filter(None, sources), None)


def is_about_objects(rule: Resource) -> bool:
    """Tell whether an event rule is on what happens in buckets."""
    return OBJECT_SOURCE in items(at(rule.properties, "EventPattern", "source"))


def has_triggers(template: Template) -> bool:
    """Tell whether a template has a schedule, or a rule on new objects."""
    schedules, rules = resources(template, SCHEDULE), resources(template, EVENT_RULE)
    return any(True for _ in schedules) or any(map(is_about_objects, rules))


def sends_to(template: Template, arn: Any, queue: Resource) -> bool:
    """Tell whether a value is the ARN of a queue."""
    return queue_at(template, arn) == queue and (queue.type != QUEUE or (reference(arn) or ("", ""))[1] == "Arn")


def arn_of(queue: Resource) -> str:
    """Return how to write the ARN of a queue of the template, or of an adopted one."""
    return f"!GetAtt {queue.logical_id}.Arn" if queue.type == QUEUE else f"!Sub {adopted_arn(queue)['Fn::Sub']}"


def keeps_unsent(template: Template, arn: Any) -> bool:
    """Tell whether a value is the ARN of a queue that is neither read by a pipe nor takes failed messages."""
    found = pointed_at(template, arn)
    read = [pointed_at(template, pipe.properties.get("Source")) for pipe in resources(template, PIPE)]
    targets = (at(queue.properties, "RedrivePolicy", "deadLetterTargetArn") for queue in resources(template, QUEUE))
    redriven = [pointed_at(template, target) for target in targets]
    return found is not None and found.type == QUEUE and sends_to(template, arn, found) and found not in read + redriven


def unsent_queues(template: Template) -> Iterator[Resource]:
    """Yield the queues for what schedules and event rules could not send, each once."""
    arns = [at(schedule.properties, "Target", "DeadLetterConfig", "Arn") for schedule in resources(template, SCHEDULE)]
    for rule in resources(template, EVENT_RULE):
        arns += [at(target, "DeadLetterConfig", "Arn") for target in items(rule.properties.get("Targets"))]
    found = {queue.logical_id: queue for arn in arns if (queue := pointed_at(template, arn))}
    yield from found.values()


def queues_of(template: Template, rule: Resource) -> list[Resource | None]:
    """Return what an event rule sends to: its targets, and the queues for what these do not take."""
    targets = items(rule.properties.get("Targets"))
    arns = [arn for target in targets for arn in (at(target, "Arn"), at(target, "DeadLetterConfig", "Arn"))]
    return [pointed_at(template, arn) for arn in arns]


def may_send(template: Template, rule: Resource, queue: Resource) -> bool:
    """Tell whether a policy of the template allows an event rule to send to a queue, also with others."""
    return any(_lets_in(template, statement, rule) for statement in _statements(template, queue))


def allows_only(statement: Any, rule: Resource) -> bool:
    """Tell whether a statement allows one event rule, by its ARN, to send messages, and nothing else."""
    arns = [text(arn) for _, arn in source_arns(statement)]
    principal = at(statement, "Principal")
    return (
        at(statement, "Effect") == "Allow"
        and list(principal if isinstance(principal, dict) else ()) == ["Service"]
        and items(principal["Service"]) == [EVENTS]
        and [text(action) for action in items(at(statement, "Action"))] == ["sqs:SendMessage"]
        and rule.name is not None
        and [(arn or "").rpartition(":rule/")[2] for arn in arns] == [rule.name]
    )


def _statements(template: Template, queue: Resource) -> Iterator[Any]:
    for policy in resources(template, QUEUE_POLICY):
        if queue in [pointed_at(template, named) for named in items(policy.properties.get("Queues"))]:
            for statement in items(at(policy.properties, "PolicyDocument", "Statement")):
                # Anything but a reference is "*", or known only when deployed.
                if any(pointed_at(template, named) in (queue, None) for named in items(at(statement, "Resource"))):
                    yield statement


def _lets_in(template: Template, statement: Any, rule: Resource) -> bool:
    return (
        at(statement, "Effect") == "Allow"
        and EVENTS in items(at(statement, "Principal", "Service"))
        and not {"sqs:SendMessage", "sqs:*"}.isdisjoint(map(text, items(at(statement, "Action"))))
        and all(_is_arn(template, arn, rule) for _, arn in source_arns(statement))
    )


def _is_arn(template: Template, arn: Any, rule: Resource) -> bool:
    spelled = text(arn)
    if spelled is None:
        return pointed_at(template, arn) in (rule, None)
    pattern = spelled.partition(":rule/")[2]
    return fnmatchcase(rule.name, pattern) if rule.name else "*" in pattern  # CloudFormation generates the name
