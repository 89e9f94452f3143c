"""Wrong names, imports, outputs, tables and conditions: changes that a check must notice."""

from __future__ import annotations

from typing import Any

from tests.policy.changes import Change, Mutant, arn, drop, imports, of, put, sub, without
from tests.policy.samples import Json

VARIABLES = ("Environment", "Variables")
TARGET = ("Targets", 0)
TOKENS = "DefinitionSubstitutions"
EQUALS_KEY = {"Fn::Equals": [{"Ref": "KmsKeyArn"}, ""]}


def swap_outputs(data: Json) -> None:
    outputs = data["Outputs"]
    outputs["QueueUrl"], outputs["DeadLetterQueueUrl"] = outputs["DeadLetterQueueUrl"], outputs["QueueUrl"]


def output(name: str, value: Any) -> Change:
    return put("Outputs", name, "Value", value)


def condition(name: str, value: Any) -> Change:
    return put("Conditions", name, value)


def without_output(name: str) -> Change:
    return drop("Outputs", name)


NAMES = [
    Mutant(rule, kind, name, change)
    for rule, kind, name, change in (
        (
            "CFN02_NAMES_UNIQUE",
            "express",
            "functions",
            of("SiftFunction", "FunctionName", sub("ceap-express-${Environment}-Take")),
        ),
        (
            "CFN02_NAMES_UNIQUE",
            "express",
            "queues",
            of("Queue", "QueueName", sub("ceap-express-${Environment}-dead-letter-queue")),
        ),
        (
            "CFN02_NAMES_UNIQUE",
            "standard",
            "log groups",
            of("PipeLogGroup", "LogGroupName", sub("/aws/vendedlogs/states/ceap-standard-${Environment}")),
        ),
        (
            "P38_ONE_STACK_NAME",
            "express",
            "function",
            of("TakeFunction", "FunctionName", sub("ceap-expresss-${Environment}-Take")),
        ),
        (
            "P38_ONE_STACK_NAME",
            "express",
            "machine",
            of("StateMachine", "StateMachineName", sub("ceap-standard-${Environment}")),
        ),
        ("P38_ONE_STACK_NAME", "express", "pipe", of("Pipe", "Name", sub("ceap-express-${Environment}-pipe"))),
        ("P38_ONE_STACK_NAME", "express", "alarm", of("QueueAgeAlarm", "AlarmName", "MUTATED")),
        ("P38_ONE_STACK_NAME", "standard", "rule", of("FailureRule", "Name", sub("ceap-${Environment}-failures"))),
        (
            "P38_ONE_STACK_NAME",
            "standard",
            "service",
            of("TakeFunction", *VARIABLES, "POWERTOOLS_SERVICE_NAME", "x"),
        ),
    )
]

STACKS = [
    Mutant(rule, kind, name, change)
    for rule, kind, name, change in (
        (
            "WIRE10_IMPORTS",
            "express",
            "bucket for code",
            of("TakeFunction", "Code", "S3Bucket", imports("WorkflowBucket")),
        ),
        (
            "WIRE10_IMPORTS",
            "express",
            "artifacts for data",
            of("StateMachine", TOKENS, "WorkflowBucket", imports("ArtifactBucket")),
        ),
        ("WIRE10_IMPORTS", "express", "alarm", of("QueueAgeAlarm", "AlarmActions", [imports("WorkflowBucket")])),
        (
            "WIRE10_IMPORTS",
            "express",
            "misspelt",
            of("RateFunction", *VARIABLES, "TABLE_RATINGS", imports("RatingTableName")),
        ),
        ("WIRE10_IMPORTS", "standard", "rule", of("FailureRule", *TARGET, "Arn", imports("ArtifactBucket"))),
        (
            "WIRE10_IMPORTS",
            "standard",
            "elsewhere",
            of("TakeFunction", "Code", "S3Bucket", {"Fn::ImportValue": "bucket"}),
        ),
        ("WIRE11_OUTPUTS", "express", "swapped", swap_outputs),
        ("WIRE11_OUTPUTS", "standard", "name", output("StateMachineArn", {"Fn::GetAtt": ["StateMachine", "Name"]})),
        ("WIRE11_OUTPUTS", "express", "dead letters", output("QueueArn", arn("DeadLetterQueue"))),
        ("WIRE11_OUTPUTS", "standard", "queue", output("DeadLetterQueueArn", arn("Queue"))),
        ("WIRE11_OUTPUTS", "standard", "ARN of the machine", output("StateMachineName", arn("StateMachine"))),
        ("WIRE11_OUTPUTS", "express", "ARN of the pipe", output("PipeName", arn("Pipe"))),
        ("WIRE11_OUTPUTS", "express", "name of the pipe", output("PipeArn", {"Ref": "Pipe"})),
        ("WIRE11_OUTPUTS", "express", "other function", output("TakeFunctionName", {"Ref": "SiftFunction"})),
        ("WIRE11_OUTPUTS", "standard", "other logs", output("HeavyJobErrorLogGroupName", {"Ref": "PipeLogGroup"})),
        ("WIRE11_OUTPUTS", "foundation", "buckets", output("WorkflowBucket", {"Ref": "ArtifactBucket"})),
        ("WIRE11_OUTPUTS", "foundation", "ARN", output("ArtifactBucket", arn("ArtifactBucket"))),
        ("WIRE11_OUTPUTS", "foundation", "topic", output("AlertTopic", {"Ref": "WorkflowBucket"})),
        (
            "WIRE11_OUTPUTS",
            "foundation",
            "topic's name",
            output("AlertTopic", {"Fn::GetAtt": ["AlertTopic", "TopicName"]}),
        ),
        ("WIRE11_OUTPUTS", "foundation", "other table", output("RecordsTableName", {"Ref": "RatingsTable"})),
        ("WIRE11_OUTPUTS", "foundation", "missing", without_output("RatingsTableName")),
        (
            "WIRE11_OUTPUTS",
            "foundation",
            "renamed",
            put("Outputs", "AlertTopic", "Export", "Name", sub("alerts-${Environment}")),
        ),
        (
            "WIRE11_OUTPUTS",
            "foundation",
            "bucket's name",
            of("WorkflowBucket", "BucketName", sub("workflow-${Environment}")),
        ),
        ("WIRE21_ADOPTED", "foundation", "a topic always made", drop("Resources", "AlertTopic", "Condition")),
        (
            "WIRE21_ADOPTED",
            "foundation",
            "the policy of the other bucket",
            put("Resources", "WorkflowBucketPolicy", "Condition", "CreateArtifactBucket"),
        ),
        (
            "WIRE21_ADOPTED",
            "foundation",
            "a policy on an adopted topic",
            of("AlertTopicPolicy", "Topics", [{"Ref": "AlertTopicArn"}]),
        ),
        (
            "WIRE21_ADOPTED",
            "foundation",
            "a subscription to an adopted topic",
            put("Resources", "AlertEmailSubscription", "Condition", "CreateWorkflowBucket"),
        ),
        (
            "WIRE21_ADOPTED",
            "foundation",
            "the other bucket's parameter",
            condition("CreateWorkflowBucket", {"Fn::Equals": [{"Ref": "ArtifactBucketName"}, ""]}),
        ),
        (
            "WIRE21_ADOPTED",
            "foundation",
            "always adopted",
            put("Parameters", "ArtifactBucketName", "Default", "acme-code"),
        ),
        ("WIRE11_OUTPUTS", "foundation", "never adopted", output("WorkflowBucket", {"Ref": "WorkflowBucket"})),
        (
            "WIRE11_OUTPUTS",
            "foundation",
            "another's parameter",
            put("Outputs", "AlertTopic", "Value", "Fn::If", 2, "Ref", "WorkflowBucketName"),
        ),
        ("WIRE12_DECLARED_TABLES", "foundation", "key", of("RecordsTable", "KeySchema", 0, "AttributeName", "id")),
        ("WIRE12_DECLARED_TABLES", "foundation", "no range", without("RecordsTable", "KeySchema", 1)),
        (
            "WIRE12_DECLARED_TABLES",
            "foundation",
            "number",
            of("RatingsTable", "AttributeDefinitions", 0, "AttributeType", "N"),
        ),
        ("WIRE12_DECLARED_TABLES", "foundation", "no index", without("RecordsTable", "GlobalSecondaryIndexes")),
        (
            "WIRE12_DECLARED_TABLES",
            "foundation",
            "keys alone",
            of("RecordsTable", "GlobalSecondaryIndexes", 0, "Projection", "ProjectionType", "KEYS_ONLY"),
        ),
        (
            "WIRE12_DECLARED_TABLES",
            "foundation",
            "expiry",
            of("RatingsTable", "TimeToLiveSpecification", "AttributeName", "expires"),
        ),
        (
            "WIRE12_DECLARED_TABLES",
            "foundation",
            "no expiry",
            of("RatingsTable", "TimeToLiveSpecification", "Enabled", False),
        ),
        ("CFN03_OPTIONAL_PARAMETERS", "express", "not turned", condition("HasKmsKey", EQUALS_KEY)),
        (
            "CFN03_OPTIONAL_PARAMETERS",
            "express",
            "other value",
            condition("HasKmsKey", {"Fn::Not": [{"Fn::Equals": [{"Ref": "KmsKeyArn"}, "none"]}]}),
        ),
        (
            "CFN03_OPTIONAL_PARAMETERS",
            "standard",
            "branches",
            of("Queue", "KmsMasterKeyId", {"Fn::If": ["HasKmsKey", {"Ref": "AWS::NoValue"}, {"Ref": "KmsKeyArn"}]}),
        ),
        (
            "CFN03_OPTIONAL_PARAMETERS",
            "foundation",
            "adopted",
            condition("CreateRecordsTable", {"Fn::Not": [{"Fn::Equals": [{"Ref": "RecordsTableName"}, ""]}]}),
        ),
        (
            "CFN03_OPTIONAL_PARAMETERS",
            "foundation",
            "subscription",
            condition("HasAlertEmail", {"Fn::Equals": [{"Ref": "AlertEmail"}, ""]}),
        ),
        (
            "CFN03_OPTIONAL_PARAMETERS",
            "foundation",
            "both",
            condition("HasKmsKey", {"Fn::And": [EQUALS_KEY, {"Fn::Not": [{"Condition": "HasAlertEmail"}]}]}),
        ),
    )
]

STACK_MUTANTS = [*NAMES, *STACKS]
