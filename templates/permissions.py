"""The IAM policy documents, one function per role, and the resource policies.

Grants that only failures, tracing or log delivery need carry a comment.
"""

from collections.abc import Sequence
from typing import Any, Final, assert_never

from awacs import aws, awslambda, ec2, events, glue, kms, logs, s3, secretsmanager, sns, sqs, ssm, sts, xray
from awacs.aws import Action, Allow, Condition, Deny, PolicyDocument, Principal, Statement, StringEquals, StringLike
from troposphere import GetAtt, Ref, Sub

from handlers.runtime.contract import INITIAL_FOLDER, output_key, stage_prefix
from handlers.runtime.needs import Grant, Needs, Publish
from templates import naming
from templates.imports import artifact_arn, imported, workflow_bucket_arn
from templates.model import GlueStep, LambdaStep, Workflow
from templates.objects import shared
from templates.placeholders import substituted

LOG_DELIVERY: Final = (
    logs.CreateLogDelivery,
    logs.GetLogDelivery,
    logs.UpdateLogDelivery,
    logs.DeleteLogDelivery,
    logs.ListLogDeliveries,
    logs.PutResourcePolicy,
    logs.DescribeResourcePolicies,
    logs.DescribeLogGroups,
)
WRITE_LOGS: Final = (logs.CreateLogStream, logs.PutLogEvents)
FIND_NETWORK: Final = (ec2.DescribeNetworkInterfaces, ec2.DescribeSubnets)
MANAGE_INTERFACES: Final = (
    ec2.DeleteNetworkInterface,
    ec2.AssignPrivateIpAddresses,
    ec2.UnassignPrivateIpAddresses,
)
SEND_TRACES: Final = (xray.PutTraceSegments, xray.PutTelemetryRecords)


def trust(service: str, source_arn: str | None = None) -> PolicyDocument:
    """Return a role's trust policy: the service may assume it for `source_arn`, or any resource of this account.

    Glue and CloudFormation are not known to send aws:SourceAccount, and on a key that is not sent the condition would
    always fail. Source: IAM User Guide, "The confused deputy problem".
    """
    if source_arn is not None:
        return _assumed_by(service, Condition=_only_from(source_arn))
    return _trust_for_any(service)


@shared
def _trust_for_any(service: str) -> PolicyDocument:
    if service in ("glue", "cloudformation"):
        return _assumed_by(service)
    return _assumed_by(service, Condition=Condition(StringEquals({"aws:SourceAccount": Ref("AWS::AccountId")})))


def _assumed_by(service: str, **condition: Condition) -> PolicyDocument:
    principal = Principal("Service", f"{service}.amazonaws.com")
    return _document(Statement(Effect=Allow, Principal=principal, Action=[sts.AssumeRole], **condition))


def function_policy(
    stage: str,
    previous: str | None,
    needs: Needs,
    source_bucket: str | None,
    log_group_id: str,
    *,
    in_vpc: str | None = None,
    legacy: str | None = None,
    event_bus: str | None = None,
) -> PolicyDocument:
    """Return what a stage's function may do: read the previous stage's output, write below its own, its needs, logs.

    `source_bucket` is the bucket that messages may name, if the step has one; `in_vpc` is the function's name, or `*`
    for a generated one, if it runs in a VPC; `legacy` is the parameter with the ARN of the existing function that does
    the step, if one does; `event_bus` is the one with the name of an adopted event bus.

    Source: requirement 11.9, properties 40 and 42.
    """
    return _document(
        *_read_previous(previous),
        _write_own(stage),
        *_read_source(source_bucket),
        *(_use_table(table.name, bool(table.indexes), tuple(actions)) for table, actions in needs.tables.items()),
        *([_publish(needs.events, event_bus)] if needs.events else []),
        *_read_values(needs),
        *([_invoke(legacy)] if legacy else []),
        *(_grant(number, grant) for number, grant in enumerate(needs.grants, start=1)),
        *_logs_and_tracing(log_group_id),
        *(_network(in_vpc) if in_vpc else ()),
    )


def job_policy(stage: str, previous: str | None, script: str, log_group_ids: list[str]) -> PolicyDocument:
    """Return what a Glue job may do: fetch its code, read its input, write and compose below its own stage, log.

    Source: requirement 11.9, properties 40 and 42; AWS Glue Developer Guide, "Logging for AWS Glue jobs".
    """
    parts = stage_prefix("*", stage) + "_parts/"
    return _document(
        _allow(
            "ReadScript",
            [s3.GetObject],
            *map(artifact_arn, (naming.script_key(script), naming.library_key())),
        ),
        _allow("ReadPreviousStage", [s3.GetObject], workflow_bucket_arn(output_key("*", previous or INITIAL_FOLDER))),
        _write_own(stage),
        # Parts are copied into the output and then removed, with those of an earlier run that was killed.
        _allow("ComposeOutput", [s3.GetObject, s3.DeleteObject], workflow_bucket_arn(parts + "*")),
        _allow(
            "ListParts",
            [s3.ListBucket],
            workflow_bucket_arn(),
            Condition=Condition(StringLike({"s3:prefix": parts})),
        ),
        _allow("WriteLogs", WRITE_LOGS, *[GetAtt(group, "Arn") for group in log_group_ids]),
    )


def state_machine_policy(workflow: Workflow, log_group_id: str) -> PolicyDocument:
    """Return what a state machine may do: run its functions and jobs, hand a first job its input, log, trace.

    Log delivery and tracing take no resource but "*". AWS lists the actions of WriteLogs with those of log delivery;
    without them, users report, EXPRESS logs nothing.
    Source: Step Functions Developer Guide, "Logging using CloudWatch Logs" and "X-Ray".
    """
    return _document(
        *_run_steps(workflow),
        _deliver_logs(),
        _allow("WriteLogs", WRITE_LOGS, GetAtt(log_group_id, "Arn")),
        _trace_executions(),
    )


def key_policy() -> PolicyDocument:
    """Return what every role may do with the customer key: decrypt what it reads, encrypt what it writes."""
    return _document(_allow("UseKey", [kms.Decrypt, kms.GenerateDataKey], Ref(naming.KMS_KEY_PARAMETER)))


def pipe_policy(start: Action, queue_arn: Any, state_machine_arn: Any, log_group_arn: Any) -> PolicyDocument:
    """Return what a pipe may do: take messages, start the state machine with that one action, write its own log.

    Source: EventBridge User Guide, "Permissions for Amazon EventBridge Pipes".
    """
    return _document(
        _allow("TakeMessages", [sqs.ReceiveMessage, sqs.DeleteMessage, sqs.GetQueueAttributes], queue_arn),
        _allow("StartExecutions", [start], state_machine_arn),
        _allow("WriteLogs", WRITE_LOGS, log_group_arn),
    )


def tls_only(action_prefix: str, *arns: Any) -> PolicyDocument:
    """Return the resource policy that denies every request that does not come over TLS."""
    return _document(_deny_plain(action_prefix, *arns))


def alert_topic_policy(topic: Any) -> PolicyDocument:
    """Return the policy that lets this account's alarms and event rules publish to the alert topic."""
    return _document(
        _allow_service("Alarms", "cloudwatch", "alarm:*", sns.Publish, topic),
        _allow_service("Rules", "events", "rule/*", sns.Publish, topic),
    )


def schedule_policy(queue_arn: Any, dead_letter_arn: Any) -> PolicyDocument:
    """Return what a schedule may do: send its message, and keep one that could not be sent.

    Source: EventBridge Scheduler User Guide, "Setting up the execution role" and "Configuring a dead-letter queue".
    """
    return _document(
        _allow("SendMessages", [sqs.SendMessage], queue_arn), _allow("KeepUnsent", [sqs.SendMessage], dead_letter_arn)
    )


def rule_queue_policy(sid: str, queue_arn: Any, rule: str) -> PolicyDocument:
    """Return the policy of a queue to which one event rule may send, over TLS only.

    Source: EventBridge User Guide, "Using resource-based policies" and "Using dead-letter queues".
    """
    return _document(
        _allow_service(sid, "events", f"rule/{rule}", sqs.SendMessage, queue_arn), _deny_plain("sqs", queue_arn)
    )


def _document(*statements: Statement) -> PolicyDocument:
    return PolicyDocument(Version="2012-10-17", Statement=list(statements))


def _allow(sid: str, actions: Sequence[Action], *resources: Any, **condition: Condition) -> Statement:
    return Statement(Sid=sid, Effect=Allow, Action=list(actions), Resource=list(resources), **condition)


@shared
def _deliver_logs() -> Statement:
    return _allow("DeliverLogs", LOG_DELIVERY, "*")


@shared
def _trace() -> Statement:
    return _allow("Trace", SEND_TRACES, "*")


@shared
def _trace_executions() -> Statement:
    return _allow("Trace", [*SEND_TRACES, xray.GetSamplingRules, xray.GetSamplingTargets], "*")


def _allow_service(sid: str, service: str, source: str, action: Action, resource: Any) -> Statement:
    """Return the statement that allows a service one action, for the resources of its own that `source` names."""
    return Statement(
        Sid=sid,
        Effect=Allow,
        Principal=Principal("Service", f"{service}.amazonaws.com"),
        Action=[action],
        Resource=[resource],
        Condition=_only_from(naming.arn(service, source)),
    )


def _deny_plain(action_prefix: str, *arns: Any) -> Statement:
    return Statement(
        Sid="TlsOnly",
        Effect=Deny,
        Principal=Principal("*"),
        Action=[Action(action_prefix, "*")],
        Resource=list(arns),
        Condition=Condition(aws.Bool({"aws:SecureTransport": "false"})),
    )


def _run_steps(workflow: Workflow) -> list[Statement]:
    """Return the grants for the steps' tasks; `.sync` polls and, when it is stopped, ends the job's run.

    Source: Step Functions Developer Guide, "IAM policies for calling AWS Glue".
    """
    functions, jobs = [], []
    for step in workflow.steps:
        match step:
            case LambdaStep():
                functions.append(GetAtt(naming.function_id(step.stage), "Arn"))
            case GlueStep():
                jobs.append(Sub(naming.arn("glue", f"job/{naming.job(workflow.name, step.stage)}")))
            case _:
                assert_never(step)
    statements = []
    if workflow.has_stage_input:
        arn = workflow_bucket_arn(output_key("*", INITIAL_FOLDER))
        statements.append(_allow("WriteStageInput", [s3.PutObject], arn))
    if functions:
        statements.append(_allow("InvokeFunctions", [awslambda.InvokeFunction], *functions))
    if jobs:
        actions = [glue.StartJobRun, glue.GetJobRun, glue.GetJobRuns, glue.BatchStopJobRun]
        statements.append(_allow("RunJobs", actions, *jobs))
    return statements


def _only_from(source_arn: str) -> Condition:
    compare = aws.ArnLike if "*" in source_arn else aws.ArnEquals
    return Condition(
        [StringEquals({"aws:SourceAccount": Ref("AWS::AccountId")}), compare({"aws:SourceArn": Sub(source_arn)})]
    )


def _read_previous(previous: str | None) -> list[Statement]:
    if previous is None:
        return []
    key = output_key("*", previous)
    return [
        _allow("ReadPreviousStage", [s3.GetObject], workflow_bucket_arn(key)),
        # Used only when the object is missing: S3 then answers 404 instead of 403.
        _allow(
            "TellMissingFromForbidden",
            [s3.ListBucket],
            workflow_bucket_arn(),
            Condition=Condition(StringLike({"s3:prefix": key})),
        ),
    ]


def _write_own(stage: str) -> Statement:
    # AbortMultipartUpload: only when a large output fails on its way.
    actions = [s3.PutObject, s3.AbortMultipartUpload]
    return _allow("WriteOwnStage", actions, workflow_bucket_arn(stage_prefix("*", stage) + "*"))


def _read_source(bucket: str | None) -> list[Statement]:
    if bucket is None:
        return []
    arn = naming.bucket_arn(bucket)
    return [
        _allow("ReadSource", [s3.GetObject], Sub(f"{arn}/*")),
        # For a source with a prefix; and with it S3 answers 404 instead of 403 to a key that is missing.
        _allow("ListSource", [s3.ListBucket], Sub(arn)),
    ]


@shared
def _use_table(table: str, has_indexes: bool, actions: tuple[str, ...]) -> Statement:
    name = f"{naming.table_id(table)}Name"
    resources = [f"table/${{{name}}}"]
    if "Query" in actions and has_indexes:
        resources.append(f"table/${{{name}}}/index/*")
    arns = [Sub(naming.arn("dynamodb", resource), **{name: imported(name)}) for resource in resources]
    return _allow(f"Use{naming.table_id(table)}", [Action("dynamodb", action) for action in actions], *arns)


def _publish(kind: Publish, adopted_bus: str | None) -> Statement:
    bus = f"${{{adopted_bus}}}" if adopted_bus else naming.EVENT_BUS
    return _allow(
        "PublishEvents",
        [events.PutEvents],
        Sub(naming.arn("events", f"event-bus/{bus}")),
        Condition=Condition(StringEquals({"events:source": kind.source, "events:detail-type": kind.detail_type})),
    )


def _read_values(needs: Needs) -> list[Statement]:
    statements = []
    if needs.secrets:
        arns = [Sub(naming.secret_arn(name)) for name in needs.secrets]
        statements.append(_allow("ReadSecrets", [secretsmanager.GetSecretValue], *arns))
    if needs.parameters:
        arns = [Sub(naming.parameter_arn(name)) for name in needs.parameters]
        statements.append(_allow("ReadParameters", [ssm.GetParameter], *arns))
    return statements


@shared
def _invoke(parameter: str) -> Statement:
    """Return the grant of one function's ARN: with that of a version or an alias, of this one alone.

    Source: Lambda Developer Guide, "Using resource-based policies", on qualified ARNs.
    """
    return _allow("InvokeLegacyFunction", [awslambda.InvokeFunction], Ref(parameter))


def _grant(number: int, grant: Grant) -> Statement:
    actions = [Action(*action.split(":")) for action in grant.actions]
    # P40_FUNCTION_GRANTS knows these statements by their names.
    return _allow(f"Granted{number}", actions, *map(substituted, grant.arns))


def _network(function: str) -> list[Statement]:
    """Return what Lambda does with a function's network interfaces, and that the function itself does none of it.

    Two actions take no resource but "*". Subnets and security groups are of another account where that shares its VPC.
    Source: Lambda Developer Guide, "Giving Lambda functions access to resources in an Amazon VPC"; EC2 in the Service
    Authorization Reference.
    """
    interface = Sub(naming.arn("ec2", "network-interface/*"))
    shared = [Sub(naming.ec2_arn_of_any_account(f"{kind}/*")) for kind in ("subnet", "security-group")]
    denied = Statement(
        Sid="NoNetworkFromCode",
        Effect=Deny,
        Action=[*FIND_NETWORK, ec2.CreateNetworkInterface, *MANAGE_INTERFACES, ec2.DetachNetworkInterface],
        Resource=["*"],
        Condition=Condition(
            aws.ArnEquals({"lambda:SourceFunctionArn": Sub(naming.arn("lambda", f"function:{function}"))})
        ),
    )
    return [
        _allow("FindNetwork", FIND_NETWORK, "*"),
        _allow("CreateInterfaces", [ec2.CreateNetworkInterface], interface, *shared),
        _allow("ManageInterfaces", MANAGE_INTERFACES, interface),
        denied,
    ]


def _logs_and_tracing(log_group_id: str) -> list[Statement]:
    return [
        _allow("WriteLogs", WRITE_LOGS, GetAtt(log_group_id, "Arn")),
        _trace(),
    ]
