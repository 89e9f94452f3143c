"""What the roles of a deployment may do: the caller's by what commands call, CloudFormation's by types of resources.

Names are patterns, so that a workflow that is declared tomorrow needs no other role. Each has the environment in it,
but for roles: CloudFormation names those after their stack, and shortens that. A function that it names has its stack's
name in full: a declaration in which that could be cut is refused.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from troposphere import GetAtt, If, NoValue, Ref, Sub

from handlers.runtime.contract import EXECUTIONS_PREFIX
from templates import naming, resource_actions

Json: TypeAlias = dict[str, Any]

WORKFLOW_BOUNDARY: Final = "WorkflowBoundary"
HAS_WORKFLOW_BOUNDARY: Final = "HasWorkflowBoundary"
ROLE_PATH: Final = "/deploy/"
"""No pattern of the service role's names fits it: CloudFormation cannot change what it may do itself."""

UPLOADED: Final = ("handlers", "glue", "deployments")
"""What the keys of the artifact bucket begin with: packages, scripts, and templates with records of deployments."""

_WHOLE: Final = naming.resource("*")
_PART: Final = naming.resource("*", "*")
_BUCKETS: Final = (naming.WORKFLOW_BUCKET, naming.ARTIFACT_BUCKET)
_ROLES: Final = f"{naming.PREFIX}-*"
_ROLES_ARN: Final = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role"
_ROLE_ARN: Final = f"{_ROLES_ARN}/{_ROLES}"
_CODE_ARN: Final = f"{naming.ARTIFACT_BUCKET_ARN}/*"
_LOG_GROUPS: Final = (
    f"{naming.FUNCTION_LOGS}{_PART}",
    f"{naming.JOB_LOGS}/{_PART}",
    f"{naming.STATE_MACHINE_LOGS}{_WHOLE}",
    f"{naming.PIPE_LOGS}{_WHOLE}",
)
_SCHEDULES: Final = naming.resource("*", naming.SCHEDULE)
_ANY: Final = "*"
# Source: CloudWatch User Guide, "CloudWatch permissions reference": a narrower grant does not list alarms.
_ALARMS: Final = naming.arn("cloudwatch", "alarm:*")

NAMES: Final[dict[str, tuple[str, ...]]] = {
    "AWS::CloudWatch::Alarm": (_PART,),
    "AWS::CloudWatch::Dashboard": (_WHOLE,),
    "AWS::DynamoDB::Table": (naming.table("*"),),
    "AWS::Events::Rule": (_PART,),
    "AWS::Glue::Job": (_PART,),
    "AWS::IAM::Role": (_ROLES,),
    "AWS::Lambda::Function": (_PART,),
    "AWS::Logs::LogGroup": _LOG_GROUPS,
    "AWS::Logs::QueryDefinition": (naming.query("*", "*"),),
    "AWS::Pipes::Pipe": (_WHOLE,),
    "AWS::S3::Bucket": _BUCKETS,
    "AWS::S3::BucketPolicy": _BUCKETS,
    "AWS::SNS::Subscription": (naming.ALERT_TOPIC,),
    "AWS::SNS::Topic": (naming.ALERT_TOPIC,),
    "AWS::SNS::TopicPolicy": (naming.ALERT_TOPIC,),
    "AWS::SQS::Queue": (_PART,),
    "AWS::SQS::QueuePolicy": (_PART,),
    "AWS::Scheduler::Schedule": (_SCHEDULES,),
    "AWS::Scheduler::ScheduleGroup": (_SCHEDULES,),
    "AWS::StepFunctions::StateMachine": (_WHOLE,),
}
"""The physical names of each type that ceap makes, as patterns: `Fn::Sub` texts."""

# Whoever may do these without a condition makes a role that may do anything; whoever may take a boundary off, too.
# Source: IAM User Guide, "Permissions boundaries for IAM entities".
_BOUNDED: Final = frozenset(("iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"))
_UNBINDING: Final = "iam:DeleteRolePermissionsBoundary"


class Granted(NamedTuple):
    """Actions on ARNs (`Fn::Sub` texts) or on `*`; `passed_to` are the services to which roles are passed."""

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    passed_to: tuple[str, ...] = ()


def _grant(sid: str, service: str, names: str, *resources: str) -> Granted:
    """Return the grant of a service's actions, whose names stand in one text."""
    return Granted(sid, tuple(f"{service}:{name}" for name in names.split()), resources)


CALLER: Final = (
    _grant(
        "Stacks",
        "cloudformation",
        "ContinueUpdateRollback CreateChangeSet DeleteChangeSet DeleteStack DescribeChangeSet DescribeStackEvents "
        "DescribeStacks ExecuteChangeSet GetTemplate ListChangeSets ListStackResources TagResource UntagResource "
        "UpdateTerminationProtection",
        naming.arn("cloudformation", f"stack/{_WHOLE}/*"),
    ),
    _grant(
        "StackOfRoles",
        "cloudformation",
        "DescribeStacks GetTemplate",
        naming.arn("cloudformation", f"stack/{naming.stack(naming.DEPLOY, '${Environment}')}/*"),
    ),
    # Which stack has a resource: no name of a stack narrows this call.
    _grant("AllStacks", "cloudformation", "DescribeStackResources", naming.arn("cloudformation", "stack/*")),
    # Also which stacks were deleted, and may have left something.
    _grant("Lists", "cloudformation", "ListExports ListImports ListStacks", _ANY),
    # CloudFormation reads a template of the bucket as the caller.
    _grant("Artifacts", "s3", "GetObject PutObject", *(f"{naming.ARTIFACT_BUCKET_ARN}/{name}/*" for name in UPLOADED)),
    # Whether buckets and their policies are still there, and whether those to adopt fit, too.
    _grant(
        "Buckets",
        "s3",
        "GetBucketPolicy GetBucketPublicAccessBlock GetBucketVersioning GetEncryptionConfiguration "
        "GetLifecycleConfiguration ListBucket",
        naming.ARTIFACT_BUCKET_ARN,
        naming.WORKFLOW_BUCKET_ARN,
    ),
    # A preflight asks what the two roles may do, and whether the names of a new stack are free.
    _grant("OwnRights", "iam", "GetRole SimulatePrincipalPolicy", f"{_ROLES_ARN}{ROLE_PATH}*"),
    _grant("LogPolicies", "logs", "DescribeLogGroups DescribeResourcePolicies", _ANY),
    _grant("Alarms", "cloudwatch", "DescribeAlarms", _ALARMS),
    _grant("Functions", "lambda", "GetFunctionConfiguration", naming.arn("lambda", f"function:{_PART}")),
    _grant("Jobs", "glue", "GetJob GetJobRuns", naming.arn("glue", f"job/{_PART}")),
    _grant("Rules", "events", "DescribeRule", naming.arn("events", f"rule/{_PART}")),
    _grant("Topic", "sns", "GetTopicAttributes", naming.arn("sns", naming.ALERT_TOPIC)),
    _grant("Schedules", "scheduler", "GetScheduleGroup", naming.arn("scheduler", f"schedule-group/{_SCHEDULES}")),
    # Before it destroys a stack, ceap stops the pipe and waits for executions and messages.
    _grant("Pipes", "pipes", "DescribePipe StartPipe StopPipe", naming.arn("pipes", f"pipe/{_WHOLE}")),
    _grant(
        "StateMachines", "states", "DescribeStateMachine ListExecutions", naming.arn("states", f"stateMachine:{_WHOLE}")
    ),
    # What a smoke test sends, verifies and removes.
    _grant(
        "Executions",
        "states",
        "DescribeExecution DescribeStateMachineForExecution",
        naming.arn("states", f"execution:{_WHOLE}:*"),
    ),
    _grant(
        "Queues",
        "sqs",
        "DeleteMessage GetQueueAttributes GetQueueUrl ReceiveMessage SendMessage",
        naming.arn("sqs", _PART),
    ),
    _grant("Outputs", "s3", "DeleteObject GetObject", f"{naming.WORKFLOW_BUCKET_ARN}/{EXECUTIONS_PREFIX}*"),
    _grant("Tables", "dynamodb", "DeleteItem DescribeTable Scan", naming.arn("dynamodb", f"table/{naming.table('*')}")),
    _grant(
        "Logs",
        "logs",
        "DescribeLogStreams FilterLogEvents",
        *(naming.arn("logs", f"log-group:{name}:*") for name in _LOG_GROUPS),
    ),
    _grant("Traces", "xray", "BatchGetTraces", _ANY),
)
"""What `ceap deploy`, `rollback`, `destroy`, `smoke` and `diff` call themselves."""


def service_grants(types: Collection[str], *, in_vpc: bool) -> list[Granted]:
    """Return what CloudFormation needs for resources of these types, in all of their operations.

    Types that are not ceap's are left out: whoever adds one attaches a policy for it. Actions on the customer key stand
    in `key_policy`. `in_vpc` says whether functions run in a VPC.
    """
    resources: dict[tuple[str, str], set[str]] = defaultdict(set)
    for need in _needs(types):
        service, _, _ = need.action.partition(":")
        if service != "kms" and need.action != _UNBINDING and (in_vpc or service != "ec2"):
            resources[need.action, need.passed_to].add(need.resource)
    by_resources: dict[tuple[tuple[str, ...], bool], set[tuple[str, str]]] = defaultdict(set)
    for (action, passed_to), arns in resources.items():
        # A pattern that ends in a wildcard fits what is below it, too.
        apart = [arn for arn in arns if not (arn.endswith("*:*") and arn.removesuffix(":*") in arns)]
        by_resources[_sorted(apart), bool(passed_to)].add((action, passed_to))
    grants = [
        _named(_sorted(action for action, _ in pairs), arns, _sorted(service for _, service in pairs if service))
        for (arns, _), pairs in by_resources.items()
    ]
    titles = Counter[str]()
    return [_numbered(granted, titles) for granted in sorted(grants)]


def _numbered(granted: Granted, titles: Counter[str]) -> Granted:
    """Return a grant under a title of its own, of which `titles` counts the uses."""
    titles[granted.sid] += 1
    number = titles[granted.sid]
    return granted._replace(sid=f"{granted.sid}{number}") if number > 1 else granted


def _named(actions: tuple[str, ...], arns: tuple[str, ...], passed_to: tuple[str, ...]) -> Granted:
    if passed_to:
        return Granted("PassRoles", actions, arns, passed_to)
    services = {action.partition(":")[0].capitalize() for action in actions}
    ending = "List" if arns == (_ALARMS,) else "Anywhere" if arns == (_ANY,) else "Code" if arns == (_CODE_ARN,) else ""
    return Granted("".join(sorted(services)) + ending, actions, arns)


def caller_policy(service_role: str) -> Json:
    """Return what the caller may do: call the commands, and pass its stacks' role to CloudFormation alone.

    Source: CloudFormation User Guide, "CloudFormation service role".
    """
    passing = {
        "Sid": "PassServiceRole",
        "Effect": "Allow",
        "Action": ["iam:PassRole"],
        "Resource": [GetAtt(service_role, "Arn")],
        "Condition": _passed_to("cloudformation.amazonaws.com"),
    }
    return _policy([*(_statement(granted, naming.ADOPTABLE) for granted in CALLER), passing])


def service_policy(types: Collection[str], *, in_vpc: bool) -> Json:
    """Return what CloudFormation may do; with a workflow boundary, it makes and changes only roles that have it."""
    grants = [part for granted in service_grants(types, in_vpc=in_vpc) for part in _parted(granted)]
    # CloudFormation reads the code of functions, and changes nothing that is adopted.
    code = {naming.ARTIFACT_BUCKET: naming.ARTIFACT_BUCKET_ID}
    return _policy(_statement(each, code if each.resources == (_CODE_ARN,) else {}) for each in grants)


def unbinding_policy() -> Json:
    """Return what takes a boundary off a role, which CloudFormation may only where roles need none."""
    return _policy([_statement(Granted("TakeBoundaryOff", (_UNBINDING,), (_ROLE_ARN,)))])


def key_policy(types: Collection[str]) -> Json:
    """Return what CloudFormation does with the customer key for resources of these types."""
    actions = _sorted(need.action for need in _needs(types) if need.action.startswith("kms:"))
    statement = {"Sid": "UseKey", "Effect": "Allow", "Action": [*actions], "Resource": [Ref(naming.KMS_KEY_PARAMETER)]}
    return _policy([statement])


def _needs(types: Collection[str]) -> Iterator[resource_actions.Need]:
    operations: tuple[resource_actions.Operation, ...] = ("create", "read", "update", "delete")
    for kind in sorted(NAMES.keys() & set(types)):
        for name in NAMES[kind]:
            for operation in operations:
                yield from map(_narrowed, resource_actions.needs(kind, operation, name, {}))


def _narrowed(need: resource_actions.Need) -> resource_actions.Need:
    """Return a need on what it is for, where the name of the type stood for that: roles, code; or on all alarms."""
    if need.action == "cloudwatch:DescribeAlarms":
        return need._replace(resource=_ALARMS)
    if need.action == "s3:GetObject":
        return need._replace(resource=_CODE_ARN)
    return need._replace(resource=_ROLE_ARN) if ":role/" in need.resource else need


def _parted(granted: Granted) -> Iterator[Granted]:
    """Yield the actions that a boundary limits, then all others: a condition holds for a whole statement."""
    bounded = tuple(action for action in granted.actions if action in _BOUNDED)
    if bounded:
        yield Granted(f"{granted.sid}Bounded", bounded, granted.resources)
        granted = granted._replace(actions=tuple(action for action in granted.actions if action not in _BOUNDED))
    yield granted


def _statement(granted: Granted, adoptable: Mapping[str, str] = MappingProxyType({})) -> Json:
    resources = [arn if arn == _ANY else _resource(arn, adoptable) for arn in granted.resources]
    statement: Json = {"Sid": granted.sid, "Effect": "Allow", "Action": [*granted.actions], "Resource": resources}
    if granted.passed_to:
        statement["Condition"] = _passed_to(*granted.passed_to)
    elif _BOUNDED.intersection(granted.actions):
        boundary = {"StringEquals": {"iam:PermissionsBoundary": Ref(WORKFLOW_BOUNDARY)}}
        statement["Condition"] = If(HAS_WORKFLOW_BOUNDARY, boundary, NoValue)
    return statement


def _resource(arn: str, adoptable: Mapping[str, str]) -> Sub | If:
    """Return an ARN of what the foundation makes or, where it adopts another resource, of that one."""
    for made, logical_id in adoptable.items():
        if made in arn:
            parameter = naming.adoption(logical_id)
            adopted = Ref(parameter) if arn == made else Sub(arn.replace(made, f"${{{parameter}}}"))
            return If(naming.creation(logical_id), Sub(arn), adopted)
    return Sub(arn)


def _passed_to(*services: str) -> Json:
    return {"StringEquals": {"iam:PassedToService": list(services)}}


def _policy(statements: Iterable[Json]) -> Json:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _sorted(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(texts)))
