"""The only way to the resources: an HTTP server on the loopback, where signatures and IAM decide before moto serves.

What moto cannot serve is added here as a route: the invocation of a function, a synchronous execution.
"""

import os
import threading
import uuid
from collections.abc import Iterable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from ceap.local.answers import Answer, Route, denial, refusal
from ceap.local.calls import FORM, Request, UnknownCallError
from ceap.local.http_server import Message, Server
from ceap.local.moto_calls import MotoCalls, message_of
from ceap.local.patterns import PolicyError
from ceap.local.questions import checks
from ceap.local.s3_questions import not_found_question
from ceap.local.sessions import REGION, AccessDenied, Session, Sessions
from ceap.local.signatures import Signature, SignatureError, find_session, read_signature, verify


class Gateway:
    """The calls of one account, and the server that takes them: `url` is its address once started.

    `routes` serve what is signed and allowed; `unsigned` what nobody signs.
    """

    def __init__(
        self, account: str, sessions: Sessions, routes: Iterable[Route], unsigned: Iterable[Route] = ()
    ) -> None:
        self._account: Final = account
        self._sessions: Final = sessions
        self._routes: Final = tuple(routes)
        self._unsigned: Final = tuple(unsigned)
        self._server: Final = Server(self._receive)
        self.url: Final = self._server.url
        self._moto: Final = MotoCalls(account, self.url)
        self._is_stopped = False

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._is_stopped = True
        self._server.stop()

    def answer(self, request: Request) -> Answer:
        """Answer a call of a session of this process, which its access key names, without HTTP and signature.

        ConnectionRefusedError once it is stopped, as over HTTP.
        """
        if self._is_stopped:
            raise ConnectionRefusedError(self.url)
        session = self._sessions.find(request.access_key)
        if session is None:
            raise KeyError(request.access_key)
        return self._answer(session, request, message_of(request))

    def _receive(self, message: Message) -> Answer:
        try:
            signature = read_signature(message)
            session = find_session(signature, self._sessions)
            request = self._read(message, signature)
            verify(signature, session, request, message.target)
        except SignatureError as error:
            answer = self._serve_unsigned(message)
            return answer or _completed(refusal(error.service, error.status, error.code, str(error)))
        return self._answer(session, request, message)

    def _serve_unsigned(self, message: Message) -> Answer | None:
        """Serve a form that is not signed, if a route takes it."""
        if "authorization" in message.headers or not message.headers.get("content-type", "").startswith(FORM):
            return None
        request = self._read(message, Signature("", "", REGION, "sts", (), ""))
        answer = next((answer for route in self._unsigned if (answer := route(request))), None)
        return answer and _completed(answer)

    def _answer(self, session: Session, request: Request, message: Message) -> Answer:
        """Decide on a call, and serve it: the only way to a route, and to moto."""
        if session is self._sessions.driver:
            return self._serve(request, message)
        try:
            self._sessions.require(session, checks(request), request.region)
        except AccessDenied as error:
            return _completed(denial(request.service, str(error)))
        except (UnknownCallError, PolicyError) as error:
            return _completed(refusal(request.service, 501, "NotImplemented", str(error)))
        answer = self._serve(request, message)
        # To a role that may not list its bucket, a missing object is answered with 403.
        hidden = not_found_question(request) if answer.status == HTTPStatus.NOT_FOUND else None
        if hidden is not None and not self._sessions.allows(session, hidden):
            return _completed(denial("s3", str(AccessDenied(session, hidden))))
        return answer

    def _serve(self, request: Request, message: Message) -> Answer:
        for route in self._routes:
            if answer := route(request):
                return _completed(answer)
        return self._moto.serve(request, message)

    def _read(self, message: Message, signature: Signature) -> Request:
        path, _, asked = message.target.partition("?")
        query: dict[str, str] = {}
        for name, value in parse_qsl(asked, keep_blank_values=True):
            query.setdefault(name, value)  # who decides and who serves must read the same: moto takes the first
        service = signature.service
        # The bodies of objects stay unread: no decision needs them, and they may be large.
        body = message.body() if service != "s3" or "delete" in query else b""
        return Request(
            service,
            signature.region,
            self._account,
            message.method,
            unquote(path),
            query,
            message.headers,
            body,
            access_key=signature.key,
        )


def client(service: str, url: str, session: Session) -> Any:
    """Return a boto client for the gateway, as a role or as the driver."""
    return make_client(
        service,
        url,
        aws_access_key_id=session.access_key,
        aws_secret_access_key=session.secret_key,
        aws_session_token=session.token,
    )


def make_client(service: str, url: str, *, config: Mapping[str, Any] = {}, **keys: str) -> Any:
    """Return a boto client for an address, with keys, and more of its configuration."""
    from botocore.config import Config  # type: ignore[import-untyped]  # botocore ships no types

    common = Config(
        s3={"addressing_style": "path"},
        read_timeout=900,  # a synchronous execution lasts as long as its stages
        retries={"total_max_attempts": 1},
        inject_host_prefix=False,
        proxies={},
        **config,
    )
    with _CLIENT_LOCK:
        return _boto_session().create_client(service, endpoint_url=url, region_name=REGION, config=common, **keys)


_CLIENT_LOCK: Final = threading.Lock()


@cache
def _boto_session() -> Any:
    """Return a session that reads no profile and no configuration of this machine."""
    import botocore.session  # type: ignore[import-untyped]  # botocore ships no types

    nowhere = dict.fromkeys(("config_file", "credentials_file"), (None, None, os.devnull, None))
    return botocore.session.Session(session_vars={"profile": (None, None, None, None), **nowhere})


def _completed(answer: Answer) -> Answer:
    """Return an answer of the engine's own with the headers that every answer has."""
    return answer._replace(
        headers={"Content-Type": "application/json", "x-amzn-RequestId": str(uuid.uuid4()), **answer.headers}
    )
