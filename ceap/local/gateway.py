"""The only way to the resources: an HTTP server on the loopback, where signatures and IAM decide before moto serves.

What moto cannot serve is added here as a route: the invocation of a function, a synchronous execution.
"""

import io
import logging
import os
import threading
import uuid
from collections.abc import Iterable
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from ceap.local.answers import Answer, Route, denial, refusal
from ceap.local.calls import FORM, Request, UnknownCallError
from ceap.local.clock import CLOCK
from ceap.local.patterns import PolicyError
from ceap.local.questions import checks
from ceap.local.s3_questions import not_found_question
from ceap.local.sessions import REGION, AccessDenied, Session, Sessions
from ceap.local.signatures import Signature, SignatureError, find_session, read_signature, verify

LOG: Final = logging.getLogger(__name__)


class Gateway:
    """A WSGI application and its server: `url` is its address once started.

    `routes` serve what is signed and allowed; `unsigned` what nobody signs.
    """

    def __init__(
        self, account: str, sessions: Sessions, routes: Iterable[Route], unsigned: Iterable[Route] = ()
    ) -> None:
        self._account: Final = account
        self._sessions: Final = sessions
        self._routes: Final = tuple(routes)
        self._unsigned: Final = tuple(unsigned)
        self._moto: Final = DomainDispatcherApplication(create_backend_app)
        self._applications: Final[dict[tuple[str, str, str], Any]] = {}
        self._server: Final = make_server("127.0.0.1", 0, self, threaded=True, request_handler=_Handler)
        # Requests that are cut off when the engine closes are not errors to report.
        self._server.log = lambda kind, message, *args: LOG.debug("%s: %s", kind, message % args if args else message)  # type: ignore[method-assign]
        self._thread: Final = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url: Final = f"http://127.0.0.1:{self._server.port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self._account
        try:
            signature = read_signature(environ)
            session = find_session(signature, self._sessions)
            request = self._read(environ, signature)
            verify(signature, session, request, environ["REQUEST_URI"])
        except SignatureError as error:
            if answer := self._serve_unsigned(environ):
                return _send(start_response, answer)
            return _send(start_response, refusal(error.service, error.status, error.code, str(error)))
        if session is self._sessions.driver:
            return self._serve(request, environ, start_response, None)
        try:
            self._sessions.require(session, checks(request), request.region)
        except AccessDenied as error:
            return _send(start_response, denial(request.service, str(error)))
        except (UnknownCallError, PolicyError) as error:
            return _send(start_response, refusal(request.service, 501, "NotImplemented", str(error)))
        return self._serve(request, environ, start_response, session)

    def _serve_unsigned(self, environ: dict[str, Any]) -> Answer | None:
        """Serve a form that is not signed, if a route takes it."""
        if "HTTP_AUTHORIZATION" in environ or not environ.get("CONTENT_TYPE", "").startswith(FORM):
            return None
        request = self._read(environ, Signature("", "", REGION, "sts", (), ""))
        return next((answer for route in self._unsigned if (answer := route(request))), None)

    def _serve(
        self, request: Request, environ: dict[str, Any], start_response: Any, session: Session | None
    ) -> Iterable[bytes]:
        for route in self._routes:
            if answer := route(request):
                return _send(start_response, answer)
        hidden = not_found_question(request) if session else None
        if session is None or hidden is None or self._sessions.allows(session, hidden):
            served: Iterable[bytes] = self._application(request, environ)(environ, start_response)
            return served
        return self._serve_unlisted(request, environ, start_response, str(AccessDenied(session, hidden)))

    def _application(self, request: Request, environ: dict[str, Any]) -> Any:
        """Return moto's application for a request; moto itself matches 200 patterns to find it, each time."""
        key = (request.service, request.region, request.headers.get("x-amz-target", "").partition(".")[0])
        if key not in self._applications:
            self._applications[key] = self._moto.get_application(environ)
        return self._applications[key]

    def _serve_unlisted(
        self, request: Request, environ: dict[str, Any], start_response: Any, message: str
    ) -> Iterable[bytes]:
        """Serve an object to a role that may not list its bucket: a missing object is answered with 403."""
        started: list[tuple[Any, ...]] = []
        app = self._application(request, environ)
        body: Iterable[bytes] = app(environ, lambda *arguments: started.append(arguments))
        if started and started[0][0].startswith("404"):
            return _send(start_response, denial("s3", message))
        start_response(*started[0])
        return body

    def _read(self, environ: dict[str, Any], signature: Signature) -> Request:
        service = signature.service
        path = environ["PATH_INFO"].encode("latin-1").decode()
        headers = {
            key.removeprefix("HTTP_").replace("_", "-").lower(): value
            for key, value in environ.items()
            if key.startswith("HTTP_") or key in {"CONTENT_TYPE", "CONTENT_LENGTH"}
        }
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        # The bodies of objects stay unread: no decision needs them, and they may be large.
        has_body = service != "s3" or "delete" in query
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) if has_body else b""
        if has_body:
            environ["wsgi.input"] = io.BytesIO(body)
        method = environ["REQUEST_METHOD"]
        return Request(
            service, signature.region, self._account, method, path, query, headers, body, access_key=signature.key
        )


class _Handler(MotoRequestHandler):
    disable_nagle_algorithm = True

    def version_string(self) -> str:
        return "ceap"

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the date of an answer: of the clock that all else here has its times from."""
        return super().date_time_string(CLOCK.now() if timestamp is None else timestamp)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 (werkzeug's name)
        LOG.debug("%s: %s", type, message % args if args else message)


def client(service: str, url: str, session: Session) -> Any:
    """Return a boto client for the gateway, as a role or as the driver."""
    from botocore.config import Config  # type: ignore[import-untyped]  # botocore ships no types

    with _CLIENT_LOCK:
        return _boto_session().create_client(
            service,
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=session.access_key,
            aws_secret_access_key=session.secret_key,
            aws_session_token=session.token,
            config=Config(
                s3={"addressing_style": "path"},
                read_timeout=900,  # a synchronous execution lasts as long as its stages
                retries={"total_max_attempts": 1},
                inject_host_prefix=False,
                proxies={},
            ),
        )


_CLIENT_LOCK: Final = threading.Lock()


@cache
def _boto_session() -> Any:
    """Return a session that reads no profile and no configuration of this machine."""
    import botocore.session  # type: ignore[import-untyped]  # botocore ships no types

    nowhere = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    return botocore.session.Session(session_vars={"profile": (None, None, None, None), **nowhere})


def _send(start_response: Any, answer: Answer) -> Iterable[bytes]:
    headers = {
        "Content-Type": "application/json",
        "x-amzn-RequestId": str(uuid.uuid4()),
        **answer.headers,
        "Content-Length": str(len(answer.body)),
    }
    start_response(f"{answer.status} ", list(headers.items()))
    return [answer.body]
