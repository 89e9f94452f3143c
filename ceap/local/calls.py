"""Calls of AWS APIs as the gateway receives them, and the questions that they put to IAM."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote

OPERATION_PATH: Final = re.compile(r"/service/\w+/operation/(?P<action>\w+)")
CONFIGURATION_PATH: Final = re.compile(r"/2015-03-31/functions/(?P<function>[^/]+)/configuration")
INVOKE_PATH: Final = re.compile(r"/2015-03-31/functions/(?P<function>[^/]+)/invocations")

PIPES_PATH: Final = "/v1/pipes"
PIPE_PATH: Final = re.compile(r"/v1/pipes/(?P<pipe>[^/]+)(?P<verb>/start|/stop)?")
SCHEDULE_PATH: Final = re.compile(r"/(?P<kind>schedules|schedule-groups)/(?P<name>[^/]+)")
_PIPE_CALLS: Final = {("GET", None): "DescribePipe", ("POST", "/start"): "StartPipe", ("POST", "/stop"): "StopPipe"}

FORM: Final = "application/x-www-form-urlencoded"
"""The content type of the Query protocol."""

UNKNOWN_CALL: Final = "The local engine cannot judge the call"

_FUNCTION: Final = re.compile(
    r"(?:arn:aws:lambda:(?P<region>[\w-]+):)?(?:(?P<account>\d+):)?(?:function:)?(?P<name>[\w-]+)(?::(?P<qualifier>[\w$-]+))?"
)


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
    access_key: str = ""

    @property
    def operation(self) -> str:
        """The name of the operation where the request names it, else an empty text."""
        if target := self.headers.get("x-amz-target"):
            return target.rpartition(".")[2]
        if match := OPERATION_PATH.fullmatch(self.path):
            return match["action"]
        if self.service == "pipes" and (self.method, self.path) == ("GET", PIPES_PATH):
            return "ListPipes"
        if self.service == "pipes" and (match := PIPE_PATH.fullmatch(self.path)):
            return _PIPE_CALLS.get((self.method, match["verb"]), "")
        return self.form.get("Action", "")

    @property
    def is_form(self) -> bool:
        """Tell whether the body is a form; moto takes no other type, as one that only begins so, for a form."""
        return self.headers.get("content-type", "").partition(";")[0].strip() == FORM

    @property
    def form(self) -> Mapping[str, str]:
        if not self.is_form:
            return {}
        # Who decides and who serves must read the same: the first value counts.
        return dict(reversed(parse_qsl(self.body.decode(), keep_blank_values=True)))

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


class UnknownCallError(Exception):
    """A call of which the engine cannot say what it asks of IAM; the message names the call and what is unknown."""

    def __init__(self, request: Request, unknown: str) -> None:
        call = request.operation or f"{request.method} {request.path}"
        super().__init__(
            f"{UNKNOWN_CALL} {request.service} {call}: {unknown}. "
            "It refuses what it does not know: try this call on AWS"
        )


class FunctionName(NamedTuple):
    """A function as a call names it; what the call leaves out is an empty text."""

    region: str
    account: str
    name: str
    qualifier: str

    @property
    def qualified(self) -> str:
        return f"{self.name}:{self.qualifier}" if self.qualifier else self.name


def read_function_name(given: str, qualifier: str = "") -> FunctionName:
    """Return the parts of a function's name, its ARN, or a part of the ARN; all of another text is the name.

    Source: Lambda API Reference, "Invoke".
    """
    found = _FUNCTION.fullmatch(unquote(given))
    if found is None:
        return FunctionName("", "", given, qualifier)
    parts = {key: value or "" for key, value in found.groupdict().items()}
    return FunctionName(**parts | {"qualifier": parts["qualifier"] or qualifier})
