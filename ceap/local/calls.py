"""What an AWS request asks of IAM: from an HTTP request to the (action, resource, condition keys) to be decided.

Resources are read for the services that workflows use; of any other the action is asked for on `*`.
Source: Service Authorization Reference; of S3, "Required permissions for Amazon S3 API operations".
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree

CREDENTIAL: Final = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
OPERATION_PATH: Final = re.compile(r"/service/\w+/operation/(?P<action>\w+)")
INVOKE_PATH: Final = re.compile(r"/2015-03-31/functions/(?P<function>[^/]+)/invocations")


class Request(NamedTuple):
    """A signed AWS request; `path` is decoded, `headers` have lower-case names, `body` is empty for S3 objects."""

    service: str
    region: str
    account: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def operation(self) -> str:
        """The name of the operation where the request names it, else an empty text."""
        if target := self.headers.get("x-amz-target"):
            return target.rpartition(".")[2]
        if match := OPERATION_PATH.fullmatch(self.path):
            return match["action"]
        return self.form.get("Action", "")

    @property
    def form(self) -> Mapping[str, str]:
        if not self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return {}
        return {key: values[0] for key, values in parse_qs(self.body.decode()).items()}

    @property
    def document(self) -> dict[str, Any]:
        parsed = json.loads(self.body) if self.body else {}
        return parsed if isinstance(parsed, dict) else {}

    def arn(self, service: str, resource: str) -> str:
        return resource if resource.startswith("arn:") else f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


class Question(NamedTuple):
    """One question to IAM; `context` holds the condition keys that the request adds to the general ones."""

    action: str
    resource: str
    context: Mapping[str, str] = {}


def checks(request: Request) -> list[Question]:
    """Return all that must be allowed for the request to be served; empty for what needs no permission."""
    if request.service == "sts" and request.operation == "GetCallerIdentity":
        return []
    return _SERVICES.get(request.service, _other)(request)


def function_name(given: str) -> str:
    """Return the name of a function that a path names by name or by ARN."""
    return unquote(given).rpartition(":")[2]


def not_found_check(request: Request) -> Question | None:
    """Return the permission without which S3 answers 403, not 404, for a missing object; None for other requests.

    The listing is judged as if it asked for this very key.
    Source: S3 API Reference, "GetObject", "Permissions".
    """
    bucket, _, key = request.path.lstrip("/").partition("/")
    if request.service != "s3" or request.method not in {"GET", "HEAD"} or not key:
        return None
    return Question("s3:ListBucket", f"arn:aws:s3:::{bucket}", {"s3:prefix": key})


def _s3(request: Request) -> list[Question]:
    bucket, _, key = request.path.lstrip("/").partition("/")
    bucket_arn = f"arn:aws:s3:::{bucket}"
    if not bucket:
        return [Question("s3:ListAllMyBuckets", "*")]
    if key:
        return _s3_object(request, f"{bucket_arn}/{key}")
    if request.method == "POST" and "delete" in request.query:
        keys = [node.text for node in ElementTree.fromstring(request.body).iter() if node.tag.endswith("Key")]  # noqa: S314 (the body is our own handler's)
        return [Question("s3:DeleteObject", f"{bucket_arn}/{name}") for name in keys]
    return [_s3_bucket(request, bucket_arn)]


def _s3_bucket(request: Request, arn: str) -> Question:
    if request.method not in {"GET", "HEAD"}:
        return Question(f"s3:{request.method} {' '.join(request.query)}", arn)
    for parameter, action in _BUCKET_READS.items():
        if parameter in request.query:
            return Question(action, arn)
    return Question("s3:ListBucket", arn, {"s3:prefix": request.query.get("prefix", "")})


def _s3_object(request: Request, arn: str) -> list[Question]:
    if request.method in {"GET", "HEAD"}:
        return [Question("s3:ListMultipartUploadParts" if "uploadId" in request.query else "s3:GetObject", arn)]
    if request.method == "DELETE":
        return [Question("s3:AbortMultipartUpload" if "uploadId" in request.query else "s3:DeleteObject", arn)]
    for parameter, action in _OBJECT_WRITES.items():
        if parameter in request.query:
            return [Question(action, arn)]
    source = request.headers.get("x-amz-copy-source", "").partition("?")[0]
    copied = [Question("s3:GetObject", f"arn:aws:s3:::{unquote(source).lstrip('/')}")] if source else []
    return [Question("s3:PutObject", arn), *copied]


_BUCKET_READS: Final = {
    "uploads": "s3:ListBucketMultipartUploads",
    "versions": "s3:ListBucketVersions",
    "location": "s3:GetBucketLocation",
    "policy": "s3:GetBucketPolicy",
    "lifecycle": "s3:GetLifecycleConfiguration",
    "tagging": "s3:GetBucketTagging",
}
_OBJECT_WRITES: Final = {"tagging": "s3:PutObjectTagging", "acl": "s3:PutObjectAcl", "restore": "s3:RestoreObject"}


def _sqs(request: Request) -> list[Question]:
    url = request.document.get("QueueUrl")
    resource = request.arn("sqs", url.rpartition("/")[2]) if url else "*"
    return [Question(f"sqs:{request.operation.removesuffix('Batch')}", resource)]


def _dynamodb(request: Request) -> list[Question]:
    document = request.document
    tables = list(document.get("RequestItems", ())) or [document[key] for key in ("TableName",) if key in document]
    if not tables and "TransactItems" in document:
        return [
            Question(f"dynamodb:{_TRANSACTION_ACTIONS[kind]}", request.arn("dynamodb", f"table/{part['TableName']}"))
            for item in document["TransactItems"]
            for kind, part in item.items()
        ]
    index = f"/index/{document['IndexName']}" if "IndexName" in document else ""
    action = f"dynamodb:{request.operation}"
    return [Question(action, request.arn("dynamodb", f"table/{table}{index}")) for table in tables] or [
        Question(action, "*")
    ]


_TRANSACTION_ACTIONS: Final = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "Get": "GetItem",
    "ConditionCheck": "ConditionCheckItem",
}


def _states(request: Request) -> list[Question]:
    document = request.document
    resource = document.get("stateMachineArn") or document.get("executionArn") or "*"
    return [Question(f"states:{request.operation}", resource)]


def _events(request: Request) -> list[Question]:
    if request.operation != "PutEvents":
        return [Question(f"events:{request.operation}", "*")]
    return [
        Question(
            "events:PutEvents",
            request.arn("events", f"event-bus/{entry.get('EventBusName', 'default')}"),
            {"events:source": entry.get("Source", ""), "events:detail-type": entry.get("DetailType", "")},
        )
        for entry in request.document["Entries"]
    ]


def _sns(request: Request) -> list[Question]:
    form = request.form
    resource = form.get("TopicArn") or form.get("TargetArn") or "*"
    return [Question(f"sns:{request.operation.removesuffix('Batch')}", resource)]


def _lambda(request: Request) -> list[Question]:
    if match := INVOKE_PATH.fullmatch(request.path):
        name = function_name(match["function"])
        return [Question("lambda:InvokeFunction", request.arn("lambda", f"function:{name}"))]
    return [Question(f"lambda:{request.method} {request.path}", "*")]


def _glue(request: Request) -> list[Question]:
    name = request.document.get("JobName")
    return [Question(f"glue:{request.operation}", request.arn("glue", f"job/{name}") if name else "*")]


def _other(request: Request) -> list[Question]:
    # A request without an operation name asks for an action that no policy grants, so that it fails.
    return [Question(f"{request.service}:{request.operation or f'{request.method} {request.path}'}", "*")]


_SERVICES: Final[Mapping[str, Callable[[Request], list[Question]]]] = {
    "s3": _s3,
    "sqs": _sqs,
    "dynamodb": _dynamodb,
    "states": _states,
    "events": _events,
    "sns": _sns,
    "lambda": _lambda,
    "glue": _glue,
}
