"""What functions, jobs, state machines, pipes and schedules use: the grants that their roles must hold, and no others.

Read from the template (tasks, environment, log groups) and, for a function, from what its handler declares.
Source: requirement 11.9, properties 40 and 42.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias, assert_never

import msgspec

from ceap.cfn.adopted import queue_at
from ceap.cfn.lookup import (
    MACHINE,
    PIPE,
    SCHEDULE,
    Machine,
    Resource,
    at,
    handler_of,
    items,
    machines,
    pointed_at,
    text,
    worker_type,
)
from ceap.cfn.template import Template
from ceap.iam.arn import resolve
from ceap.iam.services import takes
from handlers.runtime.contract import output_key, stage_prefix
from handlers.runtime.needs import (
    EVENT_BUS_VARIABLE,
    LEGACY_VARIABLE,
    SETTINGS_VARIABLE,
    Needs,
    parameter_variable,
    secret_variable,
    table_variable,
)
from templates import discovery, naming
from templates.definition import KINDS, PUT_OBJECT, integration_of
from templates.model import LEGACY_HANDLER, StepKind, WorkflowType
from templates.settings import source_bucket

_LOG: Final = ("logs:CreateLogStream", "logs:PutLogEvents")
_WRITE: Final = ("s3:PutObject", "s3:AbortMultipartUpload")
_SEND_TRACES: Final = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
_TAKE_MESSAGES: Final = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")

# Source: Step Functions Developer Guide, "IAM policies for calling AWS Glue": `.sync` polls, and stops the run.
_RUN_AND_WAIT: Final = ("glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun")

# Source: Step Functions Developer Guide, "Logging using CloudWatch Logs" and "X-Ray".
_DELIVER_LOGS: Final = (
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
)
_TRACE: Final = (*_SEND_TRACES, "xray:GetSamplingRules", "xray:GetSamplingTargets")

_FIND_NETWORK: Final = ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets")
_ON_INTERFACES: Final = (
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)

# By the target's type, not by InvocationType: with a wrong one, P13 or P19 says so, and the grant is right.
_STARTS: Final[dict[str, str]] = {
    WorkflowType.EXPRESS: "states:StartSyncExecution",
    WorkflowType.STANDARD: "states:StartExecution",
}
_KEY_PATH: Final = re.compile(r"States\.Format\('([^']*)', \$\$\.Execution\.Name\)")


class Permission(NamedTuple):
    """An action on an ARN, under conditions of IAM and of the template; both are empty where there is none."""

    action: str
    resource: str
    condition: str = ""
    when: tuple[str, ...] = ()


_Derivation: TypeAlias = Callable[[Template, Resource], list[Permission] | None]


class _Task(NamedTuple):
    machine: Machine
    parameters: Any

    def substituted(self, template: Template, token: Any) -> str:
        """Return what replaces a token."""
        return resolve(template, self.machine.substituted(token))


def uses(template: Template, owner: Resource) -> frozenset[Permission] | None:
    """Return the grants that a resource uses through its role; None where the template does not tell.

    Raises:
        ConfigError: what a handler declares is wrong.
    """
    workers = {worker_type(kind): _of_worker(kind) for kind in StepKind}
    derive = {**workers, MACHINE: _of_machine, PIPE: _of_pipe, SCHEDULE: _of_schedule}.get(owner.type)
    found = derive(template, owner) if derive else None
    if found is None:
        return None
    return frozenset(found) | (frozenset(_of_key()) if has_key(template) else frozenset())


def _of_worker(kind: StepKind) -> _Derivation:
    match kind:
        case StepKind.LAMBDA:
            return _of_function
        case StepKind.GLUE:
            return _of_job
        case _:
            assert_never(kind)


def as_aws_lists(expected: Iterable[Permission]) -> frozenset[Permission]:
    """Return what AWS's page on logs grants on "*" beside log delivery, where it is used: a narrower grant does too."""
    return frozenset(_on(_LOG, "*") if Permission(_DELIVER_LOGS[0], "*") in expected else ())


def condition_text(template: Template, condition: Any) -> str:
    """Return a statement's condition as one line, the same for the same condition; empty without one."""
    if not isinstance(condition, dict):
        return "" if condition is None else resolve(template, condition)
    parts = [
        f"{operator} {key} {' or '.join(sorted(resolve(template, value) for value in items(values)))}"
        for operator, keys in condition.items()
        for key, values in (keys.items() if isinstance(keys, dict) else [(resolve(template, keys), None)])
    ]
    return " and ".join(sorted(parts))


def has_key(template: Template) -> bool:
    """Tell whether the template takes a customer key; without it, grants on keys are not judged."""
    key, condition = at(template.data, "Parameters", naming.KMS_KEY_PARAMETER), at(template.data, "Conditions")
    return key is not None and at(condition, naming.KMS_KEY_CONDITION) is not None


def _of_key() -> Iterator[Permission]:
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        yield Permission(action, f"${{{naming.KMS_KEY_PARAMETER}}}", when=(naming.KMS_KEY_CONDITION,))


def _of_function(template: Template, function: Resource) -> list[Permission] | None:
    handler = handler_of(function)
    tasks = list(_tasks_of(template, function))
    if handler is None or not tasks:
        return None
    needs = discovery.load_needs(handler)
    found = at(function.properties, "Environment", "Variables")
    variables: dict[str, Any] = found if isinstance(found, dict) else {}
    grants = [grant for task in tasks for grant in _of_stage(template, task)]
    grants += _of_needs(template, needs, variables)
    if handler == LEGACY_HANDLER:
        grants.append(Permission("lambda:InvokeFunction", _variable(template, variables, LEGACY_VARIABLE)))
    named = at(function.properties, "LoggingConfig", "LogGroup")
    group = resolve(template, named or {"Fn::Join": ["", [naming.FUNCTION_LOGS, {"Ref": function.logical_id}]]})
    grants += _on(_LOG, naming.arn("logs", f"log-group:{group}:*"))
    if at(function.properties, "TracingConfig", "Mode") == "Active":
        grants += _on(_SEND_TRACES, "*")
    return grants + (_of_network() if at(function.properties, "VpcConfig") is not None else [])


def _of_network() -> list[Permission]:
    """Return what Lambda does as a function's role for its place in a VPC, which another account may share.

    Source: Lambda Developer Guide, "Giving Lambda functions access to resources in an Amazon VPC".
    """
    grants = _on(_FIND_NETWORK, "*") + _on(_ON_INTERFACES, naming.arn("ec2", "network-interface/*"))
    for kind in ("subnet", "security-group"):
        grants.append(Permission(_ON_INTERFACES[0], naming.ec2_arn_of_any_account(f"{kind}/*")))
    return grants


def _of_stage(template: Template, task: _Task) -> Iterator[Permission]:
    """Yield the use of the workflow bucket: the previous stage's output, and all below the stage's own prefix."""
    payload = at(task.parameters, "Payload")
    bucket = naming.bucket_arn(task.substituted(template, at(payload, "workflowBucket")))
    previous = at(payload, "previousStage")
    if isinstance(previous, str):
        key = output_key("*", previous)
        yield Permission("s3:GetObject", f"{bucket}/{key}")
        # Without it S3 answers 403, not 404, where the object is missing.
        yield Permission("s3:ListBucket", bucket, f"StringLike s3:prefix {key}")
    yield from _on(_WRITE, f"{bucket}/{stage_prefix('*', str(at(payload, 'currentStage')))}*")


def _of_needs(template: Template, needs: Needs, variables: dict[str, Any]) -> Iterator[Permission]:
    for table, actions in needs.tables.items():
        arn = naming.arn("dynamodb", f"table/{_variable(template, variables, table_variable(table.name))}")
        yield from _on((f"dynamodb:{action}" for action in actions), arn)
        if "Query" in actions and table.indexes:
            yield Permission("dynamodb:Query", f"{arn}/index/*")
    if needs.events:
        bus = _variable(template, variables, EVENT_BUS_VARIABLE)
        kinds = {"events:source": needs.events.source, "events:detail-type": needs.events.detail_type}
        condition = condition_text(template, {"StringEquals": kinds})
        yield Permission("events:PutEvents", naming.arn("events", f"event-bus/{bus}"), condition)
    for name in needs.secrets:
        arn = naming.secret_arn(_variable(template, variables, secret_variable(name)))
        yield Permission("secretsmanager:GetSecretValue", arn)
    for name in needs.parameters:
        yield Permission(
            "ssm:GetParameter", naming.parameter_arn(_variable(template, variables, parameter_variable(name)))
        )
    for grant in needs.grants:
        for action in grant.actions:
            # A grant may name a bucket and its objects, and actions on either; IAM01 and IAM02 blame one on neither.
            taken = [arn for arn in grant.arns if takes(action, arn)]
            yield from (Permission(action, arn) for arn in taken or grant.arns)
    try:
        settings = msgspec.json.decode(text(variables.get(SETTINGS_VARIABLE, "{}")) or "", type=dict[str, Any])
        source = source_bucket(needs, settings)
    except msgspec.DecodeError:
        return
    if source:
        yield Permission("s3:GetObject", f"{naming.bucket_arn(source)}/*")
        yield Permission("s3:ListBucket", naming.bucket_arn(source))


def _variable(template: Template, variables: dict[str, Any], name: str) -> str:
    return resolve(template, variables[name]) if name in variables else f"${{{name}}}"


def _of_job(template: Template, job: Resource) -> list[Permission] | None:
    """Return what the contract of jobs uses: code, input, output, the parts that it composes, two log groups."""
    grants: list[Permission] = []
    for task in _tasks_of(template, job):
        arguments = at(task.parameters, "Arguments")
        read, written = _key(arguments, "--input-key.$"), _key(arguments, "--output-key.$")
        if not (read and written):
            return None
        source, target = (
            naming.bucket_arn(task.substituted(template, at(arguments, f"--{side}-bucket")))
            for side in ("input", "output")
        )
        own = written.rpartition("/")[0]
        grants.append(Permission("s3:GetObject", f"{source}/{read}"))
        grants += _on(_WRITE, f"{target}/{own}/*")
        grants += _on(("s3:GetObject", "s3:DeleteObject"), f"{target}/{own}/_parts/*")
        grants.append(Permission("s3:ListBucket", target, f"StringLike s3:prefix {own}/_parts/"))
    if not grants:
        return None
    script = resolve(template, at(job.properties, "Command", "ScriptLocation"))
    libraries = resolve(template, at(job.properties, "DefaultArguments", naming.EXTRA_PY_FILES) or "")
    for code in filter(None, (script, *libraries.split(","))):
        grants.append(Permission("s3:GetObject", naming.bucket_arn(code.removeprefix("s3://"))))
    prefix = at(job.properties, "DefaultArguments", "--custom-logGroup-prefix") or naming.JOB_LOGS
    for kind in ("output", "error"):
        grants += _on(_LOG, naming.arn("logs", f"log-group:{resolve(template, prefix)}/{kind}:*"))
    return grants


def _of_machine(template: Template, owner: Resource) -> list[Permission] | None:
    machine = next((machine for machine in machines(template) if machine.resource == owner), None)
    if machine is None:
        return None
    grants: list[Permission] = []
    for state in machine.states.values():
        if state.get("Type") in ("Pass", "Succeed", "Fail", "Wait", "Choice"):
            continue
        used = _of_task(template, state.get("Resource"), _Task(machine, state.get("Parameters")))
        if used is None:
            return None
        grants += used
    for destination in items(at(owner.properties, "LoggingConfiguration", "Destinations")):
        grants += _on(_DELIVER_LOGS, "*")
        grants += _on(_LOG, resolve(template, at(destination, "CloudWatchLogsLogGroup", "LogGroupArn")))
    if at(owner.properties, "TracingConfiguration", "Enabled") is True:
        grants += _on(_TRACE, "*")
    return grants


def _of_task(template: Template, integration: Any, task: _Task) -> list[Permission] | None:
    if kind := KINDS.get(integration if isinstance(integration, str) else ""):
        worker = task.substituted(template, at(task.parameters, integration_of(kind).parameter))
        match kind:
            case StepKind.LAMBDA:
                return [Permission("lambda:InvokeFunction", worker)]
            case StepKind.GLUE:
                return _on(_RUN_AND_WAIT, naming.arn("glue", f"job/{worker}"))
            case _:
                assert_never(kind)
    if integration == PUT_OBJECT and (key := _key(task.parameters, "Key.$")):
        bucket = task.substituted(template, at(task.parameters, "Bucket"))
        return [Permission("s3:PutObject", f"{naming.bucket_arn(bucket)}/{key}")]
    return None


def _of_pipe(template: Template, pipe: Resource) -> list[Permission] | None:
    """Return what a pipe from a queue to a state machine uses; others are not known here."""
    target = pointed_at(template, pipe.properties.get("Target"))
    if not (queue_at(template, pipe.properties.get("Source")) and target and target.type == MACHINE):
        return None
    start = _STARTS.get(str(target.properties.get("StateMachineType", WorkflowType.STANDARD)))
    if start is None:
        return None
    grants = _on(_TAKE_MESSAGES, resolve(template, pipe.properties["Source"]))
    grants.append(Permission(start, resolve(template, pipe.properties["Target"])))
    group = at(pipe.properties, "LogConfiguration", "CloudwatchLogsLogDestination", "LogGroupArn")
    return grants if group is None else grants + _on(_LOG, resolve(template, group))


def _of_schedule(template: Template, schedule: Resource) -> list[Permission] | None:
    """Return what a schedule that sends to a queue uses; others are not known here."""
    target = schedule.properties.get("Target")
    arns = [arn for arn in (at(target, "Arn"), at(target, "DeadLetterConfig", "Arn")) if arn is not None]
    if not arns or not all(queue_at(template, arn) for arn in arns):
        return None
    return [Permission("sqs:SendMessage", resolve(template, arn)) for arn in arns]


def _tasks_of(template: Template, resource: Resource) -> Iterator[_Task]:
    for machine in machines(template):
        for name, state in machine.states.items():
            if machine.runs(template, name) == resource:
                yield _Task(machine, state.get("Parameters"))


def _key(parameters: Any, name: str) -> str | None:
    """Return the pattern of the keys that an intrinsic function of the definition gives, one for each execution."""
    found = _KEY_PATH.fullmatch(str(at(parameters, name)))
    return found[1].replace("{}", "*") if found else None


def _on(actions: Iterable[str], resource: str) -> list[Permission]:
    return [Permission(action, resource) for action in actions]
