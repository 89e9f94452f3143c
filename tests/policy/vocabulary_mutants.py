"""What AWS offers and ceap does not set: resources, properties and values that CFN06_KNOWN_RESOURCES must notice."""

from typing import Any

from tests.policy.changes import Change, Mutant, arn, of, put, sub
from tests.policy.samples import Json

RULE = "CFN06_KNOWN_RESOURCES"
ELSEWHERE = sub("arn:${AWS::Partition}:logs:${AWS::Region}:123456789012:log-group:theirs:*")
VARIABLES = ("Environment", "Variables")
RECOVERY = ("PointInTimeRecoverySpecification", "RecoveryPeriodInDays")
ACCOUNT = {"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")}


def added(kind: str, **properties: Any) -> Change:
    return put("Resources", "Added", {"Type": kind, "Properties": properties})


def copied(resource: str) -> Change:
    def change(data: Json) -> None:
        data["Resources"]["Added"] = data["Resources"][resource]

    return change


def opened(policy: str, action: str, resource: Json) -> Change:
    """Return the change that lets this account do something by the policy of a queue, topic or bucket."""

    def change(data: Json) -> None:
        data["Resources"][policy]["Properties"]["PolicyDocument"]["Statement"].append(
            {"Effect": "Allow", "Principal": ACCOUNT, "Action": [action], "Resource": [resource]}
        )

    return change


def either(with_key: Any, without: Any) -> Json:
    return {"Fn::If": ["HasKmsKey", with_key, without]}


def settings(value: Any) -> Change:
    return of("TakeFunction", *VARIABLES, "SETTINGS", value)


def keys(path: str) -> list[str | int]:
    return [int(key) if key.isdecimal() else key for key in path.split("/")]


def attribute(resource: str, *place: Any) -> Change:
    return put("Resources", resource, *place)


# Types that a kind of stack does not have.
TYPES = {
    "express": """
        ApplicationAutoScaling::ScalableTarget CloudFormation::CustomResource CloudFormation::Stack
        CloudWatch::AlarmMuteRule CloudWatch::CompositeAlarm CloudWatch::MetricStream Events::Rule Glue::Job
        IAM::ManagedPolicy IAM::Policy IAM::RolePolicy Kinesis::Stream KinesisFirehose::DeliveryStream
        Lambda::Alias Lambda::EventInvokeConfig Lambda::EventSourceMapping Lambda::LayerVersionPermission
        Lambda::Permission Lambda::Url Lambda::Version Logs::AccountPolicy Logs::Delivery
        Logs::DeliveryDestination Logs::DeliverySource Logs::Destination Logs::MetricFilter Logs::ResourcePolicy
        Logs::SubscriptionFilter Logs::Transformer SNS::Subscription SQS::QueueInlinePolicy SSM::Parameter
        StepFunctions::StateMachineAlias StepFunctions::StateMachineVersion XRay::SamplingRule
    """,
    "standard": """
        Events::ApiDestination Events::Archive Events::Connection Events::EventBus Events::EventBusPolicy
        Glue::SecurityConfiguration Glue::Trigger Scheduler::ScheduleGroup
    """,
    "foundation": """
        Backup::BackupPlan DynamoDB::GlobalTable KMS::Key Lambda::Function RAM::ResourceShare S3::AccessGrant
        S3::AccessPoint S3::MultiRegionAccessPoint S3ObjectLambda::AccessPoint SNS::TopicInlinePolicy SQS::Queue
    """,
}

# More resources of a type than a stack has.
RESOURCES: list[tuple[str, str, Change]] = [
    ("express", "a second pipe", copied("Pipe")),
    ("express", "a second state machine", copied("StateMachine")),
    ("express", "a third queue", copied("DeadLetterQueue")),
    ("standard", "a second rule", copied("FailureRule")),
    ("express", "a function that no state runs", copied("RateFunction")),
    ("standard", "a job that no state runs", copied("HeavyJob")),
    ("foundation", "a second address", copied("AlertEmailSubscription")),
    ("foundation", "a third bucket", copied("ArtifactBucket")),
    ("foundation", "a second topic", copied("AlertTopic")),
    ("express", "a resource of a function's own", added("Custom::Anything")),
    ("foundation", "resources by a loop", put("Resources", "Fn::ForEach::More", ["Name", ["a"], {}])),
]

# What AWS offers for a resource and ceap does not set: the path of a property, and a value.
UNLISTED: dict[tuple[str, str], Json] = {
    ("express", "Queue"): {
        "DelaySeconds": 900,
        "KmsDataKeyReusePeriodSeconds": 86400,
        "FifoQueue": True,
        "ContentBasedDeduplication": True,
        "FifoThroughputLimit": "perMessageGroupId",
        "MessageGroupId": "all",
        "ReceiveMessageWaitTimeSeconds": 20,
        "QueueName": {"Fn::Select": [0, ["a"]]},
        "RedrivePolicy": {"Ref": "Environment"},
    },
    ("express", "StateMachineLogGroup"): {"DataProtectionPolicy": {"Name": "n"}},
    ("express", "PipeLogGroup"): {
        "ResourcePolicyDocument": {"Statement": []},
        "BearerTokenAuthenticationEnabled": True,
        "FieldIndexPolicies": [{"Fields": ["customerId"]}],
        "DeletionProtectionEnabled": True,
    },
    ("express", "PipeRole"): {
        "MaxSessionDuration": 43200,
        "Path": "/service-role/",
        "ManagedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
        "Policies/0/PolicyDocument/Statement/0/NotResource": "arn:aws:sqs:us-east-1:123456789012:q",
    },
    ("express", "RateFunction"): {
        "RuntimeManagementConfig": {"UpdateRuntimeOn": "Manual"},
        "RecursiveLoop": "Allow",
        "EphemeralStorage": {"Size": 10241},
        "SnapStart": {"ApplyOn": "PublishedVersions"},
        "CodeSigningConfigArn": "arn",
        "PackageType": "Image",
        "FileSystemConfigs": [{"Arn": "a", "LocalMountPath": "/mnt/a"}],
        "FunctionScalingConfig": {"MaxExecutionEnvironments": 0},
        "CapacityProviderConfig": {},
        "TenancyConfig": {"TenantIsolationMode": "PER_TENANT"},
        "DurableConfig": {"ExecutionTimeout": 31622400},
        "Code/ZipFile": "pass",
        "Code/ImageUri": "repo:latest",
        "Code/S3ObjectVersion": "1",
        "Code/SourceKMSKeyArn": "arn",
        "LoggingConfig/SystemLogLevel": "WARN",
        "MemorySize": {"Fn::FindInMap": ["a", "b", "c"]},
    },
    ("express", "Pipe"): {
        "EnrichmentParameters": {"InputTemplate": "{}"},
        "LogConfiguration/FirehoseLogDestination": {"DeliveryStreamArn": "arn"},
        "LogConfiguration/S3LogDestination": {"BucketName": "theirs", "BucketOwner": "123456789012"},
        "LogConfiguration/CloudwatchLogsLogDestination/LogGroupArn": ELSEWHERE,
        "LogConfiguration/IncludeExecutionData": ["ALL"],
        "SourceParameters/KinesisStreamParameters": {},
        "TargetParameters/LambdaFunctionParameters": {},
    },
    ("express", "DeadLettersAlarm"): {"InsufficientDataActions": ["arn"]},
    ("express", "TakeRejectedAlarm"): {"Metrics/0/Period": 60, "Metrics/1/AccountId": "123456789012"},
    ("express", "QueueAgeAlarm"): {
        "EvaluateLowSampleCountPercentile": "ignore",
        "ExtendedStatistic": "p50",
        "ThresholdMetricId": "m",
        "OKActions": ["arn"],
        "WarmUpConfiguration": {},
        "EvaluationCriteria": {},
        "Namespace": "Ours",
    },
    ("standard", "HeavyJob"): {
        "ExecutionClass": "FLEX",
        "JobRunQueuingEnabled": True,
        "MaintenanceWindow": "Sun:10",
        "LogUri": "s3://theirs/",
        "SecurityConfiguration": "theirs",
        "NotificationProperty": {"NotifyDelayAfter": 1},
        "JobMode": "NOTEBOOK",
        "AllocatedCapacity": 100,
        "NumberOfWorkers": 300,
        "WorkerType": "Z.2X",
        "DefaultArguments/--enable-metrics": "false",
        "DefaultArguments/--enable-auto-scaling": "false",
        "DefaultArguments/--conf": "spark.a=b",
        "Command/Runtime": "Ray2.4",
    },
    ("standard", "FailureRule"): {
        "RoleArn": arn("PipeRole"),
        "Targets/0/RoleArn": arn("PipeRole"),
    },
    ("foundation", "RecordsTable"): {
        "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
        "KinesisStreamSpecification": {"StreamArn": "arn"},
        "OnDemandThroughput": {"MaxReadRequestUnits": 1},
        "ProvisionedThroughput": {"ReadCapacityUnits": 1},
        "WarmThroughput": {"ReadUnitsPerSecond": 1},
        "TableClass": "STANDARD_INFREQUENT_ACCESS",
        "ImportSourceSpecification": {"S3BucketSource": {}},
        "ContributorInsightsSpecification": {"Enabled": True},
        "LocalSecondaryIndexes": [],
        "PointInTimeRecoverySpecification/RecoveryPeriodInDays": 1,
        "DeletionProtectionEnabled": False,
    },
    ("foundation", "ArtifactBucket"): {
        "LoggingConfiguration": {"LogFilePrefix": "a"},
        "ReplicationConfiguration": {"Role": "arn", "Rules": []},
        "NotificationConfiguration": {},
    },
    ("foundation", "WorkflowBucket"): {
        "IntelligentTieringConfigurations": [],
        "MetadataTableConfiguration": {},
        "AnalyticsConfigurations": [],
        "AccelerateConfiguration": {},
        "VersioningConfiguration": {"Status": "Suspended"},
    },
    ("foundation", "AlertEmailSubscription"): {
        "DeliveryPolicy": {},
        "FilterPolicyScope": "MessageBody",
        "Endpoint": "them@example.com",
        "Protocol": "https",
        "RedrivePolicy": {},
    },
    ("foundation", "AlertTopic"): {
        "DataProtectionPolicy": {"Name": "n"},
        "DeliveryStatusLogging": [],
        "ArchivePolicy": {"MessageRetentionPeriod": 1},
        "TracingConfig": "Active",
    },
    ("express", "DeadLetterQueue"): {
        "VisibilityTimeout": 43200,
        "MaximumMessageSize": 1024,
        "RedriveAllowPolicy/redrivePermission": "denyAll",
    },
    ("standard", "AlertDeadLetterQueue"): {"VisibilityTimeout": 43200},
    ("express", "TakeFunction"): {"Environment/Variables/SETTINGS": '{"max_error_rate": 1}'},
    ("express", "StateMachine"): {
        "EncryptionConfiguration": {
            "Type": "CUSTOMER_MANAGED_KMS_KEY",
            "KmsKeyId": {"Ref": "KmsKeyArn"},
            "KmsDataKeyReusePeriodSeconds": 900,
        }
    },
}

# More values that ceap does not set.
PROPERTIES: list[tuple[str, str, Change]] = [
    ("express", "messages may be purged", opened("QueuePolicy", "sqs:PurgeQueue", arn("Queue"))),
    ("foundation", "the account may subscribe", opened("AlertTopicPolicy", "sns:Subscribe", {"Ref": "AlertTopic"})),
    ("foundation", "outputs may be read", opened("WorkflowBucketPolicy", "s3:GetObject", arn("WorkflowBucket"))),
    ("express", "any record may be bad, by !Sub", settings(sub('{"max_error_rate": 1.0, "a": "${AWS::Region}"}'))),
    (
        "express",
        "any record may be bad, without a key",
        settings(either("{}", '{"max_error_rate": 1}')),
    ),
    ("express", "other code without a key", of("RateFunction", "Handler", either("handlers.rate.handler", "a.b"))),
    ("express", "another role without a key", of("Pipe", "RoleArn", either(arn("PipeRole"), "arn:theirs"))),
    ("express", "messages come twice without a key", of("Queue", "VisibilityTimeout", either(1800, 0))),
    ("standard", "workers by a parameter", of("HeavyJob", "WorkerType", {"Ref": "Environment"})),
    ("foundation", "restored for 34 days", of("RecordsTable", *RECOVERY, 34)),
    ("foundation", "alerts to a function", of("AlertEmailSubscription", "Protocol", "lambda")),
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
    ("legacy", "a function of the default", put("Parameters", "TakeFunctionArn", "Default", "arn:aws:lambda:a")),
    ("legacy", "a list of functions", put("Parameters", "TakeFunctionArn", "Type", "CommaDelimitedList")),
    (
        "legacy",
        "a function from SSM",
        put("Parameters", "TakeFunctionArn", "Type", "AWS::SSM::Parameter::Value<String>"),
    ),
    ("foundation", "a function in the foundation", put("Parameters", "TakeFunctionArn", {"Type": "String"})),
    ("foundation", "a table of the default", put("Parameters", "RecordsTableName", "Default", "theirs")),
    ("foundation", "a loose name", put("Parameters", "RecordsTableName", "AllowedPattern", ".*")),
    ("express", "a condition", put("Conditions", "IsProd", {"Fn::Equals": [{"Ref": "Environment"}, "prod"]})),
    (
        "foundation",
        "a table in development only",
        put("Conditions", "CreateRecordsTable", {"Fn::Equals": [{"Ref": "Environment"}, "dev"]}),
    ),
    (
        "foundation",
        "alerts in production only",
        put("Conditions", "HasAlertEmail", {"Fn::Equals": [{"Ref": "Environment"}, "prod"]}),
    ),
    ("express", "an output", put("Outputs", "QueueName", {"Value": {"Fn::GetAtt": ["Queue", "QueueName"]}})),
    ("express", "a name of another type", put("Outputs", "TakeFunctionName", "Value", {"Ref": "Pipe"})),
    ("express", "a parameter's value", put("Outputs", "PipeName", "Value", {"Ref": "Environment"})),
    ("express", "another queue's address", put("Outputs", "QueueUrl", "Value", "https://example.com/q")),
    ("express", "an export", put("Outputs", "QueueUrl", "Export", {"Name": sub("${Environment}-queue")})),
    ("foundation", "an output that is not exported", put("Outputs", "TopicName", {"Value": "a"})),
    ("express", "another version of templates", put("AWSTemplateFormatVersion", "2010-09-10")),
    ("express", "metadata", put("Metadata", {"AWS::CloudFormation::Designer": {}})),
]

VOCABULARY_MUTANTS = [
    *(Mutant(RULE, kind, name, change) for kind, name, change in (*RESOURCES, *PROPERTIES, *SECTIONS)),
    *(Mutant(RULE, kind, name, added(f"AWS::{name}")) for kind, names in TYPES.items() for name in names.split()),
    *(
        Mutant(RULE, kind, f"{path} of {resource}", of(resource, *keys(path), value))
        for (kind, resource), values in UNLISTED.items()
        for path, value in values.items()
    ),
]
