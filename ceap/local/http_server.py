"""An HTTP/1.1 server on the loopback: a thread for each connection, which stays open from one request to the next.

Smaller than a WSGI server, as it need not serve the world: what is not as RFC 9112 wants it closes the connection.
"""

import logging
import re
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from io import BufferedReader
from types import MappingProxyType
from typing import Any, Final

from ceap.local.answers import Answer
from ceap.local.clock import CLOCK

LOG: Final = logging.getLogger(__name__)

_LINE_BYTES: Final = 65_536
_HEADERS_MAX: Final = 200
_START: Final = re.compile(r"([A-Z]+) (/[^\s#]*) HTTP/1\.([01])")
_NAME: Final = re.compile(r"[!$%&'*+.^`|~0-9A-Za-z#_-]+")
_LENGTH: Final = re.compile(r"[0-9]{1,10}")
_CHUNK_SIZE: Final = re.compile(r"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?")
_JOINED_BYTES: Final = 65_536
_DRAINED_BYTES: Final = 1 << 20
_LEAVE_READS: Final = 1000
_LEAVE_S: Final = 1.0
_STOP_S: Final = 1.0
_METADATA: Final = "x-amz-meta-"
_NO_BODY: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
_FAULT: Final = (
    "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n"
    "<p>The server encountered an internal error and was unable to complete your request. Either the server is "
    "overloaded or there is an error in the application.</p>\n"
)


class BadRequestError(Exception):
    """A request that is not as RFC 9112 wants it, or beyond what the server takes; its connection is closed."""


class Message:
    """A request as it came; `target` is path and query as sent, and `headers` have lower-case names with hyphens.

    `spelt` has the names, by those of `headers`, that are spelt with an underscore; only metadata of S3 may be.
    """

    def __init__(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        read: Callable[[], bytes],
        spelt: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.method: Final = method
        self.target: Final = target
        self.headers: Final = headers
        self.spelt: Final = spelt
        self._read: Final = read
        self._body: bytes | None = None

    def body(self) -> bytes:
        """Return the body, which is read from the connection the first time that it is asked for."""
        if self._body is None:
            self._body = self._read()
        return self._body


Serve = Callable[[Message], Answer]


class Server(socketserver.ThreadingTCPServer):
    """Serves on a free port of the loopback; `url` is its address."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, serve: Serve) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.serve: Final = serve
        self.url: Final = f"http://127.0.0.1:{self.server_address[1]}"
        self._open: Final[set[Any]] = set()
        self._changed: Final = threading.Condition()
        self._thread: Final = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Take no more connections and close those that are open; a call that is under way is not waited for long."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        with self._changed:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, _STOP_S)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 (the names of socketserver)
        LOG.debug("a connection failed", exc_info=True)


class _Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    server: Server
    rfile: BufferedReader

    def handle(self) -> None:
        """Serve one request after another; what a client breaks off is no error to report."""
        try:
            while self._serve():
                pass
        except BadRequestError as error:
            LOG.debug("a request was refused: %s", error)
            self._refuse(str(error))
        except OSError as error:
            LOG.debug("a connection was broken off: %s", error)

    def _refuse(self, message: str) -> None:
        with suppress(OSError):
            self._send("GET", Answer(400, message.encode(), {"Content-Type": "text/plain"}), keep=False)
            self._take_leave()

    def _take_leave(self) -> None:
        """Wait until the client has closed, too: what it still sends would take the answer from it."""
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(_LEAVE_S)
        for _ in range(_LEAVE_READS):
            if not self.connection.recv(_DRAINED_BYTES):
                break

    def _serve(self) -> bool:
        """Serve a request; return whether another may follow."""
        line = self._line(may_end=True) or self._line(may_end=True)  # an empty line may come before a request
        if not line:
            return False
        start = _START.fullmatch(line)
        if start is None:
            raise BadRequestError(f"{line[:80]!r} is not the first line of a request")
        method, target, minor = start.groups()
        headers, spelt = self._headers()
        is_recent = minor == "1"
        body = _Body(self, headers, may_wait=is_recent)
        keep = is_recent and headers.get("connection", "").lower() != "close"
        try:
            answer = self.server.serve(Message(method, target, headers, body.read, spelt))
        except (OSError, BadRequestError):
            raise
        except Exception:
            LOG.debug("%s %s failed", method, target, exc_info=True)
            answer = Answer(500, _FAULT.encode(), {"Content-Type": "text/html; charset=utf-8"})
        keep = keep and body.is_over
        self._send(method, answer, keep=keep)
        if not keep:
            self._take_leave()
            return False
        body.drain()
        return True

    def _line(self, *, may_end: bool = False) -> str:
        line = self.rfile.readline(_LINE_BYTES)
        if len(line) == _LINE_BYTES:
            raise BadRequestError("a line is too long")
        if not line.endswith(b"\n") and not (may_end and not line):
            raise ConnectionError("closed in the middle of a request")
        return line.decode("latin-1").rstrip("\r\n")

    def _headers(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return the values of the headers, and how those are spelt that have an underscore.

        As on WSGI servers no name with an underscore stands for one with a hyphen, and only metadata may have one.
        """
        headers: dict[str, str] = {}
        underscored: list[tuple[str, str]] = []
        for _ in range(_HEADERS_MAX):
            line = self._line()
            if not line:
                break
            name, colon, value = line.partition(":")
            if not colon or _NAME.fullmatch(name) is None or "\r" in value or "\0" in value:
                raise BadRequestError(f"{line[:80]!r} is not a header")
            if "_" in name:
                underscored.append((name, value.strip(" \t")))
                continue
            _add(headers, name.lower(), value.strip(" \t"))
        else:
            raise BadRequestError(f"more than {_HEADERS_MAX} headers")
        return headers, _add_metadata(headers, underscored) if underscored else {}

    def _send(self, method: str, answer: Answer, *, keep: bool) -> None:
        status = answer.status
        has_body = status not in _NO_BODY
        headers = answer.headers
        length = "" if not has_body or _has_length(headers) else f"Content-Length: {len(answer.body)}\r\n"
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        close = "" if keep else "Connection: close\r\n"
        moment = _date(int(CLOCK.now()))
        head = f"HTTP/1.1 {_status(status)}\r\nServer: ceap\r\nDate: {moment}\r\n{lines}{length}{close}\r\n"
        encoded = head.encode("latin-1")
        if not has_body or method == "HEAD":
            self.connection.sendall(encoded)
        elif len(answer.body) < _JOINED_BYTES:
            self.connection.sendall(encoded + answer.body)
        else:
            self.connection.sendall(encoded)
            self.connection.sendall(answer.body)


class _Body:
    """What follows the headers of a request: of a stated length, in chunks, or nothing."""

    def __init__(self, connection: _Connection, headers: Mapping[str, str], *, may_wait: bool) -> None:
        self._connection: Final = connection
        self._coding: Final = headers.get("transfer-encoding", "").lower()
        length = headers.get("content-length", "0")
        if self._coding not in {"", "chunked"} or _LENGTH.fullmatch(length) is None:
            raise BadRequestError(f"a body of the length {length!r} and the coding {self._coding!r}")
        self._left = int(length)
        self._waits = may_wait and headers.get("expect", "").lower() == "100-continue"
        self._is_read = not (self._coding or self._left)

    @property
    def is_over(self) -> bool:
        """Tell whether another request may follow: not if it is open whether the client will send the body."""
        return self._is_read or not (self._waits or self._coding)

    def read(self) -> bytes:
        """Return all of it; ConnectionError if the client closes the connection before."""
        if self._is_read:
            return b""
        if self._waits:
            self._connection.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._read_chunks() if self._coding else self._exactly(self._left)
        self._is_read = True
        return body

    def drain(self) -> None:
        """Pass over what nobody has read."""
        while not self._is_read:
            self._left -= len(self._exactly(min(self._left, _DRAINED_BYTES)))
            self._is_read = not self._left

    def _exactly(self, size: int) -> bytes:
        found = self._connection.rfile.read(size)
        if len(found) < size:
            raise ConnectionError(f"closed {size - len(found)} bytes before the end of a body")
        return found

    def _read_chunks(self) -> bytes:
        chunks = []
        while size := self._chunk_size():
            chunks.append(self._exactly(size))
            if self._connection._line():
                raise BadRequestError("a chunk does not end where it should")
        while self._connection._line():  # what is sent after the last chunk
            pass
        return b"".join(chunks)

    def _chunk_size(self) -> int:
        line = self._connection._line()
        size = _CHUNK_SIZE.fullmatch(line)
        if size is None:
            raise BadRequestError(f"{line[:80]!r} is not the size of a chunk")
        return int(size[1], 16)


def _add(headers: dict[str, str], name: str, value: str) -> None:
    if name == "content-length" and headers.get(name, value) != value:
        raise BadRequestError(f"two lengths of a body, {headers[name]!r} and {value!r}")
    if name in headers and name not in {"content-type", "content-length"}:
        value = f"{headers[name]},{value}"
    headers[name] = value


def _add_metadata(headers: dict[str, str], underscored: list[tuple[str, str]]) -> dict[str, str]:
    spelt: dict[str, str] = {}
    dashed = set(headers)
    for name, value in underscored:
        key = name.lower().replace("_", "-")
        if name.lower().startswith(_METADATA) and key not in dashed:
            spelt.setdefault(key, name)
            _add(headers, key, value)
    return spelt


def _has_length(headers: Mapping[str, str]) -> bool:
    return "Content-Length" in headers or "content-length" in headers


@lru_cache(maxsize=1)
def _date(now: int) -> str:
    return formatdate(now, usegmt=True)


@lru_cache(maxsize=64)
def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} "
