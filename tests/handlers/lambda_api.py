"""Lambda's Invoke behind HTTP: it answers as a test says, and keeps what was asked for."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import unquote

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:old-Score-1A2B:live"
NAME = "function old-Score-1A2B:live"
"""What messages call it."""
REQUEST_ID = "0b9b1a5e-0000-4000-8000-000000000001"


class Call(NamedTuple):
    """One request: the function's ARN, how it is invoked, and the payload."""

    arn: str
    kind: str
    payload: bytes

    @property
    def event(self) -> Any:
        """What the function gets; None if Python cannot read it: it is too deep, or has too long a number."""
        try:
            return json.loads(self.payload)
        except (RecursionError, ValueError):
            return None


class Answer(NamedTuple):
    """One answer; `failed` is that of a function that failed, a `code` that of Lambda, which did not run it."""

    body: bytes
    failed: bool = False
    code: str | None = None
    status: int = 200


def returned(result: Any) -> Answer:
    """Answer what a function of Python returns, as Lambda's runtime writes it."""
    return Answer(json.dumps(result).encode())


def raised(error_type: str, message: str = "customer c-1 is wrong") -> Answer:
    """Answer that the function raised an exception."""
    said = {"errorMessage": message, "errorType": error_type, "requestId": REQUEST_ID, "stackTrace": ["File: secret\n"]}
    return Answer(json.dumps(said).encode(), failed=True)


def refused(status: int, code: str) -> Answer:
    """Answer that Lambda does not run the function."""
    return Answer(json.dumps({"Message": "injected", "Type": "User"}).encode(), code=code, status=status)


class LambdaApi:
    """Serves one function, which is `function`: from what it gets to an answer; None breaks the connection."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.function: Callable[[Any], Answer | None] = returned
        self.stopping = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def hang(self, _: Any) -> None:
        """Be a function that does not answer as long as the test lasts."""
        self.stopping.wait()


class _Server(ThreadingHTTPServer):
    def __init__(self, api: LambdaApi) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.api = api

    def handle_error(self, *_: Any) -> None:
        """Say nothing of a client that went away."""


class _Request(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        api, payload = self.server.api, self.rfile.read(int(self.headers["Content-Length"]))
        arn = unquote(self.path.removeprefix("/2015-03-31/functions/").removesuffix("/invocations"))
        call = Call(arn, self.headers["X-Amz-Invocation-Type"], payload)
        api.calls.append(call)
        answer = api.function(call.event)
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        headers = {"Content-Length": str(len(answer.body)), "x-amzn-RequestId": REQUEST_ID}
        headers |= {"x-amzn-ErrorType": answer.code} if answer.code else {"X-Amz-Executed-Version": "$LATEST"}
        headers |= {"X-Amz-Function-Error": "Unhandled"} if answer.failed else {}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: Any) -> None:
        pass
