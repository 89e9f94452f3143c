"""The queue that takes messages, and the dead-letter queue that keeps those that failed for good."""

from typing import Any, Final, NamedTuple

from awacs.aws import PolicyDocument
from troposphere import GetAtt, NoValue, Ref, Sub, Template, sqs

from templates import budget, naming, permissions
from templates.model import Workflow
from templates.objects import shared
from templates.resources.encryption import if_key, key_if_any
from templates.resources.parameters import required
from templates.resources.retention import KEEP

QUEUE: Final = "Queue"
DEAD_LETTER_QUEUE: Final = "DeadLetterQueue"


class QueueRefs(NamedTuple):
    """What a template writes for the URL, the ARN and the name of a queue."""

    url: Any
    arn: Any
    name: Any


@shared
def made_queue(logical_id: str) -> QueueRefs:
    """Return what stands for a queue of the template."""
    return QueueRefs(Ref(logical_id), GetAtt(logical_id, "Arn"), GetAtt(logical_id, "QueueName"))


@shared
def adopted_queue(parameter: str) -> QueueRefs:
    """Return what stands for an existing queue, whose name a parameter gives."""
    url, arn = Sub(naming.adopted_queue_url(parameter)), Sub(naming.adopted_queue_arn(parameter))
    return QueueRefs(url, arn, Ref(parameter))


def queue_refs(workflow: Workflow) -> QueueRefs:
    """Return what stands for the queue from which a workflow takes its messages."""
    return adopted_queue(workflow.adopt.queue) if workflow.adopt.queue else made_queue(QUEUE)


def dead_letter_queue_refs(workflow: Workflow) -> QueueRefs:
    """Return what stands for the queue with the messages that failed for good."""
    adopted = workflow.adopt.dead_letter_queue
    return adopted_queue(adopted) if adopted else made_queue(DEAD_LETTER_QUEUE)


def add_queue(template: Template, workflow: Workflow) -> None:
    """Add the queue and its dead-letter queue, or the parameters of those that exist."""
    adopted = [name for name in (workflow.adopt.queue, workflow.adopt.dead_letter_queue) if name]
    for parameter in adopted:
        form = "the name of a standard queue of this account and region, not its URL or ARN"
        description = "Name of an existing queue, which keeps its attributes: see docs/reference/adopt.md"
        template.add_parameter(required(parameter, naming.QUEUE_NAME_PATTERN, form, description))
    if not adopted:
        _add_queues(template, workflow)


def _add_queues(template: Template, workflow: Workflow) -> None:
    """Add the queue and its dead-letter queue, encrypted and open to TLS only (requirement 8.5, property 32)."""
    name = naming.resource(workflow.name, "queue")
    template.add_resource(
        sqs.Queue(
            DEAD_LETTER_QUEUE,
            QueueName=Sub(naming.resource(workflow.name, "dead-letter-queue")),
            MessageRetentionPeriod=budget.RETENTION_S,
            SqsManagedSseEnabled=if_key(NoValue, True),
            KmsMasterKeyId=key_if_any(),
            # The queue's ARN is built from its name: GetAtt both ways would be a circle.
            RedriveAllowPolicy={
                "redrivePermission": "byQueue",
                "sourceQueueArns": [Sub(naming.arn("sqs", name))],
            },
            **KEEP,
        )
    )
    template.add_resource(
        sqs.Queue(
            QUEUE,
            QueueName=Sub(name),
            MessageRetentionPeriod=budget.RETENTION_S,
            VisibilityTimeout=budget.visibility_timeout_s(workflow),
            MaximumMessageSize=budget.MAX_MESSAGE_BYTES,
            SqsManagedSseEnabled=if_key(NoValue, True),
            KmsMasterKeyId=key_if_any(),
            RedrivePolicy=_redrive(),
            **KEEP,
        )
    )
    for logical_id, rule in ((QUEUE, object_rule_name(workflow)), (DEAD_LETTER_QUEUE, None)):
        add_queue_policy(template, logical_id, sent_by(rule, logical_id))


@shared
def _redrive() -> sqs.RedrivePolicy:
    return sqs.RedrivePolicy(deadLetterTargetArn=GetAtt(DEAD_LETTER_QUEUE, "Arn"), maxReceiveCount=budget.MAX_RECEIVES)


def object_rule_name(workflow: Workflow) -> str | None:
    """Return the name of the event rule that sends messages of new objects; None if the workflow has none."""
    return naming.resource(workflow.name, "objects") if workflow.s3_events else None


def sent_by(rule: str | None, queue: str) -> PolicyDocument:
    """Return the policy of a queue, by its logical id, to which no service may send but for that rule.

    A role's own policies suffice to send.
    """
    if rule is None:
        return _tls_only(queue)
    return permissions.rule_queue_policy("NewObjects", GetAtt(queue, "Arn"), rule)


@shared
def _tls_only(queue: str) -> PolicyDocument:
    return permissions.tls_only("sqs", GetAtt(queue, "Arn"))


def add_unsent_queue(template: Template, logical_id: str, name: str, policy: PolicyDocument) -> None:
    """Add a queue for what could not be sent, with its policy; nothing takes messages from it."""
    template.add_resource(
        sqs.Queue(
            logical_id,
            QueueName=Sub(name),
            MessageRetentionPeriod=budget.RETENTION_S,
            SqsManagedSseEnabled=if_key(NoValue, True),
            KmsMasterKeyId=key_if_any(),
            **KEEP,
        )
    )
    add_queue_policy(template, logical_id, policy)


def add_queue_policy(template: Template, queue: str, policy: PolicyDocument) -> None:
    """Add the policy of one queue, by its logical id: the resource of a queue's policy can be that queue alone."""
    template.add_resource(sqs.QueuePolicy(f"{queue}Policy", Queues=[Ref(queue)], PolicyDocument=policy, **KEEP))
