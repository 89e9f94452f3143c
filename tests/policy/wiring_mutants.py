"""Wrong connections between resources: changes that a check must notice."""

from __future__ import annotations

from typing import Any

from tests.policy.changes import Change, Mutant, arn, drop, of, put, sub, swap, without
from tests.policy.samples import Json

LOGS_TO = ("LogConfiguration", "CloudwatchLogsLogDestination", "LogGroupArn")
DESTINATION = ("LoggingConfiguration", "Destinations", 0, "CloudWatchLogsLogGroup", "LogGroupArn")
LOG_PREFIX = ("DefaultArguments", "--custom-logGroup-prefix")
TARGET = ("Targets", 0)


def trust(role: str, *place: Any) -> Change:
    return of(role, "AssumeRolePolicyDocument", "Statement", 0, *place)


def watched(alarm: str, value: Any) -> Change:
    return of(alarm, "Dimensions", 0, "Value", value)


def alert_policy(*place: Any) -> Change:
    return of("AlertDeadLetterQueuePolicy", "PolicyDocument", "Statement", 0, *place)


def idle(data: Json) -> None:
    data["Resources"]["SpareRole"] = data["Resources"]["TakeFunctionRole"]


ROLES = [
    Mutant("WIRE01_OWN_ROLE", kind, name, change)
    for kind, name, change in (
        ("express", "shared", of("SiftFunction", "Role", arn("TakeFunctionRole"))),
        ("express", "a queue", of("SiftFunction", "Role", arn("Queue"))),
        ("express", "its name", of("SiftFunction", "Role", {"Ref": "SiftFunctionRole"})),
        ("express", "idle", idle),
        ("express", "other service", trust("TakeFunctionRole", "Principal", "Service", "states.amazonaws.com")),
        ("express", "pipe's for machine", swap("PipeRole", "StateMachineRole", "AssumeRolePolicyDocument")),
        ("standard", "job's", trust("HeavyJobRole", "Principal", "Service", "lambda.amazonaws.com")),
        (
            "standard",
            "other machine",
            trust(
                "StateMachineRole", "Condition", "ArnEquals", "aws:SourceArn", sub("arn:aws:states:::stateMachine:x")
            ),
        ),
        (
            "standard",
            "every pipe",
            trust(
                "PipeRole", "Condition", "ArnLike", {"aws:SourceArn": [sub("arn:${AWS::Partition}:pipes:*:*:pipe/*")]}
            ),
        ),
    )
]

LOGS = [
    Mutant("WIRE02_LOG_DESTINATION", kind, name, change)
    for kind, name, change in (
        ("express", "the pipe's", of("StateMachine", *DESTINATION, arn("PipeLogGroup"))),
        ("express", "the machine's", of("Pipe", *LOGS_TO, arn("StateMachineLogGroup"))),
        ("express", "swapped names", swap("StateMachineLogGroup", "PipeLogGroup", "LogGroupName")),
        ("express", "a queue", of("Pipe", *LOGS_TO, arn("Queue"))),
        (
            "standard",
            "outside vendedlogs",
            of("PipeLogGroup", "LogGroupName", sub("/aws/pipes/ceap-standard-${Environment}")),
        ),
        ("standard", "Glue's own", without("HeavyJob", *LOG_PREFIX)),
        ("standard", "another prefix", of("HeavyJob", *LOG_PREFIX, sub("/aws-glue/jobs/other-${Environment}"))),
        ("standard", "no errors", drop("Resources", "HeavyJobErrorLogGroup")),
        ("standard", "too late", put("Resources", "HeavyJob", "DependsOn", ["HeavyJobErrorLogGroup"])),
    )
]

ALARMS = [
    Mutant("WIRE03_ALARM_DIMENSION", kind, name, change)
    for kind, name, change in (
        ("express", "queue for dead letters", watched("DeadLettersAlarm", {"Fn::GetAtt": ["Queue", "QueueName"]})),
        (
            "express",
            "dead letters for queue",
            watched("QueueAgeAlarm", {"Fn::GetAtt": ["DeadLetterQueue", "QueueName"]}),
        ),
        ("express", "its URL", watched("DeadLettersAlarm", {"Ref": "DeadLetterQueue"})),
        ("express", "a queue", watched("FailedExecutionsAlarm", arn("Queue"))),
        ("express", "machine for pipe", watched("PipeFailuresAlarm", {"Ref": "StateMachine"})),
        ("express", "a text", watched("TimedOutExecutionsAlarm", "StateMachine")),
        ("standard", "dimension", of("AbortedExecutionsAlarm", "Dimensions", 0, "Name", "StateMachineName")),
        ("standard", "ARN of the rule", watched("UndeliveredAlertsAlarm", arn("FailureRule"))),
        ("standard", "none", without("FailedExecutionsAlarm", "Dimensions")),
        (
            "standard",
            "in an expression",
            of("KeepRejectedAlarm", "Metrics", 1, "MetricStat", "Metric", "Dimensions", 0, "Value", {"Ref": "Queue"}),
        ),
    )
]

STALE = [
    Mutant("WIRE13_STALE_ALARM", kind, name, change)
    for kind, name, change in (
        ("express", "no alarm", drop("Resources", "KeepStaleAlarm")),
        ("standard", "another function", watched("KeepStaleAlarm", {"Ref": "TakeFunction"})),
        ("express", "its ARN", watched("KeepStaleAlarm", arn("KeepFunction"))),
        ("express", "a text", watched("KeepStaleAlarm", "KeepFunction")),
        ("express", "dimension", of("KeepStaleAlarm", "Dimensions", 0, "Name", "Stage")),
        ("express", "no dimension", without("KeepStaleAlarm", "Dimensions")),
        (
            "standard",
            "a second dimension",
            of(
                "KeepStaleAlarm",
                "Dimensions",
                [{"Name": "FunctionName", "Value": {"Ref": "KeepFunction"}}, {"Name": "Stage", "Value": "KeepStage"}],
            ),
        ),
        ("express", "another metric", of("KeepStaleAlarm", "MetricName", "StoredCount")),
        ("standard", "another namespace", of("KeepStaleAlarm", "Namespace", "AWS/Lambda")),
    )
]


def counted(number: int, *place: Any) -> tuple[Any, ...]:
    """Return the place of something in a query of the alarm on rejected records: 1 counts these, 2 the input."""
    return ("Metrics", number, "MetricStat", "Metric", *place)


DIMENSION = ("Dimensions", 0)
REJECTED = [
    Mutant("WIRE20_REJECTED_ALARM", kind, name, change)
    for kind, name, change in (
        ("express", "no alarm", drop("Resources", "TakeRejectedAlarm")),
        ("express", "another alarm's", of("QueueAgeAlarm", "Metrics", [{"Id": "m", "Expression": "0"}])),
        (
            "standard",
            "another function",
            of("KeepRejectedAlarm", *counted(1, *DIMENSION, "Value"), {"Ref": "TakeFunction"}),
        ),
        ("express", "its ARN", of("KeepRejectedAlarm", *counted(2, *DIMENSION, "Value"), arn("KeepFunction"))),
        ("express", "dimension", of("KeepRejectedAlarm", *counted(1, *DIMENSION, "Name"), "Stage")),
        ("express", "no dimension", without("KeepRejectedAlarm", *counted(2, "Dimensions"))),
        ("express", "another metric", of("KeepRejectedAlarm", *counted(1, "MetricName"), "StoredCount")),
        ("standard", "another namespace", of("KeepRejectedAlarm", *counted(2, "Namespace"), "AWS/Lambda")),
        ("express", "turned round", of("SiftRejectedAlarm", "Metrics", 0, "Expression", "100 * input / rejected")),
        ("express", "a count", of("SiftRejectedAlarm", "Metrics", 0, "Expression", "rejected")),
        ("express", "names swapped", of("SiftRejectedAlarm", "Metrics", 1, "Id", "input")),
        ("express", "another is compared", of("SiftRejectedAlarm", "Metrics", 1, "ReturnData", True)),
        ("express", "nothing is compared", of("SiftRejectedAlarm", "Metrics", 0, "ReturnData", False)),
    )
]

QUEUES = [
    Mutant(f"WIRE{rule}", kind, name, change)
    for rule, kind, name, change in (
        (
            "04_DEAD_LETTER_SOURCES",
            "express",
            "itself",
            of(
                "DeadLetterQueue",
                "RedriveAllowPolicy",
                "sourceQueueArns",
                [
                    sub(
                        "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:ceap-express-${Environment}-dead-letter-queue"
                    )
                ],
            ),
        ),
        (
            "04_DEAD_LETTER_SOURCES",
            "express",
            "renamed",
            of("Queue", "QueueName", sub("ceap-express-${Environment}-messages")),
        ),
        (
            "04_DEAD_LETTER_SOURCES",
            "express",
            "by URL",
            of("Queue", "RedrivePolicy", "deadLetterTargetArn", {"Ref": "DeadLetterQueue"}),
        ),
        (
            "04_DEAD_LETTER_SOURCES",
            "standard",
            "a topic",
            of("Queue", "RedrivePolicy", "deadLetterTargetArn", arn("PipeLogGroup")),
        ),
        (
            "05_UNDELIVERED_ALERTS",
            "standard",
            "renamed",
            of("FailureRule", "Name", sub("ceap-standard-${Environment}-failed")),
        ),
        (
            "05_UNDELIVERED_ALERTS",
            "standard",
            "other queue",
            of("FailureRule", *TARGET, "DeadLetterConfig", "Arn", arn("DeadLetterQueue")),
        ),
        (
            "05_UNDELIVERED_ALERTS",
            "standard",
            "by URL",
            of("FailureRule", *TARGET, "DeadLetterConfig", "Arn", {"Ref": "AlertDeadLetterQueue"}),
        ),
        ("05_UNDELIVERED_ALERTS", "standard", "denied", alert_policy("Effect", "Deny")),
        (
            "05_UNDELIVERED_ALERTS",
            "standard",
            "other service",
            alert_policy("Principal", "Service", "sns.amazonaws.com"),
        ),
        ("05_UNDELIVERED_ALERTS", "standard", "other action", alert_policy("Action", ["sqs:ReceiveMessage"])),
        ("05_UNDELIVERED_ALERTS", "standard", "no policy", drop("Resources", "AlertDeadLetterQueuePolicy")),
    )
]


FIFO = [
    Mutant("WIRE17_NO_FIFO", kind, name, of("Queue", "FifoQueue", value))
    for kind, name, value in (
        ("express", "in order", True),
        ("standard", "in order", True),
        ("express", "in order with a key", {"Fn::If": ["HasKmsKey", True, False]}),
    )
]

WIRING_MUTANTS = [*ROLES, *LOGS, *ALARMS, *STALE, *REJECTED, *QUEUES, *FIFO]
