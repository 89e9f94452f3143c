"""Wrong defaults: changes to buckets, the topic, policies and trust of a golden template that a rule must notice."""

from __future__ import annotations

from typing import Any

from tests.policy.changes import Change, Mutant, drop, of, put, without
from tests.policy.samples import Json

ENCRYPTION = ("BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault")
PUBLIC = "PublicAccessBlockConfiguration"
RULE = ("LifecycleConfiguration", "Rules", 0)
STATEMENTS = ("PolicyDocument", "Statement")
CONFUSED_DEPUTY = "SEC05_CONFUSED_DEPUTY"
ACCOUNT = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
STATES_ARN = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:"


def add(kind: str, **properties: Any) -> Change:
    return put("Resources", "Added", {"Type": f"AWS::{kind}", "Properties": properties})


def denial(bucket: str, *place: Any) -> Change:
    return of(f"{bucket}Policy", *STATEMENTS, 0, *place)


def second_rule(prefix: str) -> Change:
    def change(data: Json) -> None:
        rules = data["Resources"]["WorkflowBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
        rules.append({"Status": "Enabled", "Prefix": prefix, "ExpirationInDays": 1})

    return change


def topic_statement(*place: Any) -> Change:
    return of("AlertTopicPolicy", *STATEMENTS, *place)


def queue_statement(*place: Any) -> Change:
    return of("AlertDeadLetterQueuePolicy", *STATEMENTS, 0, *place)


def trust(role: str, *place: Any) -> Change:
    return of(role, "AssumeRolePolicyDocument", "Statement", 0, *place)


def second_trust(data: Json) -> None:
    statements = data["Resources"]["TakeFunctionRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    statements.append({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})


BUCKETS = [
    Mutant(f"SEC02_BUCKET_{rule}", "foundation", name, change)
    for rule, name, change in (
        ("ENCRYPTION", "none", without("WorkflowBucket", "BucketEncryption")),
        ("ENCRYPTION", "none without a key", of("ArtifactBucket", *ENCRYPTION, "SSEAlgorithm", "Fn::If", 2, "none")),
        (
            "ENCRYPTION",
            "none with a key",
            of("ArtifactBucket", *ENCRYPTION, "SSEAlgorithm", "Fn::If", 1, {"Ref": "AWS::NoValue"}),
        ),
        ("PRIVATE", "public ACLs", of("WorkflowBucket", PUBLIC, "BlockPublicAcls", False)),
        ("PRIVATE", "public policies", of("ArtifactBucket", PUBLIC, "BlockPublicPolicy", False)),
        ("PRIVATE", "public ACLs count", without("ArtifactBucket", PUBLIC, "IgnorePublicAcls")),
        ("PRIVATE", "public policies count", of("WorkflowBucket", PUBLIC, "RestrictPublicBuckets", "false")),
        ("PRIVATE", "nothing blocked", without("WorkflowBucket", PUBLIC)),
        (
            "PRIVATE",
            "writers own objects",
            of("WorkflowBucket", "OwnershipControls", "Rules", 0, "ObjectOwnership", "ObjectWriter"),
        ),
        ("PRIVATE", "an ACL", of("ArtifactBucket", "AccessControl", "PublicRead")),
        ("TLS", "one bucket has no policy", drop("Resources", "ArtifactBucketPolicy")),
        ("TLS", "the policy of the other bucket", of("WorkflowBucketPolicy", "Bucket", {"Ref": "ArtifactBucket"})),
        ("TLS", "allowed", denial("WorkflowBucket", "Effect", "Allow")),
        ("TLS", "reading alone", denial("WorkflowBucket", "Action", ["s3:GetObject"])),
        ("TLS", "for one service", denial("ArtifactBucket", "Principal", {"Service": "glue.amazonaws.com"})),
        ("TLS", "turned", denial("ArtifactBucket", "Condition", "Bool", "aws:SecureTransport", "true")),
        ("TLS", "not on objects", without("ArtifactBucketPolicy", *STATEMENTS, 0, "Resource", 1)),
        ("TLS", "not on the bucket", without("ArtifactBucketPolicy", *STATEMENTS, 0, "Resource", 0)),
        ("TLS", "on some objects", denial("WorkflowBucket", "Resource", 1, "Fn::Join", 1, 1, "/executions/*")),
        ("TLS", "on other objects", denial("WorkflowBucket", "Resource", 1, "Fn::Join", 0, "-")),
        (
            "TLS",
            "on the objects of the other bucket",
            denial("WorkflowBucket", "Resource", 1, "Fn::Join", 1, 0, {"Fn::GetAtt": ["ArtifactBucket", "Arn"]}),
        ),
        ("TLS", "narrowed", denial("WorkflowBucket", "Condition", "Bool", "aws:ViaAWSService", "false")),
        ("UPLOADS", "stay", without("WorkflowBucket", *RULE, "AbortIncompleteMultipartUpload")),
        ("UPLOADS", "off", of("ArtifactBucket", *RULE, "Status", "Disabled")),
        (
            "UPLOADS",
            "for a month",
            of("ArtifactBucket", *RULE, "AbortIncompleteMultipartUpload", "DaysAfterInitiation", 30),
        ),
    )
]

NAMES = [
    Mutant("P40_BUCKET_NAMES", "foundation", name, change)
    for name, change in (
        ("by AWS", without("WorkflowBucket", "BucketName")),
        ("another account's", of("WorkflowBucket", "BucketName", "Fn::Sub", "ceap-workflow-${Environment}-1")),
        ("another artifact bucket", of("ArtifactBucket", "BucketName", "Fn::Sub", "artifacts-${Environment}")),
    )
]

EXPIRY = [
    Mutant("P07_EXECUTIONS_EXPIRE", "foundation", name, change)
    for name, change in (
        ("out of reach", of("WorkflowBucket", *RULE, "Transitions", [{"StorageClass": "GLACIER"}])),
        ("narrowed by size", of("WorkflowBucket", *RULE, "ObjectSizeGreaterThan", "1000")),
        ("sooner by an empty prefix", second_rule("")),
        ("some sooner", second_rule("executions/a")),
        ("old versions stay", of("WorkflowBucket", "VersioningConfiguration", {"Status": "Enabled"})),
    )
]

TOPICS = [
    Mutant(f"SEC03_{rule}", "foundation", name, change)
    for rule, name, change in (
        ("ALERT_TOPIC", "no policy", drop("Resources", "AlertTopicPolicy")),
        ("ALERT_TOPIC", "alarms left out", without("AlertTopicPolicy", *STATEMENTS, 0)),
        ("ALERT_TOPIC", "rules left out", without("AlertTopicPolicy", *STATEMENTS, 1)),
        ("ALERT_TOPIC", "rules denied", topic_statement(1, "Effect", "Deny")),
        ("ALERT_TOPIC", "another service", topic_statement(0, "Principal", "Service", "s3.amazonaws.com")),
        ("ALERT_TOPIC", "another action", topic_statement(1, "Action", ["sns:Subscribe"])),
        ("ALERT_TOPIC", "another topic", topic_statement(0, "Resource", [{"Ref": "WorkflowBucket"}])),
        ("ALERT_TOPIC", "FIFO", of("AlertTopic", "FifoTopic", True)),
        ("ALERT_TOPIC", "no topic", of("AlertTopicPolicy", "Topics", [])),
        ("SUBSCRIPTIONS", "plain HTTP", of("AlertEmailSubscription", "Protocol", "http")),
        ("SUBSCRIPTIONS", "some alerts", of("AlertEmailSubscription", "FilterPolicy", {"source": ["aws.states"]})),
        ("SUBSCRIPTIONS", "no topic", of("AlertEmailSubscription", "TopicArn", {"Ref": "WorkflowBucket"})),
        ("TOPIC_KEY", "AWS's", of("AlertTopic", "KmsMasterKeyId", "alias/aws/sns")),
        ("TOPIC_KEY", "AWS's without a customer's", of("AlertTopic", "KmsMasterKeyId", "Fn::If", 2, "alias/aws/sns")),
        (
            "TOPIC_KEY",
            "AWS's by its ARN",
            of("AlertTopic", "KmsMasterKeyId", {"Fn::Sub": "arn:aws:kms:${AWS::Region}:1:alias/aws/sns"}),
        ),
    )
]

POLICIES = [
    Mutant(f"SEC04_{rule}", kind, name, change)
    for rule, kind, name, change in (
        ("NOBODY_ELSE", "foundation", "anybody may publish", topic_statement(0, "Principal", "*")),
        ("NOBODY_ELSE", "foundation", "any account may publish", topic_statement(1, "Principal", {"AWS": "*"})),
        ("NOBODY_ELSE", "foundation", "anybody may read", denial("WorkflowBucket", "Effect", "Allow")),
        ("NOBODY_ELSE", "express", "anybody may send", of("QueuePolicy", *STATEMENTS, 0, "Effect", "Allow")),
        ("NOBODY_ELSE", "foundation", "a fixed account", topic_statement(0, "Principal", {"AWS": "123456789012"})),
        ("NOBODY_ELSE", "express", "all locked out", without("QueuePolicy", *STATEMENTS, 0, "Condition")),
        ("NOBODY_ELSE", "standard", "all actions", queue_statement("Action", ["sqs:*"])),
        ("NOBODY_ELSE", "standard", "all but one", queue_statement("NotPrincipal", {"AWS": "123456789012"})),
        ("FUNCTIONS", "express", "open URL", add("Lambda::Url", AuthType="NONE")),
        ("FUNCTIONS", "express", "anybody may call", add("Lambda::Permission", Principal="*", SourceArn="arn")),
        ("FUNCTIONS", "standard", "any rule may call", add("Lambda::Permission", Principal="events.amazonaws.com")),
        ("SERVICES", "foundation", "any account", topic_statement(0, "Condition", "StringEquals", {})),
        ("SERVICES", "foundation", "any alarm", without("AlertTopicPolicy", *STATEMENTS, 0, "Condition", "ArnLike")),
        (
            "SERVICES",
            "foundation",
            "any rule of any account",
            topic_statement(1, "Condition", "ArnLike", "aws:SourceArn", {"Fn::Sub": "arn:aws:events:*:*:rule/*"}),
        ),
        ("SERVICES", "standard", "nothing said", without("AlertDeadLetterQueuePolicy", *STATEMENTS, 0, "Condition")),
        (
            "SERVICES",
            "standard",
            "fixed account",
            queue_statement("Condition", "StringEquals", "aws:SourceAccount", "123456789012"),
        ),
        (
            "SERVICES",
            "standard",
            "only if there is one",
            queue_statement("Condition", {"StringEqualsIfExists": ACCOUNT["StringEquals"]}),
        ),
    )
]

TRUST = [
    Mutant(rule, kind, name, change)
    for rule, kind, name, change in (
        ("SEC05_ONE_SERVICE", "express", "anybody", trust("TakeFunctionRole", "Principal", "*")),
        ("SEC05_ONE_SERVICE", "express", "an account too", trust("PipeRole", "Principal", "AWS", "123456789012")),
        ("SEC05_ONE_SERVICE", "express", "a second statement", second_trust),
        ("SEC05_ONE_SERVICE", "express", "all actions", trust("StateMachineRole", "Action", ["sts:*"])),
        ("SEC05_ONE_SERVICE", "standard", "no service", trust("HeavyJobRole", "Principal", {})),
        ("SEC05_ONE_SERVICE", "standard", "denied", trust("HeavyJobRole", "Effect", "Deny")),
        ("SEC05_NAMED", "express", "the state machine", without("StateMachine", "StateMachineName")),
        ("SEC05_NAMED", "express", "the pipe", without("Pipe", "Name")),
        ("SEC05_NAMED", "standard", "the state machine", without("StateMachine", "StateMachineName")),
        (CONFUSED_DEPUTY, "express", "any account", trust("TakeFunctionRole", "Condition", {})),
        (CONFUSED_DEPUTY, "express", "any pipe", trust("PipeRole", "Condition", ACCOUNT)),
        (CONFUSED_DEPUTY, "express", "any state machine", trust("StateMachineRole", "Condition", ACCOUNT)),
        (
            CONFUSED_DEPUTY,
            "standard",
            "all state machines",
            trust("StateMachineRole", "Condition", "ArnEquals", "aws:SourceArn", {"Fn::Sub": STATES_ARN + "*"}),
        ),
        (
            CONFUSED_DEPUTY,
            "standard",
            "only if there is one",
            trust("TakeFunctionRole", "Condition", {"StringEqualsIfExists": ACCOUNT["StringEquals"]}),
        ),
    )
]

CONSUMERS = [
    Mutant("P41_ONE_CONSUMER", kind, name, add("Lambda::EventSourceMapping", EventSourceArn=arn, **more))
    for kind, name, arn, more in (
        ("express", "another", {"Fn::GetAtt": ["Queue", "Arn"]}, {}),
        ("express", "a slow one", {"Fn::GetAtt": ["Queue", "Arn"]}, {"MaximumBatchingWindowInSeconds": 60}),
        ("standard", "another", {"Fn::GetAtt": ["Queue", "Arn"]}, {"BatchSize": 10}),
    )
]

USERS = [
    Mutant("P42_NO_WILDCARDS", "express", name, change)
    for name, change in (
        ("a user", add("IAM::User")),
        ("a key that lasts", add("IAM::AccessKey", UserName="somebody")),
    )
]

RETENTION = [
    Mutant(f"SEC06_{rule}", kind, name, change)
    for rule, kind, name, change in (
        ("DATA_STAYS", "foundation", "bucket", put("Resources", "WorkflowBucket", "DeletionPolicy", "Delete")),
        ("DATA_STAYS", "foundation", "table by default", drop("Resources", "RecordsTable", "DeletionPolicy")),
        ("DATA_STAYS", "foundation", "table replaced", drop("Resources", "RatingsTable", "UpdateReplacePolicy")),
        ("DATA_STAYS", "foundation", "policy", drop("Resources", "WorkflowBucketPolicy", "DeletionPolicy")),
        ("DATA_STAYS", "express", "queue", put("Resources", "DeadLetterQueue", "DeletionPolicy", "Delete")),
        ("DATA_STAYS", "standard", "queue replaced", put("Resources", "Queue", "UpdateReplacePolicy", "Delete")),
        ("LOGS_GO", "express", "of a function", put("Resources", "TakeFunctionLogGroup", "DeletionPolicy", "Retain")),
        ("LOGS_GO", "express", "a snapshot", put("Resources", "PipeLogGroup", "DeletionPolicy", "Snapshot")),
        ("LOGS_GO", "standard", "replaced", put("Resources", "StateMachineLogGroup", "UpdateReplacePolicy", "Retain")),
    )
]

SECURE_MUTANTS = [*BUCKETS, *NAMES, *EXPIRY, *TOPICS, *POLICIES, *TRUST, *CONSUMERS, *USERS, *RETENTION]
