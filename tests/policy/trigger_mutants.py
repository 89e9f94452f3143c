"""Wrong schedules, rules on new objects, and queues that they send to: changes that a rule or check must notice."""

from __future__ import annotations

from tests.policy.changes import Change, Mutant, arn, drop, of, sub, without
from tests.policy.samples import Json

KIND = "triggered"
TARGET = ("Targets", 0)
PATTERN = ("EventPattern", "detail")
SCHEDULER = "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:"


def trust(*place: object) -> Change:
    return of("ScheduleRole", "AssumeRolePolicyDocument", "Statement", 0, *place)


def statement(queue: str, *place: object) -> Change:
    return of(f"{queue}Policy", "PolicyDocument", "Statement", 0, *place)


def add_statement(queue: str, **fields: object) -> Change:
    """Return the change by which a queue's policy allows one more sender."""

    def change(data: Json) -> None:
        allowed = {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": [arn(queue)], **fields}
        data["Resources"][f"{queue}Policy"]["Properties"]["PolicyDocument"]["Statement"].append(allowed)

    return change


def add_target(data: Json) -> None:
    targets = data["Resources"]["ObjectRule"]["Properties"]["Targets"]
    targets.append({"Id": "other", "Arn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}})


def copy_of(resource: str) -> Change:
    def change(data: Json) -> None:
        data["Resources"][f"Second{resource}"] = data["Resources"][resource]

    return change


def _mutants(rule: str, *changes: tuple[str, Change]) -> list[Mutant]:
    return [Mutant(rule, KIND, name, change) for name, change in changes]


TRIGGER_MUTANTS = [
    *_mutants(
        "P34_FAILURE_RULE", ("rewrites", of("FailureRule", *TARGET, "InputTransformer", {"InputTemplate": '"x"'}))
    ),
    *_mutants("P34_FAILURE_RULE", ("gives up", of("FailureRule", *TARGET, "RetryPolicy", {"MaximumRetryAttempts": 0}))),
    *_mutants(
        "SEC01_RETENTION",
        ("unsent messages for an hour", of("TriggerDeadLetterQueue", "MessageRetentionPeriod", 3600)),
        ("unsent messages for the default", without("TriggerDeadLetterQueue", "MessageRetentionPeriod")),
    ),
    *_mutants(
        "SEC01_QUEUE_ENCRYPTION",
        ("unsent messages in plain text", of("TriggerDeadLetterQueue", "SqsManagedSseEnabled", False)),
    ),
    *_mutants(
        "SEC04_SERVICES",
        (
            "rules of any account",
            without("QueuePolicy", "PolicyDocument", "Statement", 0, "Condition"),
        ),
    ),
    *_mutants(
        "SEC05_CONFUSED_DEPUTY",
        (
            "schedules of any group",
            trust("Condition", "ArnEquals", "aws:SourceArn", sub(f"{SCHEDULER}schedule-group/*")),
        ),
        (
            "one schedule, which Scheduler does not send",
            trust("Condition", "ArnEquals", "aws:SourceArn", sub(f"{SCHEDULER}schedule/a/b")),
        ),
        (
            "schedules of the account",
            trust("Condition", {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}),
        ),
        ("any schedule", trust("Condition", {})),
    ),
    *_mutants("SEC05_NAMED", ("a group without a name", without("ScheduleGroup", "Name"))),
    *_mutants(
        "SEC07_CUSTOMER_KEY",
        ("the message in AWS's key", without("Schedule", "KmsKeyArn")),
        ("unsent messages in AWS's key", without("TriggerDeadLetterQueue", "KmsMasterKeyId")),
    ),
    *_mutants(
        "SEC08_WATCHED",
        ("no alarm on schedules", drop("Resources", "UnsentSchedulesAlarm")),
    ),
    *_mutants(
        "SEC08_ALARMS",
        ("the tenth unsent message", of("UnsentTriggersAlarm", "Threshold", 10)),
        ("unsent messages summed", of("UnsentTriggersAlarm", "Statistic", "Sum")),
        ("the tenth unsent schedule", of("UnsentSchedulesAlarm", "Threshold", 10)),
        ("an alarm on schedules that tells nobody", without("UnsentSchedulesAlarm", "AlarmActions")),
        ("the tenth unsent object", of("UnsentObjectsAlarm", "Threshold", 10)),
    ),
]

TRIGGER_CHECK_MUTANTS = [
    *_mutants(
        "WIRE14_SCHEDULE",
        ("to the dead-letter queue", of("Schedule", "Target", "Arn", arn("DeadLetterQueue"))),
        ("to the state machine", of("Schedule", "Target", "Arn", {"Ref": "StateMachine"})),
        ("to another stack", of("Schedule", "Target", "Arn", "arn:aws:sqs:eu-west-1:123456789012:other")),
        ("unsent is lost", without("Schedule", "Target", "DeadLetterConfig")),
        ("unsent among failed", of("Schedule", "Target", "DeadLetterConfig", "Arn", arn("DeadLetterQueue"))),
        ("unsent to the queue", of("Schedule", "Target", "DeadLetterConfig", "Arn", arn("Queue"))),
        ("no message", without("Schedule", "Target", "Input")),
        ("no JSON", of("Schedule", "Target", "Input", "go")),
        ("a list", of("Schedule", "Target", "Input", "[]")),
        ("context attributes", of("Schedule", "Target", "Input", '{"at": "<aws.scheduler.scheduled-time>"}')),
        ("disabled", of("Schedule", "State", "DISABLED")),
        ("some time later", of("Schedule", "FlexibleTimeWindow", {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15})),
        ("five fields", of("Schedule", "ScheduleExpression", "cron(0 2 * * *)")),
        ("no time", without("Schedule", "ScheduleExpression")),
        ("no zone of IANA", of("Schedule", "ScheduleExpressionTimezone", "CET+1")),
        ("in the default group", without("Schedule", "GroupName")),
        ("in a group by name", of("Schedule", "GroupName", "default")),
    ),
    *_mutants(
        "WIRE15_OBJECT_RULE",
        ("to the dead-letter queue", of("ObjectRule", *TARGET, "Arn", arn("DeadLetterQueue"))),
        (
            "to the topic",
            of("ObjectRule", *TARGET, "Arn", {"Fn::ImportValue": sub("ceap-foundation-${Environment}-AlertTopic")}),
        ),
        ("to a second queue too", add_target),
        ("nowhere", of("ObjectRule", "Targets", [])),
        ("the whole event", without("ObjectRule", *TARGET, "InputTransformer")),
        ("in quotes", of("ObjectRule", *TARGET, "InputTransformer", "InputTemplate", '{"key": "<key>"}')),
        (
            "another value",
            of("ObjectRule", *TARGET, "InputTransformer", "InputPathsMap", "key", "$.detail.object.etag"),
        ),
        ("a fixed message", of("ObjectRule", *TARGET, "Input", "{}")),
        ("unsent is lost", without("ObjectRule", *TARGET, "DeadLetterConfig")),
        ("unsent among failed", of("ObjectRule", *TARGET, "DeadLetterConfig", "Arn", arn("DeadLetterQueue"))),
        ("another bucket", of("ObjectRule", *PATTERN, "bucket", "name", ["other-exports"])),
        (
            "two buckets",
            of("ObjectRule", *PATTERN, "bucket", "name", [sub("my-exports-${Environment}"), "other-exports"]),
        ),
        ("every bucket", without("ObjectRule", *PATTERN, "bucket")),
        (
            "the workflow bucket",
            of("ObjectRule", *PATTERN, "bucket", "name", [sub("ceap-workflow-${Environment}-${AWS::AccountId}")]),
        ),
        ("deleted objects", of("ObjectRule", "EventPattern", "detail-type", ["Object Deleted"])),
        ("deleted objects too", of("ObjectRule", "EventPattern", "detail-type", ["Object Created", "Object Deleted"])),
        ("every event", without("ObjectRule", "EventPattern", "detail-type")),
        ("executions too", of("ObjectRule", "EventPattern", "source", ["aws.s3", "aws.states"])),
        ("by status", of("ObjectRule", *PATTERN, "status", ["FAILED"])),
        ("by an unknown filter", of("ObjectRule", *PATTERN, "object", "key", [{"anything-but": "a"}])),
        ("by key alone", of("ObjectRule", *PATTERN, "object", "key", ["orders/1.csv"])),
        ("disabled", of("ObjectRule", "State", "DISABLED")),
        ("on another bus", of("ObjectRule", "EventBusName", "orders")),
        ("another name than the policy's", of("ObjectRule", "Name", sub("ceap-triggered-${Environment}-uploads"))),
        ("without the name in the policy", without("ObjectRule", "Name")),
        ("not in the queue's policy", statement("Queue", "Effect", "Deny")),
        ("for another action", statement("Queue", "Action", ["sqs:ReceiveMessage"])),
    ),
    *_mutants(
        "WIRE16_QUEUE_SENDERS",
        ("every rule", statement("Queue", "Condition", "ArnEquals", "aws:SourceArn", sub("arn:aws:events:*:*:rule/*"))),
        ("any rule", statement("Queue", "Condition", {})),
        ("every action", statement("Queue", "Action", ["sqs:*"])),
        ("two services", statement("Queue", "Principal", {"Service": ["events.amazonaws.com", "sns.amazonaws.com"]})),
        ("a topic", add_statement("Queue", Principal={"Service": "sns.amazonaws.com"})),
        ("the account", add_statement("Queue", Principal={"AWS": {"Ref": "AWS::AccountId"}})),
        ("Scheduler, which has a role", add_statement("Queue", Principal={"Service": "scheduler.amazonaws.com"})),
        ("a sender of dead letters", add_statement("DeadLetterQueue", Principal={"Service": "events.amazonaws.com"})),
        ("a queue without a policy", drop("Resources", "TriggerDeadLetterQueuePolicy")),
    ),
    *_mutants(
        "WIRE05_UNDELIVERED_ALERTS",
        ("unsent objects refused", statement("TriggerDeadLetterQueue", "Effect", "Deny")),
    ),
    *_mutants(
        "WIRE01_OWN_ROLE",
        ("the pipe's role", of("Schedule", "Target", "RoleArn", arn("PipeRole"))),
        (
            "trusts another group",
            trust("Condition", "ArnEquals", "aws:SourceArn", sub(f"{SCHEDULER}schedule-group/other")),
        ),
        ("trusts another service", trust("Principal", "Service", "events.amazonaws.com")),
        ("no role", of("Schedule", "Target", "RoleArn", arn("Queue"))),
    ),
    *_mutants(
        "WIRE03_ALARM_DIMENSION",
        (
            "another queue than that of the unsent",
            of("UnsentTriggersAlarm", "Dimensions", 0, "Value", {"Fn::GetAtt": ["Queue", "QueueName"]}),
        ),
        ("a schedule", of("UnsentSchedulesAlarm", "Dimensions", 0, "Value", {"Ref": "Schedule"})),
        ("the failure rule", of("UnsentObjectsAlarm", "Dimensions", 0, "Value", {"Ref": "FailureRule"})),
    ),
    *_mutants(
        "P42_GRANTS_ARE_USES",
        (
            "receives too",
            of(
                "ScheduleRole",
                "Policies",
                0,
                "PolicyDocument",
                "Statement",
                0,
                "Action",
                ["sqs:SendMessage", "sqs:ReceiveMessage"],
            ),
        ),
        (
            "sends to the dead letters",
            of("ScheduleRole", "Policies", 0, "PolicyDocument", "Statement", 0, "Resource", [arn("DeadLetterQueue")]),
        ),
        (
            "keeps nothing",
            drop("Resources", "ScheduleRole", "Properties", "Policies", 0, "PolicyDocument", "Statement", 1),
        ),
        ("without the key", drop("Resources", "ScheduleRole", "Properties", "Policies", 1)),
    ),
    *_mutants(
        "P38_ONE_STACK_NAME",
        ("a schedule of another stack", of("Schedule", "Name", sub("ceap-other-${Environment}-schedule"))),
        ("a group of another stack", of("ScheduleGroup", "Name", sub("ceap-other-${Environment}-schedule"))),
    ),
    *_mutants(
        "CFN06_KNOWN_RESOURCES",
        ("two schedules", copy_of("Schedule")),
        ("two rules on objects", copy_of("ObjectRule")),
        ("a fifth queue", copy_of("TriggerDeadLetterQueue")),
        ("to a FIFO queue", of("Schedule", "Target", "SqsParameters", {"MessageGroupId": "g"})),
        ("ends some day", of("Schedule", "EndDate", "2027-01-01T00:00:00Z")),
        ("with a role of its own", of("ObjectRule", *TARGET, "RoleArn", arn("PipeRole"))),
    ),
    Mutant(
        "CFN06_KNOWN_RESOURCES",
        "express",
        "a group without a schedule",
        lambda data: data["Resources"].update(Group={"Type": "AWS::Scheduler::ScheduleGroup", "Properties": {}}),
    ),
]
