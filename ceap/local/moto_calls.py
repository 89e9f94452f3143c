"""How a call reaches moto: its own response classes, called as moto's server calls them, without that server.

moto's Flask applications find the class; what they add to a call is made here: an answer of theirs, and one of this
module, are the same. What is not as it mostly is (a redirection, a browser's Origin) goes through Flask.
"""

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote, urlencode

from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types
from flask import Response
from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY, EnvironHeaders, environ_key_for_header
from moto.moto_server.werkzeug_app import BackendRequest, DomainDispatcherApplication, create_backend_app
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.test import run_wsgi_app

from ceap.local.answers import Answer
from ceap.local.calls import Request
from ceap.local.http_server import Message

Environ = dict[str, Any]
View = Callable[[Any, str, dict[str, str]], Any]

_ORIGINS: Final = {"Access-Control-Allow-Origin": "*"}
_FORMS: Final = ("application/x-www-form-urlencoded", "application/x-url-encoded", "multipart/form-data")
_IS_OBJECT: Final = "ceap.is_object"
_HOST: Final = re.compile(r"[a-z0-9.-]+(?::(?!80$|0)\d+)?")
_KEY: Final = re.compile(r"/[^/]+/.+", re.DOTALL)
_NOTHING: Final[ImmutableMultiDict[str, Any]] = ImmutableMultiDict()
_PLAIN_TARGET: Final = re.compile(r"/(?:[\w.~-][\w./~-]*)?(?:\?[\w.~=&-]+)?", re.ASCII)
_TEXT: Final = "text/html; charset=utf-8"


class MotoCalls:
    """The calls of one account."""

    def __init__(self, account: str, url: str) -> None:
        self._account: Final = account
        self._netloc: Final = url.removeprefix("http://")
        self._host, _, self._port = self._netloc.partition(":")
        self._moto: Final = DomainDispatcherApplication(create_backend_app)
        self._applications: Final[dict[tuple[str, str, str], Any]] = {}
        self._views: Final[dict[tuple[Any, str, str], View]] = {}

    def serve(self, request: Request, message: Message) -> Answer:
        """Serve a request that may be served."""
        if request.service == "s3" and message.headers.get("host") != self._netloc:
            # Of another host moto would take a part for the bucket, and IAM has decided on the one in the path.
            headers = {**message.headers, "host": self._netloc}
            message = Message(message.method, message.target, headers, message.body, message.spelt)
        environ = self._environ(request, message)
        application = self._application(request, environ)
        view = None
        if message.method != "OPTIONS" and "origin" not in message.headers:
            view = self._view(application, request)
        if view is None:
            return through_flask(application, environ)
        return _call(view, MotoRequest(environ, message.body(), listed_headers(message, self._account)))

    def _application(self, request: Request, environ: Environ) -> Any:
        """Return moto's application for a request; moto itself matches 200 patterns to find it, each time."""
        key = (request.service, request.region, request.headers.get("x-amz-target", "").partition(".")[0])
        if key not in self._applications:
            # No key of an object is a path of moto's own.
            sought = environ | {"PATH_INFO": "/"} if request.service == "s3" else environ
            self._applications[key] = self._moto.get_application(sought)
            self._applications[key].request_class = PlainRequest
        return self._applications[key]

    def _view(self, application: Any, request: Request) -> View | None:
        """Return the method of moto's that an application calls for a request; None if it has a redirection or none."""
        path = request.path
        if request.service == "s3" and _KEY.fullmatch(path) and "//" not in path:
            path = "/bucket/key"
        known = (application, request.method, path)
        if found := self._views.get(known):
            return found
        try:
            endpoint, _ = application.url_map.bind(self._host).match(path, request.method)
        except HTTPException:
            return None
        view: View = application.view_functions[endpoint].callback
        if path in {"/", "/bucket/key"}:
            self._views[known] = view
        return view

    def _environ(self, request: Request, message: Message) -> Environ:
        target, headers = message.target, message.headers
        body = message.body()
        return {
            "REQUEST_METHOD": message.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": request.path.encode().decode("latin-1"),
            "QUERY_STRING": target.partition("?")[2],
            "REQUEST_URI": target,
            "RAW_URI": target,
            "REMOTE_ADDR": self._host,
            "SERVER_NAME": self._host,
            "SERVER_PORT": self._port,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.input_terminated": True,
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            **{_environ_key(name): value for name, value in headers.items()},
            "HTTP_X_MOTO_ACCOUNT_ID": self._account,
            PRESERVED_HEADER_NAMES_ENVIRON_KEY: {_environ_key(key): name for key, name in message.spelt.items()},
            _IS_OBJECT: request.service == "s3" and (message.method != "POST" or "?" in target),
        }


def message_of(request: Request) -> Message:
    """Return a call of this process as it would come over HTTP."""
    target = quote(request.path, safe="/~")
    if request.query:
        target += f"?{urlencode(request.query)}"
    scope = f"{request.access_key}/00000000/{request.region}/{request.service}/aws4_request"
    headers = {
        "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        "content-length": str(len(request.body)),
        **request.headers,
    }
    return Message(request.method, target, headers, lambda: request.body)


def listed_headers(message: Message, account: str) -> list[tuple[str, str]]:
    """Return the headers as werkzeug would list those of the environment."""
    listed = [
        (message.spelt.get(name) or _title(name), value)
        for name, value in message.headers.items()
        if value or name not in {"content-type", "content-length"}
    ]
    listed.append(("X-Moto-Account-Id", account))
    return listed


@lru_cache(maxsize=1024)
def _title(name: str) -> str:
    return name.title()


class _Headers(EnvironHeaders):
    """The headers of a request, which are looked up and listed about a hundred times a call."""

    def __init__(self, environ: Environ, listed: list[tuple[str, str]]) -> None:
        super().__init__(environ)
        self._listed: Final = listed
        self._known: Final = {name.lower().replace("_", "-"): value for name, value in listed}

    def _get_key(self, key: str) -> str:
        found = self._known.get(key.lower().replace("_", "-"))
        return super()._get_key(key) if found is None else found

    def get(self, key: str, default: Any = None, type: Any = None) -> Any:  # type: ignore[override]  # noqa: A002
        found = self._known.get(key.lower().replace("_", "-"))
        return found if found is not None and type is None else super().get(key, default, type)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and (key.lower().replace("_", "-") in self._known or super().__contains__(key))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._listed)


class PlainRequest(BackendRequest):
    """A request of moto's server; an object of S3 is kept as it comes, of whatever type it is."""

    @property
    def want_form_data_parsed(self) -> bool:
        return not self.environ.get(_IS_OBJECT) and super().want_form_data_parsed


class MotoRequest(PlainRequest):
    """A request as moto's Flask applications have it, with what most are asked for found out at once."""

    def __init__(self, environ: Environ, body: bytes, headers: list[tuple[str, str]]) -> None:
        super().__init__(environ)
        self.headers = _Headers(environ, headers)
        if environ.get(_IS_OBJECT) or not environ.get("CONTENT_TYPE", "").startswith(_FORMS):
            vars(self).update(data=body, form=_NOTHING, files=_NOTHING, stream=io.BytesIO(body), _cached_data=body)
        target, host = environ["RAW_URI"], environ.get("HTTP_HOST", "")
        self._plain_url: Final = f"http://{host}{target}" if _HOST.fullmatch(host) else ""
        if self._plain_url and _PLAIN_TARGET.fullmatch(target):
            vars(self)["url"] = self._plain_url

    @property
    def raw_path(self) -> str:
        path: str = self.environ["RAW_URI"].partition("?")[0]
        return path

    @property
    def raw_url(self) -> str:
        return self._plain_url.removesuffix("?") or super().raw_url


def _call(view: View, request: MotoRequest) -> Answer:
    environ = request.environ
    try:
        result = view(request, request.raw_url, dict(request.headers))
    except ClientError as error:
        result = 400, {}, error.response["Error"]["Message"]
    except HTTPException as error:
        return _answer_of(error.get_response(environ), environ)
    status, headers, content = result if len(result) == 3 else (200, {}, result)
    return build_answer(status, headers, content, environ)


def build_answer(status: Any, headers: Mapping[str, Any], content: Any, environ: Environ) -> Answer:
    """Return the answer that moto's server makes of what a response class returns."""
    names = {name.lower(): name for name in headers}
    values = [value if type(value) is str else str(value) for value in headers.values() if type(value) in {int, str}]
    is_plain = (
        type(status) is int
        and 200 <= status != 304
        and type(content) in {bytes, str}
        and len(headers) == len(names) == len(values)
        and "location" not in names
        and "content-location" not in names
        and "\n" not in (joined := "".join(values))
        and "\r" not in joined
    )
    if not is_plain:
        return _built_by_werkzeug(status, headers, content, environ)
    body = content if type(content) is bytes else content.encode()
    made = dict(zip(headers, values, strict=True))
    if "content-type" not in names:
        made["Content-Type"] = _TEXT
    made.pop(names.get("content-length", ""), None)
    if status != 204:
        is_head = environ["REQUEST_METHOD"] == "HEAD"
        made["Content-Length"] = str(headers.get("content-length", len(body)) if is_head else len(body))
    return Answer(status, body, made | _ORIGINS)


def _built_by_werkzeug(status: Any, headers: Mapping[str, Any], content: Any, environ: Environ) -> Answer:
    response = Response(response=content, status=status, headers=headers)
    if environ["REQUEST_METHOD"] == "HEAD" and "content-length" in headers:
        response.headers["Content-Length"] = headers["content-length"]
    return _answer_of(response, environ)


def _answer_of(response: Any, environ: Environ) -> Answer:
    return Answer(response.status_code, response.get_data(), _joined(response.get_wsgi_headers(environ)) | _ORIGINS)


def _joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def through_flask(application: Any, environ: Environ) -> Answer:
    """Return the answer of one of moto's Flask applications."""
    content, status, headers = run_wsgi_app(application, environ, buffered=True)
    return Answer(int(status.split()[0]), b"".join(content), _joined(headers))


@lru_cache(maxsize=1024)
def _environ_key(name: str) -> str:
    return environ_key_for_header(name)
