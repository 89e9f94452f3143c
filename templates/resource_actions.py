"""Which IAM actions on which ARNs CloudFormation needs for each operation on a resource of each type.

Derived from the handlers of CloudFormation's resource schemas, which name what any property may need.
Source: CloudFormation Command Line Interface User Guide, "Resource type definition schema", `handlers`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from templates.resource_schemas import load_schema

Operation: TypeAlias = Literal["create", "read", "update", "delete"]


class Place(NamedTuple):
    """Where resources are: texts of an ARN, by default those of `Fn::Sub`."""

    partition: str = "${AWS::Partition}"
    region: str = "${AWS::Region}"
    account: str = "${AWS::AccountId}"


SUB: Final = Place()


class Need(NamedTuple):
    """An action that must be allowed on an ARN, or on `*` if it takes none; `passed_to` is iam:PassedToService."""

    action: str
    resource: str
    passed_to: str = ""


class _Subject(NamedTuple):
    """Where a type's ARNs come from: `form` has {} for the name; the roles and the key are paths of properties."""

    form: str
    named_by: str = ""
    role: tuple[str, ...] = ()
    target_role: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    passed_to: str = ""


_SUBJECTS: Final[Mapping[str, _Subject]] = {
    "AWS::CloudWatch::Alarm": _Subject("cloudwatch:alarm:{}"),
    "AWS::CloudWatch::Dashboard": _Subject("cloudwatch:dashboard/{}"),
    "AWS::DynamoDB::Table": _Subject("dynamodb:table/{}", key=("SSESpecification", "KMSMasterKeyId")),
    "AWS::Events::Rule": _Subject(
        "events:rule/{}", role=("RoleArn",), target_role=("Targets", "RoleArn"), passed_to="events"
    ),
    "AWS::Glue::Job": _Subject("glue:job/{}", role=("Role",), passed_to="glue"),
    "AWS::IAM::ManagedPolicy": _Subject("iam:policy/{}"),
    "AWS::IAM::OIDCProvider": _Subject("iam:oidc-provider/{}", named_by="Url"),
    "AWS::IAM::Role": _Subject("iam:role/{}"),
    "AWS::KMS::Key": _Subject("kms:key/{}"),
    "AWS::Lambda::Function": _Subject("lambda:function:{}", role=("Role",), key=("KmsKeyArn",), passed_to="lambda"),
    "AWS::Logs::LogGroup": _Subject("logs:log-group:{}"),
    "AWS::Logs::QueryDefinition": _Subject("logs:query-definition:{}"),
    "AWS::Pipes::Pipe": _Subject("pipes:pipe/{}", role=("RoleArn",), key=("KmsKeyIdentifier",), passed_to="pipes"),
    "AWS::S3::Bucket": _Subject("s3:{}"),
    "AWS::S3::BucketPolicy": _Subject("s3:{}", named_by="Bucket"),
    "AWS::SNS::Subscription": _Subject("sns:{}", named_by="TopicArn"),
    "AWS::SNS::Topic": _Subject("sns:{}"),
    "AWS::SNS::TopicPolicy": _Subject("sns:{}", named_by="Topics"),
    "AWS::SQS::Queue": _Subject("sqs:{}"),
    "AWS::SQS::QueuePolicy": _Subject("sqs:{}", named_by="Queues"),
    "AWS::Scheduler::Schedule": _Subject("scheduler:schedule/{}", role=("Target", "RoleArn"), passed_to="scheduler"),
    "AWS::Scheduler::ScheduleGroup": _Subject("scheduler:schedule-group/{}"),
    "AWS::StepFunctions::StateMachine": _Subject(
        "states:stateMachine:{}", role=("RoleArn",), key=("EncryptionConfiguration", "KmsKeyId"), passed_to="states"
    ),
}

_WITH_PATH: Final = frozenset({"AWS::IAM::ManagedPolicy", "AWS::IAM::Role"})
"""Their ARNs have the property Path before the name. Source: IAM User Guide, "IAM identifiers"."""

TYPES: Final = tuple(_SUBJECTS)
"""The types of resource that are known here."""

UNKNOWN: Final = frozenset(
    {
        "lambda:AssociateRuntimeAlias",
        "s3:DeleteBucketAnalyticsConfiguration",
        "s3:DeleteBucketCors",
        "s3:DeleteBucketEncryption",
        "s3:DeleteBucketLifecycle",
        "s3:DeleteBucketMetricsConfiguration",
        "s3:DeleteBucketReplication",
        "s3:DeleteBucketTagging",
        "s3:GetObjectMetadata",
        "s3:PutBucketReplication",
        "s3:PutObjectLockConfiguration",
        "s3:REST.PUT.OBJECT",
    }
)
"""Names in the schemas that the Service Authorization Reference does not have; most are API operations."""

UNUSED: Final[Mapping[str, Mapping[str, str]]] = {
    "AWS::DynamoDB::Table": {
        "Replicas": "dynamodb:AssociateTableReplica dynamodb:BatchWriteItem dynamodb:CreateTableReplica "
        "dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Query dynamodb:Scan dynamodb:UpdateItem "
        "iam:CreateServiceLinkedRole kms:RevokeGrant",
        "ImportSourceSpecification": "dynamodb:DescribeImport dynamodb:ImportTable s3:GetObject s3:ListBucket "
        "logs:CreateLogGroup logs:CreateLogStream logs:DescribeLogGroups logs:DescribeLogStreams logs:PutLogEvents "
        "logs:PutRetentionPolicy",
        "KinesisStreamSpecification": "dynamodb:DisableKinesisStreamingDestination "
        "dynamodb:EnableKinesisStreamingDestination dynamodb:UpdateKinesisStreamingDestination "
        "kinesis:DescribeStream kinesis:PutRecords",
        "ResourcePolicy": "dynamodb:DeleteResourcePolicy dynamodb:PutResourcePolicy",
        "ContributorInsightsSpecification": "dynamodb:UpdateContributorInsights",
        "SSESpecification.KMSMasterKeyId as an alias": "kms:ListAliases",
    },
    "AWS::Events::Rule": {"RoleArn": "iam:PassRole", "Targets.RoleArn": "iam:PassRole"},
    "AWS::IAM::ManagedPolicy": {
        "Groups": "iam:AttachGroupPolicy iam:DetachGroupPolicy",
        "Users": "iam:AttachUserPolicy iam:DetachUserPolicy",
    },
    "AWS::IAM::Role": {"ManagedPolicyArns": "iam:AttachRolePolicy iam:DetachRolePolicy"},
    "AWS::Lambda::Function": {
        "CapacityProviderConfig": "lambda:PassCapacityProvider lambda:PutFunctionScalingConfig",
        "Code.S3ObjectVersion": "s3:GetObjectVersion",
        "CodeSigningConfigArn": "lambda:DeleteFunctionCodeSigningConfig lambda:GetCodeSigningConfig "
        "lambda:PutFunctionCodeSigningConfig",
        "FileSystemConfigs": "elasticfilesystem:DescribeMountTargets s3files:ListMountTargets",
        "Layers": "lambda:GetLayerVersion",
        "PublishToLatestPublished": "lambda:PublishVersion",
        "RecursiveLoop": "lambda:PutFunctionRecursionConfig",
        "RuntimeManagementConfig": "lambda:PutRuntimeManagementConfig",
    },
    "AWS::Logs::LogGroup": {
        "BearerTokenAuthenticationEnabled": "logs:PutBearerTokenAuthentication",
        "DataProtectionPolicy": "firehose:TagDeliveryStream logs:CreateLogDelivery logs:DeleteDataProtectionPolicy "
        "logs:PutDataProtectionPolicy",
        "DeletionProtectionEnabled": "logs:PutLogGroupDeletionProtection",
        "FieldIndexPolicies": "logs:DeleteIndexPolicy logs:PutIndexPolicy",
        "ResourcePolicyDocument": "logs:DeleteResourcePolicy logs:PutResourcePolicy",
    },
    "AWS::Pipes::Pipe": {
        "LogConfiguration.FirehoseLogDestination": "firehose:TagDeliveryStream iam:CreateServiceLinkedRole",
        "LogConfiguration.S3LogDestination": "s3:GetBucketPolicy s3:PutBucketPolicy",
    },
    "AWS::S3::Bucket": {
        "AbacStatus": "s3:PutBucketAbac",
        "AccelerateConfiguration": "s3:PutAccelerateConfiguration",
        "AccessControl": "s3:GetBucketAcl s3:PutBucketAcl s3:PutObjectAcl",
        "AnalyticsConfigurations": "s3:PutAnalyticsConfiguration",
        "CorsConfiguration": "s3:PutBucketCORS",
        "IntelligentTieringConfigurations": "s3:PutIntelligentTieringConfiguration",
        "InventoryConfigurations": "s3:PutInventoryConfiguration",
        "LoggingConfiguration": "s3:PutBucketLogging",
        "MetadataTableConfiguration": "s3:CreateBucketMetadataTableConfiguration s3:DeleteObject "
        "s3:DeleteBucketMetadataTableConfiguration s3:GetBucketMetadataTableConfiguration "
        "s3:UpdateBucketMetadataAnnotationTableConfiguration s3:UpdateBucketMetadataInventoryTableConfiguration "
        "s3:UpdateBucketMetadataJournalTableConfiguration s3tables:CreateNamespace s3tables:CreateTable "
        "s3tables:CreateTableBucket s3tables:GetTable s3tables:GetTableMetadataLocation "
        "s3tables:PutTableBucketPolicy s3tables:PutTableEncryption s3tables:PutTablePolicy "
        "s3tables:UpdateTableMetadataLocation",
        "MetricsConfigurations": "s3:PutMetricsConfiguration",
        "NotificationConfiguration": "s3:PutBucketNotification",
        "ObjectLockConfiguration": "s3:PutBucketObjectLockConfiguration",
        "ReplicationConfiguration": "iam:PassRole s3:PutReplicationConfiguration",
        "VersioningConfiguration": "s3:PutBucketVersioning",
        "WebsiteConfiguration": "s3:DeleteBucketWebsite s3:PutBucketWebsite",
    },
    "AWS::SNS::Subscription": {"SubscriptionRoleArn": "iam:GetRole iam:PassRole"},
    "AWS::SNS::Topic": {
        "DataProtectionPolicy": "sns:PutDataProtectionPolicy",
        "DeliveryStatusLogging": "iam:GetRole iam:PassRole",
        "Subscription": "sns:Subscribe sns:Unsubscribe",
    },
    "AWS::StepFunctions::StateMachine": {"DefinitionS3Location": "s3:GetObject s3:GetObjectVersion"},
}
"""Actions that only properties need which no template has that the deploy roles deploy: by type and that property."""

FORGOTTEN: Final[Mapping[tuple[str, Operation], tuple[str, ...]]] = {
    # A role that is created with a boundary. Source: IAM User Guide, "Permissions boundaries for IAM entities".
    ("AWS::IAM::Role", "create"): ("iam:PutRolePermissionsBoundary",),
}
"""Actions that a handler needs and its schema does not name."""

WITHOUT_RESOURCE: Final = frozenset(
    {
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcs",
        "kms:CreateKey",
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DeleteQueryDefinition",
        "logs:DescribeIndexPolicies",
        "logs:DescribeLogGroups",
        "logs:DescribeQueryDefinitions",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutQueryDefinition",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
    }
)
"""Actions that can be granted on `*` alone. Source: Service Authorization Reference."""


def actions(resource_type: str, operation: Operation, properties: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """Return the IAM actions that an operation on a resource of a type needs, in order; KeyError for other types.

    What only an `UNUSED` property needs is among them where the properties have it.
    """
    schema = load_schema(resource_type)
    if schema is None or resource_type not in _SUBJECTS:
        raise KeyError(resource_type)
    named = [*schema.permissions.get(operation, ()), *FORGOTTEN.get((resource_type, operation), ())]
    named += schema.tagging_permissions if operation == "update" else ()
    unused = {action for listed in UNUSED.get(resource_type, {}).values() for action in listed.split()}
    used = {
        action
        for path, listed in UNUSED.get(resource_type, {}).items()
        if any(_values(properties or {}, path.split(".")))
        for action in listed.split()
    }
    return tuple(action for action in dict.fromkeys(named) if action not in UNKNOWN | (unused - used))


def arns(action: str, resource_type: str, name: str, place: Place = SUB) -> tuple[str, ...]:
    """Return the ARNs that an action on a resource of a type is for, by its name or a pattern for it, or `*`.

    The pattern stands for the names of roles and buckets that the resource uses, too; KMS keys have no names.
    """
    return tuple(need.resource for need in _needs(action, resource_type, name, {}, place))


def needs(
    resource_type: str, operation: Operation, name: str, properties: Mapping[str, Any], place: Place = SUB
) -> tuple[Need, ...]:
    """Return all that an operation on one resource must be allowed.

    Roles, objects and other resources that the properties name (as ARNs and names, without intrinsic functions) are
    asked for by those; without any properties the name, then a pattern, stands for these, too.
    """
    return tuple(
        need
        for action in actions(resource_type, operation, properties)
        for need in _needs(action, resource_type, name, properties, place)
    )


def _needs(action: str, resource_type: str, name: str, properties: Mapping[str, Any], place: Place) -> Iterator[Need]:
    subject, service = _SUBJECTS[resource_type], action.partition(":")[0]
    if service == "ec2" and properties and "VpcConfig" not in properties:
        return
    if action in WITHOUT_RESOURCE:
        yield Need(action, "*")
    elif service == "kms" and resource_type != "AWS::KMS::Key":
        for key in _named(properties, subject.key, "*"):
            yield Need(action, _arn("kms:key/{}", key, place))
    elif action in {"iam:PassRole", "iam:GetRole"} and subject.role:
        passed_to = f"{subject.passed_to}.amazonaws.com" if action == "iam:PassRole" else ""
        targets = _named(properties, subject.target_role, name) if subject.target_role else []
        for role in dict.fromkeys((*_named(properties, subject.role, name), *targets)):
            yield Need(action, _arn("iam:role/{}", role, place), passed_to)
    elif action.endswith("RolePolicy") and resource_type == "AWS::IAM::ManagedPolicy":
        for role in _named(properties, ("Roles",), name):
            yield Need(action, _arn("iam:role/{}", role, place))
    elif action == "s3:GetObject":
        code = properties.get("Code", {"S3Bucket": name, "S3Key": "*"})
        if "S3Bucket" in code:
            yield Need(action, _arn("s3:{}", f"{code['S3Bucket']}/{code['S3Key']}", place))
    else:
        for arn in _own_arns(action, resource_type, name, properties, place):
            yield Need(action, arn)


def _own_arns(action: str, resource_type: str, name: str, properties: Mapping[str, Any], place: Place) -> Iterator[str]:
    subject = _SUBJECTS[resource_type]
    for each in _named(properties, (subject.named_by,), name) if subject.named_by else [name]:
        if resource_type == "AWS::Scheduler::Schedule":
            group = properties.get("GroupName", "default") if properties else "*"
            yield _arn(subject.form, f"{group}/{each}", place)
        elif action == "scheduler:DeleteSchedule":
            yield _arn("scheduler:schedule/{}", f"{each}/*", place)
        elif resource_type in _WITH_PATH:
            yield _arn(subject.form, f"{properties.get('Path', '/').removeprefix('/')}{each}", place)
        else:
            yield _arn(subject.form, each, place)
        if resource_type == "AWS::Logs::LogGroup":
            # Tags are of the group; all else is asked for on `log-group:NAME:log-stream:`.
            yield _arn(subject.form, f"{each}:*", place)


def _named(properties: Mapping[str, Any], path: tuple[str, ...], pattern: str) -> list[str]:
    """Return the names or ARNs at a path of the properties; the pattern if there are no properties at all."""
    if not properties:
        return [pattern]
    return [str(each) for each in _values(properties, path) if each]


def _values(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """Yield what stands at a path, in each item of a list on the way and at its end."""
    if isinstance(value, list):
        for item in value:
            yield from _values(item, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _values(value[path[0]], path[1:])


def _arn(form: str, name: str, place: Place) -> str:
    """Return an ARN; the name may be one already, or the URL of a queue or of a provider of identities."""
    if name.startswith("arn:"):
        return name
    service, _, resource = form.partition(":")
    if "://" in name:
        name = name.rpartition("/")[2] if service == "sqs" else name.partition("://")[2]
    # The dashboards of an account are those of all Regions.
    region = "" if service in {"iam", "s3"} or resource.startswith("dashboard/") else place.region
    account = "" if service == "s3" else place.account
    return f"arn:{place.partition}:{service}:{region}:{account}:{resource.format(name)}"
