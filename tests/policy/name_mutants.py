"""Wrong names: changes to the names of a golden template that would keep two stacks from standing side by side."""

from __future__ import annotations

from tests.policy.changes import Mutant, drop, of, put

ENVIRONMENT = ("Parameters", "Environment")
EXPORT = ("Outputs", "AlertTopic", "Export", "Name")

NAME_MUTANTS = [
    Mutant(f"P38_{rule}", kind, name, change)
    for rule, kind, name, change in (
        ("NAMES", "foundation", "fixed bucket", of("WorkflowBucket", "BucketName", "ceap-workflow")),
        (
            "NAMES",
            "foundation",
            "one per account",
            of("ArtifactBucket", "BucketName", "Fn::Sub", "x-${AWS::AccountId}"),
        ),
        ("NAMES", "foundation", "fixed table", of("RatingsTable", "TableName", {"Fn::Sub": "ceap-ratings"})),
        ("NAMES", "foundation", "fixed topic", of("AlertTopic", "TopicName", "ceap-alerts")),
        ("NAMES", "express", "fixed queue", of("Queue", "QueueName", "ceap-express-queue")),
        ("NAMES", "express", "fixed state machine", of("StateMachine", "StateMachineName", "ceap-express")),
        ("NAMES", "express", "fixed pipe", of("Pipe", "Name", {"Fn::Sub": "ceap-express"})),
        ("NAMES", "express", "fixed alarm", of("QueueAgeAlarm", "AlarmName", {"Fn::Sub": "ceap-queue-age"})),
        ("NAMES", "standard", "fixed rule", of("FailureRule", "Name", "ceap-standard-failures")),
        ("NAMES", "standard", "fixed job", of("HeavyJob", "Name", {"Fn::Sub": "ceap-standard-Heavy"})),
        ("NAMES", "standard", "one per Region", of("PipeLogGroup", "LogGroupName", "Fn::Sub", "/aws/${AWS::Region}")),
        ("NAMES", "standard", "fixed function", of("TakeFunction", "FunctionName", "ceap-standard-dev-Take")),
        ("ROLE_NAMES", "express", "of a function", of("TakeFunctionRole", "RoleName", {"Fn::Sub": "x-${Environment}"})),
        ("ROLE_NAMES", "express", "of the pipe", of("PipeRole", "RoleName", "pipe")),
        ("ROLE_NAMES", "standard", "of the job", of("HeavyJobRole", "RoleName", "job")),
        ("EXPORT_NAMES", "foundation", "fixed", put(*EXPORT, "AlertTopic")),
        ("EXPORT_NAMES", "foundation", "fixed by Fn::Sub", put(*EXPORT, "Fn::Sub", "ceap-foundation-AlertTopic")),
        ("EXPORT_NAMES", "foundation", "one per account", put(*EXPORT, "Fn::Sub", "${AWS::AccountId}-AlertTopic")),
        ("ENVIRONMENT", "foundation", "by default", put(*ENVIRONMENT, "Default", "dev")),
        ("ENVIRONMENT", "express", "any", drop(*ENVIRONMENT, "AllowedPattern")),
        ("ENVIRONMENT", "standard", "with hyphens", put(*ENVIRONMENT, "AllowedPattern", "^[a-z][a-z0-9-]{0,11}$")),
        ("ENVIRONMENT", "standard", "too long", put(*ENVIRONMENT, "AllowedPattern", "^[a-z][a-z0-9]{0,12}$")),
    )
]
