"""What a call of an AWS API asks of IAM: the actions on resources, with condition keys, that must be allowed.

Only calls that are listed are judged. An action that takes a resource is never asked for on `*`, because a policy
for one resource would then not be seen.
Source: Service Authorization Reference.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from ceap.local.calls import (
    CONFIGURATION_PATH,
    INVOKE_PATH,
    OPERATION_PATH,
    PIPE_PATH,
    SCHEDULE_PATH,
    Question,
    Request,
    UnknownCallError,
    read_function_name,
)
from ceap.local.decisions import ASSUME_ROLE
from ceap.local.move_questions import OPERATIONS as MOVE_TASKS
from ceap.local.move_questions import ask_move_task
from ceap.local.role_policies import arn_of
from ceap.local.s3_questions import ask_s3
from ceap.local.stack_questions import ask_cloudformation


def checks(request: Request) -> list[Question]:
    """Return all that must be allowed for the request to be served; empty for what needs no permission.

    Raises:
        UnknownCallError: the engine does not know the call, or its resource belongs to another Region, or to another
            account, whose policies would have to allow it, too.
    """
    _check_named_once(request)
    if action := _WITHOUT_RESOURCE.get((request.service, request.operation)):
        return [Question(action, "*")]
    if listed := _LISTED.get((request.service, request.operation)):
        service, operation, resource = listed
        return [Question(f"{service}:{operation}", request.arn(service, resource))]
    ask = _SERVICES.get(request.service)
    if ask is None:
        raise _unknown(request)
    questions = ask(request)
    for question in questions:
        _, _, _, region, account, *_ = [*question.resource.split(":", 5), "", "", "", "", ""]
        if region not in {"", request.region} or account not in {"", request.account}:
            raise UnknownCallError(request, f"{question.resource} belongs to another account or Region")
    return questions


def _check_named_once(request: Request) -> None:
    """Refuse a call that could be read as two operations: moto takes an `Action` of a form before all else."""
    if "content-encoding" in request.headers and request.service != "s3":
        raise UnknownCallError(request, "the header content-encoding is not modelled; send the body as it is")
    if "x-amz-target" in request.headers:
        is_json = request.headers.get("content-type", "").startswith(_JSON_TYPES)
        is_plain = is_json and not request.query and request.service not in _NAMED_BY_PATH
    elif request.is_form:
        is_plain = request.method == "POST" and OPERATION_PATH.fullmatch(request.path) is None and not request.query
    else:
        is_plain = "Action" not in request.query and not (request.method in {"GET", "HEAD"} and request.body)
    if request.service != "s3" and not is_plain:
        raise UnknownCallError(request, "it must name its operation once: in X-Amz-Target, in a form, or in its path")


_JSON_TYPES: Final = ("application/json", "application/x-amz-json-")
_NAMED_BY_PATH: Final = frozenset({"lambda", "pipes", "scheduler"})
"""Services whose operations are methods and paths, but moto would take what X-Amz-Target names."""


class _Named(NamedTuple):
    """Operations of a service whose resource one parameter names, alone or in a list; {} in `form` is its value."""

    service: str
    parameter: str
    form: str
    operations: str


_NAMED: Final = (
    _Named(
        "dynamodb", "TableName", "table/{}", "DeleteItem DescribeTable DescribeTimeToLive GetItem PutItem UpdateItem"
    ),
    _Named("firehose", "DeliveryStreamName", "deliverystream/{}", "DescribeDeliveryStream PutRecord PutRecordBatch"),
    _Named("glue", "JobName", "job/{}", "BatchStopJobRun GetJob GetJobRun GetJobRuns StartJobRun"),
    _Named("kms", "KeyId", "key/{}", "Decrypt DescribeKey Encrypt GenerateDataKey Sign Verify"),
    # On a group AWS asks for `log-group:NAME:log-stream:`, so that a policy needs `log-group:NAME:*`.
    # Source: CloudWatch Logs User Guide, "Resources and operations"; hashicorp/terraform-provider-aws#8804.
    _Named(
        "logs",
        "logGroupName",
        "log-group:{}:log-stream:",
        "CreateLogGroup DeleteLogGroup DescribeLogStreams FilterLogEvents PutRetentionPolicy",
    ),
    _Named("sns", "TopicArn", "{}", "GetTopicAttributes ListSubscriptionsByTopic Publish PublishBatch Subscribe"),
    _Named("ssm", "Name", "parameter/{}", "DeleteParameter GetParameter GetParameterHistory PutParameter"),
    _Named("ssm", "Names", "parameter/{}", "DeleteParameters GetParameters"),
    _Named("ssm", "Path", "parameter/{}", "GetParametersByPath"),
    _Named("states", "stateMachineArn", "{}", "DescribeStateMachine ListExecutions StartExecution StartSyncExecution"),
    _Named(
        "states",
        "executionArn",
        "{}",
        "DescribeExecution DescribeStateMachineForExecution GetExecutionHistory RedriveExecution StopExecution",
    ),
)
# These take no resource. The prefix of CloudWatch's actions is not the name with which its requests are signed.
_WITHOUT_RESOURCE: Final = {
    ("dynamodb", "ListTables"): "dynamodb:ListTables",
    ("logs", "DescribeResourcePolicies"): "logs:DescribeResourcePolicies",
    ("monitoring", "GetMetricData"): "cloudwatch:GetMetricData",
    ("monitoring", "GetMetricStatistics"): "cloudwatch:GetMetricStatistics",
    ("monitoring", "ListMetrics"): "cloudwatch:ListMetrics",
    ("monitoring", "PutMetricData"): "cloudwatch:PutMetricData",
    ("sns", "ListTopics"): "sns:ListTopics",
    ("sqs", "ListQueues"): "sqs:ListQueues",
    ("states", "ListStateMachines"): "states:ListStateMachines",
}
# Listings that take the resources of a kind, of which AWS asks for all.
_LISTED: Final = {
    ("logs", "DescribeLogGroups"): ("logs", "DescribeLogGroups", "log-group::log-stream:"),
    ("monitoring", "DescribeAlarms"): ("cloudwatch", "DescribeAlarms", "alarm:*"),
}
_OTHER_TARGETS: Final = frozenset({"PhoneNumber", "TargetArn"})
"""Parameters of Publish that moto prefers to the topic's."""
_ACTION_NAMES: Final = {"PublishBatch": "Publish"}
_BY_OPERATION: Final = {(named.service, name): named for named in _NAMED for name in named.operations.split()}


def _ask_named(request: Request) -> list[Question]:
    """Ask for the operation, which is the action, on what its parameter names."""
    operation = request.operation
    named = _BY_OPERATION.get((request.service, operation))
    given = _parameters(request)
    values = given.get(named.parameter) if named else None
    if named is None or not values or (request.service == "sns" and not _OTHER_TARGETS.isdisjoint(given)):
        raise _unknown(request)
    action = f"{request.service}:{_ACTION_NAMES.get(operation, operation)}"
    listed = values if isinstance(values, list) else [values]
    return [Question(action, _named_arn(request, named.form, value)) for value in listed]


def _named_arn(request: Request, form: str, value: Any) -> str:
    """Return the ARN of a resource that is given by its name or ARN."""
    name = str(value)
    if request.service == "kms" and "alias/" in name:
        raise UnknownCallError(request, f"which key {name} stands for is not modelled; give the key's id or ARN")
    if request.service == "ssm":
        name = name.removeprefix("/")
        if ":" in name and not name.startswith("arn:"):
            raise UnknownCallError(request, f"the version or label of {name} is not modelled")
    if name.startswith("arn:") or form == "{}":
        return name
    return request.arn(request.service, form.format(name))


def _ask_logs(request: Request) -> list[Question]:
    given = request.document
    if request.operation not in {"CreateLogStream", "DeleteLogStream", "GetLogEvents", "PutLogEvents"}:
        return _ask_named(request)
    if not ("logGroupName" in given and "logStreamName" in given):
        raise _unknown(request)
    resource = f"log-group:{given['logGroupName']}:log-stream:{given['logStreamName']}"
    return [Question(f"logs:{request.operation}", request.arn("logs", resource))]


_QUEUE_ACTIONS: Final = (
    "ChangeMessageVisibility DeleteMessage GetQueueAttributes GetQueueUrl ListDeadLetterSourceQueues PurgeQueue "
    "ReceiveMessage SendMessage SetQueueAttributes"
)


def _ask_sqs(request: Request) -> list[Question]:
    if request.operation in MOVE_TASKS:
        return ask_move_task(request)
    given = _parameters(request)
    action = request.operation.removesuffix("Batch")
    # Only the parameter that moto reads: without it, moto would take the queue from the path.
    is_named = action == "GetQueueUrl"
    queue = f"{request.account}/{given.get('QueueName', '')}" if is_named else given.get("QueueUrl", "")
    account, _, name = queue.rpartition("/")
    account = account.rpartition("/")[2]
    if action not in _QUEUE_ACTIONS.split() or not name or "QueueOwnerAWSAccountId" in given:
        raise _unknown(request)
    return [Question(f"sqs:{action}", f"arn:aws:sqs:{request.region}:{account}:{name}")]


def _ask_dynamodb(request: Request) -> list[Question]:
    operation = request.operation
    if ("dynamodb", operation) in _BY_OPERATION:
        return _ask_named(request)
    given, action = request.document, f"dynamodb:{operation}"
    match operation:
        case "Query" | "Scan":
            table = _named_arn(request, "table/{}", given["TableName"])
            return [Question(action, f"{table}/index/{given['IndexName']}" if "IndexName" in given else table)]
        case "BatchGetItem" | "BatchWriteItem":
            return [Question(action, _named_arn(request, "table/{}", table)) for table in given["RequestItems"]]
        case "TransactGetItems" | "TransactWriteItems":
            return [
                Question(f"dynamodb:{_TRANSACTION_ACTIONS[kind]}", _named_arn(request, "table/{}", part["TableName"]))
                for item in given["TransactItems"]
                for kind, part in item.items()
            ]
        case _:
            raise _unknown(request)


_TRANSACTION_ACTIONS: Final = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "Get": "GetItem",
    "ConditionCheck": "ConditionCheckItem",
}


def _ask_events(request: Request) -> list[Question]:
    if request.operation == "DescribeRule" and "EventBusName" not in request.document:
        return [Question("events:DescribeRule", request.arn("events", f"rule/{request.document['Name']}"))]
    if request.operation == "DescribeEventBus":
        bus = request.document.get("Name", "default")
        arn = bus if bus.startswith("arn:") else request.arn("events", f"event-bus/{bus}")
        return [Question("events:DescribeEventBus", arn)]
    if request.operation != "PutEvents" or "EndpointId" in request.document:
        raise _unknown(request)
    return [
        Question(
            "events:PutEvents",
            request.arn("events", f"event-bus/{bus}") if not bus.startswith("arn:") else bus,
            {"events:source": entry.get("Source", ""), "events:detail-type": entry.get("DetailType", "")},
        )
        for entry in request.document["Entries"]
        for bus in [entry.get("EventBusName", "default")]
    ]


def _ask_secrets(request: Request) -> list[Question]:
    """Ask for the ARN of a secret, which ends in six characters of AWS's, or for the bare name of a missing one."""
    from moto.secretsmanager.models import secretsmanager_backends

    given = str(request.document.get("SecretId", ""))
    if request.operation not in {"DescribeSecret", "GetSecretValue", "ListSecretVersionIds", "PutSecretValue"}:
        raise _unknown(request)
    # moto would take the last part of any ARN for a name.
    is_here = not given.startswith("arn:") or given.startswith(request.arn("secretsmanager", "secret:"))
    found = secretsmanager_backends[request.account][request.region].secrets.get(given) if is_here else None
    return [Question(f"secretsmanager:{request.operation}", found.arn if found else given)]


def _ask_lambda(request: Request) -> list[Question]:
    action, path = "lambda:InvokeFunction", INVOKE_PATH.fullmatch(request.path)
    if path is None and request.method == "GET":
        action, path = "lambda:GetFunctionConfiguration", CONFIGURATION_PATH.fullmatch(request.path)
    if path is None or not {*request.query} <= {"Qualifier"}:
        raise _unknown(request)
    function = read_function_name(path["function"], request.query.get("Qualifier", ""))
    if request.query.get("Qualifier", function.qualifier) != function.qualifier:
        raise UnknownCallError(request, "the qualifier in the name differs from the parameter Qualifier")
    region, account = function.region or request.region, function.account or request.account
    return [Question(action, f"arn:aws:lambda:{region}:{account}:function:{function.qualified}")]


def _ask_pipes(request: Request) -> list[Question]:
    if request.operation == "ListPipes":
        return [Question("pipes:ListPipes", "*")]  # it takes no resource
    path = PIPE_PATH.fullmatch(request.path)
    if path is None or not request.operation:
        raise _unknown(request)
    return [Question(f"pipes:{request.operation}", request.arn("pipes", f"pipe/{path['pipe']}"))]


def _ask_scheduler(request: Request) -> list[Question]:
    path = SCHEDULE_PATH.fullmatch(request.path)
    if path is None or request.method != "GET":
        raise _unknown(request)
    if path["kind"] == "schedule-groups":
        return [Question("scheduler:GetScheduleGroup", request.arn("scheduler", f"schedule-group/{path['name']}"))]
    group = request.query.get("groupName", "default")
    return [Question("scheduler:GetSchedule", request.arn("scheduler", f"schedule/{group}/{path['name']}"))]


def _ask_sts(request: Request) -> list[Question]:
    match request.operation, request.form.get("RoleArn"):
        case "GetCallerIdentity", _:
            return []
        case "AssumeRole", str(role):
            return [Question(ASSUME_ROLE, role)]
    raise _unknown(request)


def _ask_iam(request: Request) -> list[Question]:
    given = request.form
    match request.operation:
        case "SimulatePrincipalPolicy" if source := given.get("PolicySourceArn"):
            return [Question("iam:SimulatePrincipalPolicy", source)]
        case "GetRole" | "GetRolePolicy" | "ListRolePolicies" | "ListAttachedRolePolicies" if name := given.get(
            "RoleName"
        ):
            return [Question(f"iam:{request.operation}", arn_of(name, request.account))]
    raise _unknown(request)


def _unknown(request: Request) -> UnknownCallError:
    return UnknownCallError(request, "the call is not modelled, or does not name its resource")


def _parameters(request: Request) -> Mapping[str, Any]:
    return request.document if "x-amz-target" in request.headers else request.form


_SERVICES: Final[Mapping[str, Callable[[Request], list[Question]]]] = {
    **dict.fromkeys((named.service for named in _NAMED), _ask_named),
    "cloudformation": ask_cloudformation,
    "dynamodb": _ask_dynamodb,
    "events": _ask_events,
    "iam": _ask_iam,
    "lambda": _ask_lambda,
    "logs": _ask_logs,
    "pipes": _ask_pipes,
    "s3": ask_s3,
    "scheduler": _ask_scheduler,
    "secretsmanager": _ask_secrets,
    "sqs": _ask_sqs,
    "sts": _ask_sts,
}
