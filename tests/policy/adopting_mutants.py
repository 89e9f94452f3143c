"""Wrong workflows that adopt queues and an event bus: changes that a rule or check must notice."""

from __future__ import annotations

from tests.policy.changes import Change, Mutant, arn, drop, of, put, sub, without
from tests.policy.samples import Json

KIND = "adopting"
OURS = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:"
QUEUE, DEAD_LETTERS = sub(f"{OURS}${{OrdersQueueName}}"), sub(f"{OURS}${{OrdersDeadLetterQueueName}}")
NAME, DEAD_NAME = {"Ref": "OrdersQueueName"}, {"Ref": "OrdersDeadLetterQueueName"}
URL = "https://sqs.${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}/"
BATCH = ("SourceParameters", "SqsQueueParameters", "BatchSize")
BUS = ("Environment", "Variables", "EVENT_BUS")
DENIAL = ("PolicyDocument", "Statement", 0)
ADOPTED, KNOWN = "WIRE22_ADOPTED_QUEUES", "CFN06_KNOWN_RESOURCES"


def statement(role: str, sid: str, *place: object) -> Change:
    """Return the change of a statement in a role's own policy."""
    *keys, value = place

    def change(data: Json) -> None:
        [policy, *_] = data["Resources"][role]["Properties"]["Policies"]
        [found] = [each for each in policy["PolicyDocument"]["Statement"] if each["Sid"] == sid]
        put(*keys, value)(found)

    return change


def add_queue(**properties: object) -> Change:
    return put("Resources", "Other", {"Type": "AWS::SQS::Queue", "Properties": properties})


def add_policy(queue: object) -> Change:
    """Return the change that adds a policy to a queue, by its URL."""
    deny = {"Effect": "Deny", "Principal": "*", "Action": ["sqs:*"], "Resource": [QUEUE]}
    document = {"Version": "2012-10-17", "Statement": [deny]}
    properties = {"Queues": [queue], "PolicyDocument": document}
    return put("Resources", "AdoptedPolicy", {"Type": "AWS::SQS::QueuePolicy", "Properties": properties})


def parameter(name: str) -> Change:
    """Return the change that adds the parameter of one more queue."""

    def change(data: Json) -> None:
        data["Parameters"][name] = data["Parameters"]["OrdersQueueName"]

    return change


def swap_alarms(data: Json) -> None:
    for name, queue in (("QueueAgeAlarm", DEAD_NAME), ("DeadLettersAlarm", NAME)):
        data["Resources"][name]["Properties"]["Dimensions"][0]["Value"] = queue


def swap_outputs(data: Json) -> None:
    outputs = data["Outputs"]
    outputs["QueueUrl"]["Value"], outputs["DeadLetterQueueUrl"]["Value"] = (
        outputs["DeadLetterQueueUrl"]["Value"],
        outputs["QueueUrl"]["Value"],
    )


def body(old: str, new: str) -> Change:
    """Return the change of a text in the dashboard."""

    def change(data: Json) -> None:
        found = data["Resources"]["Dashboard"]["Properties"]["DashboardBody"]
        found["Fn::Sub"] = found["Fn::Sub"].replace(old, new)

    return change


def _mutants(*rows: tuple[str, str, Change]) -> list[Mutant]:
    return [Mutant(rule, KIND, name, change) for rule, name, change in rows]


ADOPTING_MUTANTS = _mutants(
    ("P41_PIPE", "a name alone", of("Pipe", "Source", NAME)),
    ("P41_PIPE", "a queue by its name", of("Pipe", "Source", sub(f"{OURS}orders-queue"))),
    ("P41_PIPE", "another parameter", of("Pipe", "Source", sub(f"{OURS}${{OrdersEventBusName}}"))),
    ("P41_PIPE", "of another account", of("Pipe", "Source", sub("arn:aws:sqs:eu-west-1:1:${OrdersQueueName}"))),
    ("P41_PIPE", "a longer name", of("Pipe", "Source", sub(f"{OURS}${{OrdersQueueName}}-other"))),
    ("P41_PIPE", "ten at once", of("Pipe", *BATCH, 10)),
    ("P41_PIPE", "to a queue", of("Pipe", "Target", arn("TriggerDeadLetterQueue"))),
    ("P41_PIPE_PASSES_ALL", "a filter", of("Pipe", "SourceParameters", "FilterCriteria", {"Filters": []})),
    ("P41_PIPE_PASSES_ALL", "stopped", of("Pipe", "DesiredState", "STOPPED")),
    ("P41_PIPE_PASSES_ALL", "rewrites", of("Pipe", "TargetParameters", "InputTemplate", "{}")),
    ("SEC08_WATCHED", "no alarm on the age", drop("Resources", "QueueAgeAlarm")),
    ("SEC08_ALARMS", "the first dead letters", of("DeadLettersAlarm", "Threshold", 5)),
    ("SEC01_QUEUE_ENCRYPTION", "unsent messages", of("TriggerDeadLetterQueue", "SqsManagedSseEnabled", False)),
    ("SEC01_QUEUE_TLS", "unsent messages", of("TriggerDeadLetterQueuePolicy", *DENIAL, "Action", ["sqs:SendMessage"])),
    ("SEC01_RETENTION", "unsent messages", without("TriggerDeadLetterQueue", "MessageRetentionPeriod")),
)

ADOPTING_CHECK_MUTANTS = _mutants(
    (ADOPTED, "a third queue", parameter("ThirdQueueName")),
    (ADOPTED, "no other queue", drop("Parameters", "OrdersDeadLetterQueueName")),
    (ADOPTED, "a queue with dead letters", add_queue(RedrivePolicy={"maxReceiveCount": 3})),
    (KNOWN, "a default", put("Parameters", "OrdersQueueName", "Default", "orders")),
    (KNOWN, "any text", put("Parameters", "OrdersQueueName", "AllowedPattern", ".*")),
    (KNOWN, "no pattern of the bus", put("Parameters", "OrdersEventBusName", "AllowedPattern", ".*")),
    (KNOWN, "a policy of the adopted queue", add_policy(sub(f"{URL}${{OrdersQueueName}}"))),
    (KNOWN, "another form of the URL", put("Outputs", "QueueUrl", "Value", {"Fn::Join": ["", [NAME]]})),
    ("WIRE03_ALARM_DIMENSION", "no alarm on dead letters", drop("Resources", "DeadLettersAlarm")),
    ("WIRE03_ALARM_DIMENSION", "swapped", swap_alarms),
    ("WIRE03_ALARM_DIMENSION", "the bus", of("QueueAgeAlarm", "Dimensions", 0, "Value", {"Ref": "OrdersEventBusName"})),
    ("WIRE03_ALARM_DIMENSION", "a text", of("DeadLettersAlarm", "Dimensions", 0, "Value", "orders")),
    ("WIRE08_HANDLER_ENVIRONMENT", "another bus", of("TellFunction", *BUS, {"Ref": "OrdersQueueName"})),
    ("WIRE08_HANDLER_ENVIRONMENT", "a bus by its name", of("TellFunction", *BUS, "orders")),
    ("WIRE11_OUTPUTS", "swapped", swap_outputs),
    ("WIRE11_OUTPUTS", "a URL for an ARN", put("Outputs", "QueueArn", "Value", sub(f"{URL}${{OrdersQueueName}}"))),
    ("WIRE11_OUTPUTS", "a text", put("Outputs", "DeadLetterQueueUrl", "Value", "https://example.com")),
    ("WIRE11_OUTPUTS", "a queue of the template", put("Outputs", "QueueArn", "Value", arn("TriggerDeadLetterQueue"))),
    ("WIRE14_SCHEDULE", "to the dead letters", of("Schedule", "Target", "Arn", DEAD_LETTERS)),
    ("WIRE14_SCHEDULE", "unsent among them", of("Schedule", "Target", "DeadLetterConfig", "Arn", DEAD_LETTERS)),
    ("WIRE16_QUEUE_SENDERS", "unsent messages", drop("Resources", "TriggerDeadLetterQueuePolicy")),
    ("WIRE18_DASHBOARD", "no queue", body("${OrdersQueueName}", "${OrdersDeadLetterQueueName}")),
    ("WIRE18_DASHBOARD", "another", body("${OrdersDeadLetterQueueName}", "${TriggerDeadLetterQueue}")),
    ("P33_REDELIVERY", "the alarm too early", of("QueueAgeAlarm", "Threshold", 600)),
    (
        "P42_GRANTS_ARE_USES",
        "the pipe any queue",
        statement("PipeRole", "TakeMessages", "Resource", 0, sub(f"{OURS}*")),
    ),
    (
        "P42_GRANTS_ARE_USES",
        "the pipe dead letters",
        statement("PipeRole", "TakeMessages", "Resource", 0, DEAD_LETTERS),
    ),
    (
        "P42_GRANTS_ARE_USES",
        "the schedule, too",
        statement("ScheduleRole", "SendMessages", "Resource", 0, DEAD_LETTERS),
    ),
    (
        "P42_GRANTS_ARE_USES",
        "the default bus",
        statement(
            "TellFunctionRole",
            "PublishEvents",
            "Resource",
            0,
            sub("arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"),
        ),
    ),
)
