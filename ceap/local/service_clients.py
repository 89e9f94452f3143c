"""boto clients of the engine's own services, whose calls stay in this process and are decided at the same door.

Pipes, state machines and schedules call AWS's APIs as any caller does: botocore checks the parameters, writes the
request, reads the answer and raises its errors. Only the signature and the socket are spared.
"""

import io
import threading
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from botocore import UNSIGNED  # type: ignore[import-untyped]  # botocore ships no types
from botocore.awsrequest import AWSPreparedRequest, AWSResponse  # type: ignore[import-untyped]
from botocore.exceptions import EndpointConnectionError  # type: ignore[import-untyped]

from ceap.local.answers import Answer
from ceap.local.calls import Request
from ceap.local.gateway import make_client
from ceap.local.sessions import REGION, Session

Door = Callable[[Request], Answer]
"""Decides on a call and answers it; ConnectionRefusedError once the engine is closed."""

_CALLS: Final = threading.local()
"""The client whose call this thread makes, as `caller`."""


class ServiceClient:
    """The client of one service for one session; its operations are those of boto's client, with the same names."""

    def __init__(self, service: str, account: str, session: Session, door: Door) -> None:
        self._boto: Final = _boto_client(service)
        self._account: Final = account
        self._session: Final = session
        self._door: Final = door

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._boto, name)
        return partial(self._call, found) if name in self._boto.meta.method_to_api_mapping else found

    def send(self, sent: AWSPreparedRequest) -> AWSResponse:
        """Answer a request that botocore has prepared."""
        url = urlsplit(sent.url)
        query: dict[str, str] = {}
        for key, value in parse_qsl(url.query, keep_blank_values=True):
            query.setdefault(key, value)
        request = Request(
            self._boto.meta.service_model.signing_name,
            REGION,
            self._account,
            sent.method,
            unquote(url.path),
            query,
            {name.lower(): _text(value) for name, value in sent.headers.items()},
            _bytes(sent.body),
            access_key=self._session.access_key,
        )
        try:
            answer = self._door(request)
        except ConnectionRefusedError as error:
            raise EndpointConnectionError(endpoint_url=sent.url, error=error) from error
        body = b"" if sent.method == "HEAD" else answer.body
        return AWSResponse(sent.url, answer.status, dict(answer.headers), _Raw(body))

    def _call(self, operation: Callable[..., Any], *arguments: Any, **parameters: Any) -> Any:
        outer = getattr(_CALLS, "caller", None)  # a synchronous execution calls within its caller's call
        _CALLS.caller = self
        try:
            return operation(*arguments, **parameters)
        finally:
            _CALLS.caller = outer


ClientOf = Callable[[Session, str], ServiceClient]
"""Returns the client of a service for a session."""


class _Raw(io.BytesIO):
    """A body, as botocore reads it from urllib3."""

    def stream(self, amount: int = 65536, decode_content: bool | None = None) -> Iterator[bytes]:  # noqa: ARG002 (urllib3's)
        while part := self.read(amount):
            yield part


@cache
def _boto_client(service: str) -> Any:
    """Return the client of a service that all sessions of this process share; it has no keys and no connection."""
    made = make_client(service, "http://127.0.0.1", config={"signature_version": UNSIGNED, "user_agent": "ceap"})
    made.meta.events.register("before-send", lambda request, **_: _CALLS.caller.send(request))
    return made


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _bytes(body: Any) -> bytes:
    match body:
        case None:
            return b""
        case str():
            return body.encode()
        case bytes() | bytearray():
            return bytes(body)
        case _:
            content: bytes = body.read()
            return content
