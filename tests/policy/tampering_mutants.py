"""Tampering: changes that let others in or data out, run other code, or stop a workflow, which a rule must notice."""

from __future__ import annotations

from typing import Any

from tests.policy.changes import Change, Mutant, asl, of, put, state, sub
from tests.policy.samples import Json

STATEMENTS = ("PolicyDocument", "Statement")
ELSEWHERE = sub("arn:${AWS::Partition}:iam::123456789012:root")
ANYBODY = {"Effect": "Allow", "Principal": "*", "Action": ["dynamodb:Scan"], "Resource": ["*"]}
ARGUMENTS = ("DefaultArguments",)
VARIABLES = ("Environment", "Variables")
PAYLOAD = ("Parameters", "Payload")


def added(kind: str, **properties: Any) -> Change:
    return put("Resources", "Added", {"Type": f"AWS::{kind}", "Properties": properties})


def stated(policy: str, **statement: Any) -> Change:
    def change(data: Json) -> None:
        data["Resources"][policy]["Properties"]["PolicyDocument"]["Statement"].append(statement)

    return change


def let_in(policy: str, action: str, principal: Json) -> Change:
    return stated(policy, Effect="Allow", Principal=principal, Action=[action], Resource=["*"])


def locked_out(policy: str, action: str) -> Change:
    return stated(
        policy, Effect="Deny", Principal="*", Action=[action], Resource=["*"], Condition={"Null": {"a:b": "true"}}
    )


def permission(**properties: Any) -> Change:
    called = {"Action": "lambda:InvokeFunction", "FunctionName": {"Ref": "RateFunction"}}
    return added("Lambda::Permission", **called, **properties)


def versioned(**rule: Any) -> Change:
    def change(data: Json) -> None:
        bucket = data["Resources"]["WorkflowBucket"]["Properties"]
        bucket["VersioningConfiguration"] = {"Status": "Enabled"}
        bucket["LifecycleConfiguration"]["Rules"].append({"Status": "Enabled", **rule})

    return change


def ignoring(*checks: str) -> Json:
    return {"cfn-lint": {"config": {"ignore_checks": list(checks)}}}


def both_encryptions(data: Json) -> None:
    data["Resources"]["Queue"]["Properties"]["SqsManagedSseEnabled"] = True


MAPPING = "Lambda::EventSourceMapping"
OWN_SOURCE = sub("arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/r")
TOPIC_STATEMENT = ("AlertTopicPolicy", *STATEMENTS)

TAMPERING_MUTANTS = [
    Mutant(rule, kind, name, change)
    for rule, kind, name, change in (
        (
            "P41_PIPE_PASSES_ALL",
            "express",
            "in an envelope",
            added("SNS::Subscription", Protocol="sqs", Endpoint={"Fn::GetAtt": ["Queue", "Arn"]}),
        ),
        ("ASL02_UNWRAPS_MESSAGE", "express", "the array after all", state("ReceiveMessage", "ResultPath", None)),
        (
            "ASL03_CLOSED_VOCABULARY",
            "express",
            "a retrier's field misspelt",
            state("RateStage", "Retry", 1, "maxAttempts", 2),
        ),
        ("ASL03_CLOSED_VOCABULARY", "express", "null", state("RateStage", "ResultSelector", None)),
        ("ASL03_CLOSED_VOCABULARY", "standard", "version", asl(put("Version", "2.0"))),
        (
            "P07_EXECUTIONS_EXPIRE",
            "foundation",
            "old versions elsewhere",
            versioned(Prefix="other/", NoncurrentVersionExpiration={"NoncurrentDays": 1}),
        ),
        ("P08_CONTEXT_PAYLOAD", "express", "a field that is null", state("RateStage", *PAYLOAD, "retry", None)),
        (
            "P08_CONTEXT_PAYLOAD",
            "express",
            "a parameter that is null",
            state("RateStage", "Parameters", "Qualifier", None),
        ),
        ("P12_EXPRESS_LIMIT", "express", "a limit that is none", state("RateStage", "TimeoutSeconds", 99999999)),
        (
            "P22_GLUE_ARGUMENTS",
            "standard",
            "an argument that is null",
            state("HeavyStage", "Parameters", "Arguments", "--more", None),
        ),
        (
            "P32_DEAD_LETTER_QUEUE",
            "express",
            "dead letters go on",
            of("DeadLetterQueue", "RedrivePolicy", {"deadLetterTargetArn": "arn", "maxReceiveCount": 1}),
        ),
        ("P34_FAILURE_RULE", "standard", "every minute", of("FailureRule", "ScheduleExpression", "rate(1 minute)")),
        ("P34_FAILURE_RULE", "standard", "always the same", of("FailureRule", "Targets", 0, "Input", '"failed"')),
        ("P34_FAILURE_RULE", "standard", "a part", of("FailureRule", "Targets", 0, "InputPath", "$.detail.status")),
        (
            "P41_PIPE",
            "express",
            "waits for more",
            of("Pipe", "SourceParameters", "SqsQueueParameters", "MaximumBatchingWindowInSeconds", 300),
        ),
        ("P41_ONE_CONSUMER", "express", "a function, by Fn::Sub", added(MAPPING, EventSourceArn=sub("${Queue.Arn}"))),
        (
            "P41_ONE_CONSUMER",
            "standard",
            "a function, by name",
            added(
                MAPPING,
                EventSourceArn=sub("arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:ceap-standard-${Environment}-queue"),
            ),
        ),
        ("SEC01_QUEUE_ENCRYPTION", "express", "two at once", both_encryptions),
        (
            "SEC01_DEAD_LETTER_SOURCES",
            "express",
            "misspelt",
            of("DeadLetterQueue", "RedriveAllowPolicy", {"RedrivePermission": "byQueue", "SourceQueueArns": ["arn"]}),
        ),
        ("SEC01_QUEUE_TLS", "express", "the pipe locked out", locked_out("QueuePolicy", "sqs:ReceiveMessage")),
        ("SEC02_OUTPUTS_STAY", "foundation", "copied", of("WorkflowBucket", "ReplicationConfiguration", {"Rules": []})),
        ("SEC02_OUTPUTS_STAY", "foundation", "announced", of("WorkflowBucket", "NotificationConfiguration", {})),
        ("SEC02_OUTPUTS_STAY", "foundation", "a website", of("WorkflowBucket", "WebsiteConfiguration", {})),
        ("SEC02_OUTPUTS_STAY", "foundation", "locked", of("WorkflowBucket", "ObjectLockEnabled", True)),
        (
            "SEC02_OUTPUTS_STAY",
            "foundation",
            "workflows locked out",
            locked_out("WorkflowBucketPolicy", "s3:PutObject"),
        ),
        ("SEC03_ALERT_TOPIC", "foundation", "subscribed", of("AlertTopic", "Subscription", [{"Protocol": "http"}])),
        ("SEC03_ALERT_TOPIC", "foundation", "alerts locked out", locked_out("AlertTopicPolicy", "sns:Publish")),
        (
            "SEC03_ALERT_TOPIC",
            "foundation",
            "alarms of others",
            of(
                *TOPIC_STATEMENT,
                0,
                "Condition",
                "ArnLike",
                "aws:SourceArn",
                sub("arn:${AWS::Partition}:cloudwatch:*:*:alarm:x"),
            ),
        ),
        (
            "SEC03_ALERT_TOPIC",
            "foundation",
            "rules of others",
            of(
                *TOPIC_STATEMENT,
                1,
                "Condition",
                "ArnLike",
                "aws:SourceArn",
                sub("arn:${AWS::Partition}:events:*:*:rule/x"),
            ),
        ),
        (
            "SEC04_NOBODY_ELSE",
            "express",
            "another account",
            let_in("QueuePolicy", "sqs:SendMessage", {"AWS": ELSEWHERE}),
        ),
        (
            "SEC04_NOBODY_ELSE",
            "foundation",
            "an account to be named",
            let_in("AlertTopicPolicy", "sns:Subscribe", {"AWS": {"Ref": "KmsKeyArn"}}),
        ),
        (
            "SEC04_NOBODY_ELSE",
            "express",
            "anybody with a key",
            let_in(
                "QueuePolicy", "sqs:SendMessage", {"Fn::If": ["HasKmsKey", "*", {"AWS": {"Ref": "AWS::AccountId"}}]}
            ),
        ),
        (
            "SEC04_NOBODY_ELSE",
            "foundation",
            "an identity provider",
            let_in("WorkflowBucketPolicy", "s3:GetObject", {"Federated": "example.com"}),
        ),
        (
            "SEC04_NOBODY_ELSE",
            "foundation",
            "another owner",
            let_in("WorkflowBucketPolicy", "s3:GetObject", {"CanonicalUser": "79a5"}),
        ),
        ("SEC04_FUNCTIONS", "express", "another account", permission(Principal="123456789012", SourceArn=OWN_SOURCE)),
        (
            "SEC04_FUNCTIONS",
            "express",
            "a rule of another account",
            permission(Principal="events.amazonaws.com", SourceArn="arn:aws:events:us-east-1:123456789012:rule/r"),
        ),
        (
            "SEC04_FUNCTIONS",
            "express",
            "a bucket of another account",
            permission(Principal="s3.amazonaws.com", SourceArn="arn:aws:s3:::b", SourceAccount="123456789012"),
        ),
        (
            "SEC04_FUNCTIONS",
            "standard",
            "all actions",
            added("Lambda::Permission", Action="lambda:*", Principal="events.amazonaws.com", SourceArn=OWN_SOURCE),
        ),
        ("SEC07_ALWAYS_THERE", "foundation", "output", put("Outputs", "WorkflowBucket", "Condition", "HasKmsKey")),
        ("SEC08_ALARMS", "express", "an age that none reaches", of("QueueAgeAlarm", "Threshold", 1209600)),
        (
            "SEC09_FUNCTION_RUNS",
            "express",
            "a secret, in small letters",
            of("RateFunction", *VARIABLES, "apiKey", "k"),
        ),
        ("SEC09_FUNCTION_CODE", "express", "a layer", of("RateFunction", "Layers", ["arn"])),
        ("SEC09_FUNCTION_CODE", "express", "a dead-letter queue", of("RateFunction", "DeadLetterConfig", {})),
        ("SEC09_JOB", "standard", "other code", of("HeavyJob", *ARGUMENTS, "--extra-py-files", "s3://b/k.zip")),
        (
            "SEC09_JOB",
            "standard",
            "bookmarks",
            of("HeavyJob", *ARGUMENTS, "--job-bookmark-option", "job-bookmark-enable"),
        ),
        (
            "SEC09_JOB",
            "standard",
            "another output",
            of("HeavyJob", "NonOverridableArguments", {"--output-bucket": "b"}),
        ),
        ("SEC09_JOB", "standard", "a network", of("HeavyJob", "Connections", {"Connections": ["c"]})),
        ("SEC09_JOB", "standard", "workers and capacity", of("HeavyJob", "MaxCapacity", 10)),
    )
]

TAMPERING_CHECK_MUTANTS = [
    Mutant(rule, kind, name, change)
    for rule, kind, name, change in (
        ("CFN05_LINT_JUDGES", "express", "errors", put("Metadata", ignoring("E"))),
        ("CFN05_LINT_JUDGES", "standard", "a class", put("Metadata", ignoring("E3012", "E3"))),
        ("CFN05_LINT_JUDGES", "foundation", "in a resource", put("Resources", "AlertTopic", "Metadata", ignoring("W"))),
        ("CFN04_NO_TRANSFORM", "express", "a macro", put("Transform", "Ours")),
        ("CFN04_NO_TRANSFORM", "standard", "one of two", put("Transform", ["AWS::LanguageExtensions", "Ours"])),
        ("CFN04_NO_TRANSFORM", "foundation", "an include", put("Transform", {"Name": "AWS::Include"})),
        ("CFN04_NO_TRANSFORM", "express", "AWS's own", put("Transform", "AWS::LanguageExtensions")),
        ("CFN04_NO_TRANSFORM", "standard", "in a property", of("Queue", "Fn::Transform", {"Name": "AWS::Include"})),
        ("CFN04_NO_TRANSFORM", "foundation", "a module", put("Resources", "More", {"Type": "A::B::C::MODULE"})),
        ("CFN07_NO_DYNAMIC_REFERENCE", "express", "a number", of("Queue", "VisibilityTimeout", "{{resolve:ssm:x}}")),
        (
            "CFN07_NO_DYNAMIC_REFERENCE",
            "standard",
            "a variable",
            of("RateFunction", *VARIABLES, "PASSWORD", "{{resolve:secretsmanager:x}}"),
        ),
        (
            "CFN07_NO_DYNAMIC_REFERENCE",
            "foundation",
            "in two parts",
            of("AlertTopic", "DisplayName", {"Fn::Join": ["", ["{{res", "olve:ssm:x}}"]]}),
        ),
        (
            "WIRE08_HANDLER_ENVIRONMENT",
            "express",
            "data go elsewhere",
            of("RateFunction", *VARIABLES, "AWS_ENDPOINT_URL", "http://example.com"),
        ),
        ("WIRE08_HANDLER_ENVIRONMENT", "standard", "other code", of("RateFunction", *VARIABLES, "PYTHONPATH", "/tmp")),
        (
            "WIRE08_HANDLER_ENVIRONMENT",
            "express",
            "messages are logged",
            of("RateFunction", *VARIABLES, "POWERTOOLS_LOGGER_LOG_EVENT", "true"),
        ),
        (
            "WIRE03_ALARM_DIMENSION",
            "express",
            "a second dimension",
            of(
                "DeadLettersAlarm",
                "Dimensions",
                [
                    {"Name": "QueueName", "Value": {"Fn::GetAtt": ["DeadLetterQueue", "QueueName"]}},
                    {"Name": "Stage", "Value": "prod"},
                ],
            ),
        ),
        (
            "IAM06_NOBODY_ELSE",
            "foundation",
            "a table for anybody",
            of(
                "RecordsTable",
                "ResourcePolicy",
                {"PolicyDocument": {"Version": "2012-10-17", "Statement": [ANYBODY]}},
            ),
        ),
        (
            "IAM06_NOBODY_ELSE",
            "foundation",
            "a key for another account",
            added(
                "KMS::Key",
                KeyPolicy={
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Effect": "Allow", "Principal": {"AWS": ELSEWHERE}, "Action": ["kms:Decrypt"], "Resource": "*"}
                    ],
                },
            ),
        ),
        (
            "IAM06_NOBODY_ELSE",
            "express",
            "a bus for anybody",
            added("Events::EventBusPolicy", StatementId="s", Statement=ANYBODY | {"Action": "events:PutEvents"}),
        ),
    )
]
