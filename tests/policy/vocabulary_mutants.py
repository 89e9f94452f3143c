"""What AWS offers and ceap does not set: resources, properties and values that CFN06_KNOWN_RESOURCES must notice."""

from __future__ import annotations

from typing import Any

from tests.policy.changes import Change, Mutant, arn, of, put, sub
from tests.policy.samples import Json

RULE = "CFN06_KNOWN_RESOURCES"
ELSEWHERE = sub("arn:${AWS::Partition}:logs:${AWS::Region}:123456789012:log-group:theirs:*")
VARIABLES = ("Environment", "Variables")
STATEMENTS = ("PolicyDocument", "Statement")


def added(kind: str, **properties: Any) -> Change:
    return put("Resources", "Added", {"Type": kind, "Properties": properties})


def copied(resource: str) -> Change:
    def change(data: Json) -> None:
        data["Resources"]["Added"] = data["Resources"][resource]

    return change


def stated(policy: str, **statement: Any) -> Change:
    def change(data: Json) -> None:
        data["Resources"][policy]["Properties"]["PolicyDocument"]["Statement"].append(statement)

    return change


def attribute(resource: str, *place: Any) -> Change:
    return put("Resources", resource, *place)


# A resource of a type that no ceap stack has.
RESOURCES: list[tuple[str, str, Change]] = [
    *(
        ("express", kind, added(kind))
        for kind in (
            "AWS::ApplicationAutoScaling::ScalableTarget",
            "AWS::CloudFormation::CustomResource",
            "AWS::CloudFormation::Stack",
            "AWS::CloudWatch::AlarmMuteRule",
            "AWS::CloudWatch::CompositeAlarm",
            "AWS::CloudWatch::MetricStream",
            "AWS::Events::Rule",
            "AWS::Glue::Job",
            "AWS::IAM::ManagedPolicy",
            "AWS::IAM::Policy",
            "AWS::IAM::RolePolicy",
            "AWS::Kinesis::Stream",
            "AWS::KinesisFirehose::DeliveryStream",
            "AWS::Lambda::Alias",
            "AWS::Lambda::EventInvokeConfig",
            "AWS::Lambda::EventSourceMapping",
            "AWS::Lambda::LayerVersionPermission",
            "AWS::Lambda::Permission",
            "AWS::Lambda::Url",
            "AWS::Lambda::Version",
            "AWS::Logs::AccountPolicy",
            "AWS::Logs::Delivery",
            "AWS::Logs::DeliveryDestination",
            "AWS::Logs::DeliverySource",
            "AWS::Logs::Destination",
            "AWS::Logs::MetricFilter",
            "AWS::Logs::ResourcePolicy",
            "AWS::Logs::SubscriptionFilter",
            "AWS::Logs::Transformer",
            "AWS::SNS::Subscription",
            "AWS::SQS::QueueInlinePolicy",
            "AWS::SSM::Parameter",
            "AWS::StepFunctions::StateMachineAlias",
            "AWS::StepFunctions::StateMachineVersion",
            "AWS::XRay::SamplingRule",
            "Custom::Anything",
        )
    ),
    *(
        ("standard", kind, added(kind))
        for kind in (
            "AWS::Events::ApiDestination",
            "AWS::Events::Archive",
            "AWS::Events::Connection",
            "AWS::Events::EventBus",
            "AWS::Events::EventBusPolicy",
            "AWS::Glue::SecurityConfiguration",
            "AWS::Glue::Trigger",
            "AWS::Scheduler::Schedule",
        )
    ),
    *(
        ("foundation", kind, added(kind))
        for kind in (
            "AWS::Backup::BackupPlan",
            "AWS::DynamoDB::GlobalTable",
            "AWS::KMS::Key",
            "AWS::Lambda::Function",
            "AWS::RAM::ResourceShare",
            "AWS::S3::AccessGrant",
            "AWS::S3::AccessPoint",
            "AWS::S3::MultiRegionAccessPoint",
            "AWS::S3ObjectLambda::AccessPoint",
            "AWS::SNS::TopicInlinePolicy",
            "AWS::SQS::Queue",
        )
    ),
    ("express", "a second pipe", copied("Pipe")),
    ("express", "a second state machine", copied("StateMachine")),
    ("express", "a third queue", copied("DeadLetterQueue")),
    ("standard", "a second rule", copied("FailureRule")),
    ("express", "a function that no state runs", copied("RateFunction")),
    ("standard", "a job that no state runs", copied("HeavyJob")),
    ("foundation", "a second address", copied("AlertEmailSubscription")),
    ("foundation", "a third bucket", copied("ArtifactBucket")),
    ("foundation", "a second topic", copied("AlertTopic")),
    ("foundation", "resources by a loop", put("Resources", "Fn::ForEach::More", ["Name", ["a"], {}])),
]

# A property, or a value of one, that ceap does not set.
PROPERTIES: list[tuple[str, str, Change]] = [
    # queues
    ("express", "messages are delayed", of("Queue", "DelaySeconds", 900)),
    ("express", "dead letters are hidden", of("DeadLetterQueue", "VisibilityTimeout", 43200)),
    ("standard", "undelivered alerts are hidden", of("AlertDeadLetterQueue", "VisibilityTimeout", 43200)),
    ("express", "dead letters are small", of("DeadLetterQueue", "MaximumMessageSize", 1024)),
    ("express", "a data key for a day", of("Queue", "KmsDataKeyReusePeriodSeconds", 86400)),
    ("express", "no dead letters", of("DeadLetterQueue", "RedriveAllowPolicy", "redrivePermission", "denyAll")),
    ("express", "a FIFO queue", of("Queue", "FifoQueue", True)),
    ("express", "deduplicated by content", of("Queue", "ContentBasedDeduplication", True)),
    ("express", "throughput per group", of("Queue", "FifoThroughputLimit", "perMessageGroupId")),
    ("express", "messages of no group", of("Queue", "MessageGroupId", "all")),
    ("express", "long polling of the queue", of("Queue", "ReceiveMessageWaitTimeSeconds", 20)),
    (
        "express",
        "messages may be purged",
        stated(
            "QueuePolicy",
            Effect="Allow",
            Principal={"AWS": {"Ref": "AWS::AccountId"}},
            Action=["sqs:PurgeQueue"],
            Resource=[arn("Queue")],
        ),
    ),
    # logs
    ("express", "logs are masked", of("StateMachineLogGroup", "DataProtectionPolicy", {"Name": "n"})),
    ("express", "logs are open to others", of("PipeLogGroup", "ResourcePolicyDocument", {"Statement": []})),
    ("express", "the log group cannot be deleted", of("PipeLogGroup", "DeletionProtectionEnabled", True)),
    ("express", "logs by bearer token", of("PipeLogGroup", "BearerTokenAuthenticationEnabled", True)),
    ("express", "logs are indexed", of("PipeLogGroup", "FieldIndexPolicies", [{"Fields": ["customerId"]}])),
    # roles
    ("express", "sessions of twelve hours", of("PipeRole", "MaxSessionDuration", 43200)),
    ("express", "a path", of("PipeRole", "Path", "/service-role/")),
    ("express", "a boundary", of("PipeRole", "PermissionsBoundary", "arn:aws:iam::aws:policy/ReadOnlyAccess")),
    ("express", "AWS's own policies", of("PipeRole", "ManagedPolicyArns", ["arn:aws:iam::aws:policy/ReadOnlyAccess"])),
    (
        "express",
        "all resources but one",
        of("PipeRole", "Policies", 0, *STATEMENTS, 0, "NotResource", "arn:aws:sqs:us-east-1:123456789012:q"),
    ),
    # functions
    ("express", "a runtime is pinned", of("RateFunction", "RuntimeManagementConfig", {"UpdateRuntimeOn": "Manual"})),
    ("express", "calls in circles", of("RateFunction", "RecursiveLoop", "Allow")),
    ("express", "a large disk", of("RateFunction", "EphemeralStorage", {"Size": 10240})),
    ("express", "a snapshot", of("RateFunction", "SnapStart", {"ApplyOn": "PublishedVersions"})),
    ("express", "code that is signed", of("RateFunction", "CodeSigningConfigArn", "arn")),
    ("express", "an image", of("RateFunction", "PackageType", "Image")),
    ("express", "code in the template", of("RateFunction", "Code", "ZipFile", "pass")),
    ("express", "an image's code", of("RateFunction", "Code", "ImageUri", "repo:latest")),
    ("express", "an old version of the code", of("RateFunction", "Code", "S3ObjectVersion", "1")),
    ("express", "another key for the code", of("RateFunction", "Code", "SourceKMSKeyArn", "arn")),
    ("express", "a file system", of("RateFunction", "FileSystemConfigs", [{"Arn": "a", "LocalMountPath": "/mnt/a"}])),
    ("express", "scaled to nothing", of("RateFunction", "FunctionScalingConfig", {"MaxExecutionEnvironments": 0})),
    ("express", "machines of one's own", of("RateFunction", "CapacityProviderConfig", {})),
    ("express", "tenants apart", of("RateFunction", "TenancyConfig", {"TenantIsolationMode": "PER_TENANT"})),
    ("express", "a durable function", of("RateFunction", "DurableConfig", {"ExecutionTimeout": 31622400})),
    ("express", "Lambda's own logs are off", of("RateFunction", "LoggingConfig", "SystemLogLevel", "WARN")),
    ("express", "no metrics", of("RateFunction", *VARIABLES, "POWERTOOLS_METRICS_DISABLED", "true")),
    ("express", "metrics elsewhere", of("RateFunction", *VARIABLES, "POWERTOOLS_METRICS_NAMESPACE", "theirs")),
    ("express", "no name for metrics", of("RateFunction", *VARIABLES, "POWERTOOLS_METRICS_FUNCTION_NAME", "x")),
    ("express", "no traces", of("RateFunction", *VARIABLES, "AWS_XRAY_SDK_ENABLED", "false")),
    ("express", "traces elsewhere", of("RateFunction", *VARIABLES, "AWS_XRAY_DAEMON_ADDRESS", "10.0.0.1:2000")),
    ("express", "telemetry elsewhere", of("RateFunction", *VARIABLES, "OTEL_EXPORTER_OTLP_ENDPOINT", "http://a")),
    ("express", "one attempt for each call", of("RateFunction", *VARIABLES, "AWS_MAX_ATTEMPTS", "1")),
    ("express", "another Region", of("RateFunction", *VARIABLES, "AWS_DEFAULT_REGION", "eu-west-1")),
    ("express", "another time zone", of("RateFunction", *VARIABLES, "TZ", "Asia/Tokyo")),
    ("express", "other programs", of("RateFunction", *VARIABLES, "PATH", "/tmp")),
    (
        "express",
        "no record is bad enough",
        of("TakeFunction", *VARIABLES, "SETTINGS", '{"max_error_rate": 1}'),
    ),
    (
        "express",
        "no record is bad enough, by !Sub",
        of("TakeFunction", *VARIABLES, "SETTINGS", sub('{"max_error_rate": 1.0, "a": "${AWS::Region}"}')),
    ),
    (
        "express",
        "no record is bad enough without a key",
        of(
            "TakeFunction",
            *VARIABLES,
            "SETTINGS",
            {"Fn::If": ["HasKmsKey", "{}", '{"max_error_rate": 1}']},
        ),
    ),
    # state machine and pipe
    (
        "express",
        "a data key for a while",
        of(
            "StateMachine",
            "EncryptionConfiguration",
            {
                "Type": "CUSTOMER_MANAGED_KMS_KEY",
                "KmsKeyId": {"Ref": "KmsKeyArn"},
                "KmsDataKeyReusePeriodSeconds": 900,
            },
        ),
    ),
    (
        "express",
        "logs to Firehose",
        of("Pipe", "LogConfiguration", "FirehoseLogDestination", {"DeliveryStreamArn": "arn"}),
    ),
    (
        "express",
        "logs to a bucket",
        of(
            "Pipe",
            "LogConfiguration",
            "S3LogDestination",
            {"BucketName": "theirs", "BucketOwner": "123456789012"},
        ),
    ),
    (
        "express",
        "logs to another account's group",
        of("Pipe", "LogConfiguration", "CloudwatchLogsLogDestination", "LogGroupArn", ELSEWHERE),
    ),
    ("express", "messages are logged", of("Pipe", "LogConfiguration", "IncludeExecutionData", ["ALL"])),
    ("express", "an enrichment's parameters", of("Pipe", "EnrichmentParameters", {"InputTemplate": "{}"})),
    ("express", "a stream's parameters", of("Pipe", "SourceParameters", "KinesisStreamParameters", {})),
    ("express", "another target's parameters", of("Pipe", "TargetParameters", "LambdaFunctionParameters", {})),
    # alarms
    ("express", "an alarm without data", of("DeadLettersAlarm", "InsufficientDataActions", ["arn"])),
    ("express", "few samples are ignored", of("QueueAgeAlarm", "EvaluateLowSampleCountPercentile", "ignore")),
    ("express", "a percentile", of("QueueAgeAlarm", "ExtendedStatistic", "p50")),
    ("express", "a metric by formula", of("QueueAgeAlarm", "Metrics", [{"Id": "m", "Expression": "0"}])),
    ("express", "a threshold by formula", of("QueueAgeAlarm", "ThresholdMetricId", "m")),
    ("express", "an alarm when it is well", of("QueueAgeAlarm", "OKActions", ["arn"])),
    ("express", "another namespace", of("QueueAgeAlarm", "Namespace", "Ours")),
    ("express", "an alarm that warms up", of("QueueAgeAlarm", "WarmUpConfiguration", {})),
    ("express", "criteria of another kind", of("QueueAgeAlarm", "EvaluationCriteria", {})),
    # job and rule
    ("standard", "on spare capacity", of("HeavyJob", "ExecutionClass", "FLEX")),
    ("standard", "too many workers", of("HeavyJob", "NumberOfWorkers", 300)),
    ("standard", "workers of another size", of("HeavyJob", "WorkerType", "Z.2X")),
    ("standard", "workers by a parameter", of("HeavyJob", "WorkerType", {"Ref": "Environment"})),
    ("standard", "runs wait in a queue", of("HeavyJob", "JobRunQueuingEnabled", True)),
    ("standard", "a window for maintenance", of("HeavyJob", "MaintenanceWindow", "Sun:10")),
    ("standard", "logs elsewhere", of("HeavyJob", "LogUri", "s3://theirs/")),
    ("standard", "other keys", of("HeavyJob", "SecurityConfiguration", "theirs")),
    ("standard", "late notices", of("HeavyJob", "NotificationProperty", {"NotifyDelayAfter": 1})),
    ("standard", "a notebook", of("HeavyJob", "JobMode", "NOTEBOOK")),
    ("standard", "capacity of old", of("HeavyJob", "AllocatedCapacity", 100)),
    ("standard", "no metrics of the job", of("HeavyJob", "DefaultArguments", "--enable-metrics", "false")),
    ("standard", "no scaling", of("HeavyJob", "DefaultArguments", "--enable-auto-scaling", "false")),
    ("standard", "other settings of Spark", of("HeavyJob", "DefaultArguments", "--conf", "spark.a=b")),
    ("standard", "Python of another version", of("HeavyJob", "Command", "Runtime", "Ray2.4")),
    (
        "standard",
        "alerts are not tried again",
        of("FailureRule", "Targets", 0, "RetryPolicy", {"MaximumRetryAttempts": 0}),
    ),
    (
        "standard",
        "an alert in other words",
        of("FailureRule", "Targets", 0, "InputTransformer", {"InputTemplate": "x"}),
    ),
    ("standard", "a role of the target", of("FailureRule", "Targets", 0, "RoleArn", arn("PipeRole"))),
    ("standard", "a role of the rule", of("FailureRule", "RoleArn", arn("PipeRole"))),
    # tables
    ("foundation", "a stream", of("RecordsTable", "StreamSpecification", {"StreamViewType": "NEW_IMAGE"})),
    ("foundation", "a Kinesis stream", of("RecordsTable", "KinesisStreamSpecification", {"StreamArn": "arn"})),
    ("foundation", "few reads", of("RecordsTable", "OnDemandThroughput", {"MaxReadRequestUnits": 1})),
    ("foundation", "capacity", of("RecordsTable", "ProvisionedThroughput", {"ReadCapacityUnits": 1})),
    ("foundation", "warm capacity", of("RecordsTable", "WarmThroughput", {"ReadUnitsPerSecond": 1})),
    ("foundation", "rarely read", of("RecordsTable", "TableClass", "STANDARD_INFREQUENT_ACCESS")),
    ("foundation", "items from elsewhere", of("RecordsTable", "ImportSourceSpecification", {"S3BucketSource": {}})),
    ("foundation", "keys are counted", of("RecordsTable", "ContributorInsightsSpecification", {"Enabled": True})),
    ("foundation", "local indexes", of("RecordsTable", "LocalSecondaryIndexes", [])),
    (
        "foundation",
        "restored for a day only",
        of("RecordsTable", "PointInTimeRecoverySpecification", "RecoveryPeriodInDays", 1),
    ),
    (
        "foundation",
        "restored for 34 days only",
        of("RecordsTable", "PointInTimeRecoverySpecification", "RecoveryPeriodInDays", 34),
    ),
    ("foundation", "may be deleted", of("RecordsTable", "DeletionProtectionEnabled", False)),
    (
        "foundation",
        "created elsewhere",
        put(
            "Conditions",
            "CreateRecordsTable",
            {"Fn::Equals": [{"Ref": "Environment"}, "dev"]},
        ),
    ),
    # buckets
    ("foundation", "access is logged elsewhere", of("ArtifactBucket", "LoggingConfiguration", {"LogFilePrefix": "a"})),
    ("foundation", "code is copied", of("ArtifactBucket", "ReplicationConfiguration", {"Role": "arn", "Rules": []})),
    ("foundation", "code is announced", of("ArtifactBucket", "NotificationConfiguration", {})),
    ("foundation", "cold objects", of("WorkflowBucket", "IntelligentTieringConfigurations", [])),
    ("foundation", "objects are listed", of("WorkflowBucket", "MetadataTableConfiguration", {})),
    ("foundation", "objects are analysed", of("WorkflowBucket", "AnalyticsConfigurations", [])),
    ("foundation", "faster, for everyone", of("WorkflowBucket", "AccelerateConfiguration", {})),
    ("foundation", "versions stop", of("WorkflowBucket", "VersioningConfiguration", {"Status": "Suspended"})),
    (
        "foundation",
        "the bucket is read by others",
        stated(
            "WorkflowBucketPolicy",
            Effect="Allow",
            Principal={"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")},
            Action=["s3:GetObject"],
            Resource=[arn("WorkflowBucket")],
        ),
    ),
    # topic
    ("foundation", "alerts to a fixed address", of("AlertEmailSubscription", "Endpoint", "them@example.com")),
    ("foundation", "alerts by https", of("AlertEmailSubscription", "Protocol", "https")),
    ("foundation", "alerts to a function", of("AlertEmailSubscription", "Protocol", "lambda")),
    ("foundation", "alerts are tried once", of("AlertEmailSubscription", "DeliveryPolicy", {})),
    ("foundation", "alerts go elsewhere when refused", of("AlertEmailSubscription", "RedrivePolicy", {})),
    ("foundation", "alerts are filtered by body", of("AlertEmailSubscription", "FilterPolicyScope", "MessageBody")),
    ("foundation", "alerts are masked", of("AlertTopic", "DataProtectionPolicy", {"Name": "n"})),
    ("foundation", "deliveries are logged elsewhere", of("AlertTopic", "DeliveryStatusLogging", [])),
    ("foundation", "alerts are archived", of("AlertTopic", "ArchivePolicy", {"MessageRetentionPeriod": 1})),
    ("foundation", "traces of alerts", of("AlertTopic", "TracingConfig", "Active")),
    (
        "foundation",
        "the account may subscribe",
        stated(
            "AlertTopicPolicy",
            Effect="Allow",
            Principal={"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")},
            Action=["sns:Subscribe"],
            Resource=[{"Ref": "AlertTopic"}],
        ),
    ),
    # functions of CloudFormation, and attributes of resources
    ("express", "a size from a map", of("RateFunction", "MemorySize", {"Fn::FindInMap": ["a", "b", "c"]})),
    ("express", "a part of a list", of("Queue", "QueueName", {"Fn::Select": [0, ["a"]]})),
    ("express", "properties by a reference", of("Queue", "RedrivePolicy", {"Ref": "Environment"})),
    ("express", "no property at all", of("RateFunction", "MemorySize", {"Ref": "AWS::NoValue"})),
    ("express", "waits for a signal", attribute("Queue", "CreationPolicy", {"ResourceSignal": {"Count": 1}})),
    ("express", "moves by itself", attribute("RateFunction", "UpdatePolicy", {"UseOnlineResharding": True})),
    ("express", "a role that stays", attribute("PipeRole", "DeletionPolicy", "Retain")),
    ("foundation", "a bucket under a condition", attribute("ArtifactBucket", "Condition", "CreateRecordsTable")),
    ("express", "set up by cfn-init", attribute("Queue", "Metadata", {"AWS::CloudFormation::Init": {}})),
]

# A section, or what stands in one.
SECTIONS: list[tuple[str, str, Change]] = [
    ("express", "a map", put("Mappings", {"a": {"b": {"c": 1}}})),
    ("express", "a rule on parameters", put("Rules", {"a": {"Assertions": []}})),
    ("standard", "a hook", put("Hooks", {"a": {"Type": "AWS::CodeDeploy::BlueGreen"}})),
    ("foundation", "SAM's globals", put("Globals", {"Function": {"Timeout": 1}})),
    ("express", "a parameter", put("Parameters", "Delay", {"Type": "Number", "Default": 900})),
    ("express", "a parameter from SSM", put("Parameters", "KmsKeyArn", "Type", "AWS::SSM::Parameter::Value<String>")),
    ("express", "a parameter that is hidden", put("Parameters", "KmsKeyArn", "NoEcho", True)),
    ("express", "few environments", put("Parameters", "Environment", "AllowedValues", ["dev"])),
    ("express", "jobs in EXPRESS", put("Parameters", "GluePrefix", {"Type": "String"})),
    ("foundation", "a table of the default", put("Parameters", "RecordsTableName", "Default", "theirs")),
    ("foundation", "a loose name", put("Parameters", "RecordsTableName", "AllowedPattern", ".*")),
    ("express", "a condition", put("Conditions", "IsProd", {"Fn::Equals": [{"Ref": "Environment"}, "prod"]})),
    (
        "foundation",
        "alerts in production only",
        put("Conditions", "HasAlertEmail", {"Fn::Equals": [{"Ref": "Environment"}, "prod"]}),
    ),
    ("express", "an output", put("Outputs", "PipeArn", {"Value": arn("Pipe")})),
    ("express", "an export", put("Outputs", "QueueUrl", "Export", {"Name": sub("${Environment}-queue")})),
    ("foundation", "an output that is not exported", put("Outputs", "TopicName", {"Value": "a"})),
    ("express", "another version of templates", put("AWSTemplateFormatVersion", "2010-09-10")),
    ("express", "metadata", put("Metadata", {"AWS::CloudFormation::Designer": {}})),
]

VOCABULARY_MUTANTS = [Mutant(RULE, kind, name, change) for kind, name, change in (*RESOURCES, *PROPERTIES, *SECTIONS)]
