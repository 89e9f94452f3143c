"""Emulated AWS behind HTTP that kills who calls it: before or after it serves a request, which it never answers."""

from __future__ import annotations

import io
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, NamedTuple

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

import handlers
from ceap.local import gateway
from ceap.local.sessions import REGION, Sessions
from ceap.testing import create_table
from handlers.runtime.needs import EVENT_BUS_VARIABLE, table_variable
from templates import discovery

CHILD_KEY = "AKIACHILD"


class Request(NamedTuple):
    """`name` is the operation; of S3, method, file and what it does to an upload, e.g. `PUT output.json?partNumber`."""

    name: str
    body: bytes


class Kill(NamedTuple):
    """Where to kill a process: at which of its requests, from 0, and before or after that one is served."""

    number: int
    moment: Literal["before", "after"]


class Cloud:
    """One server and the processes that run handlers against it; `reset` gives it another, empty AWS account."""

    _accounts = itertools.count(100_000_000_000)  # moto keeps those of one process together

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=_Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self._url = f"http://127.0.0.1:{self._server.port}"
        environment = {
            "AWS_ACCESS_KEY_ID": CHILD_KEY,
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self._url,
            "AWS_LAMBDA_FUNCTION_NAME": "own-function",
            EVENT_BUS_VARIABLE: "default",
            **{table_variable(table.name): table.name for table in discovery.tables().values()},
        }
        self._children = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("child.py")), json.dumps(environment)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={"PYTHONPATH": str(Path(handlers.__file__).parents[1])},
        )
        self._lock = threading.Condition()
        self._active = 0
        self._kill: Kill | None = None
        self._pid = 0
        self.requests: list[Request] = []
        self.served: list[Request] = []

    def close(self) -> None:
        self._children.communicate()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def reset(self) -> None:
        self._account = str(next(self._accounts))
        self.bucket = f"bucket-{self._account}"
        self.s3, self.dynamodb = (
            gateway.client(service, self._url, Sessions(self._account).driver) for service in ("s3", "dynamodb")
        )
        self.s3.create_bucket(Bucket=self.bucket)
        for table in discovery.tables().values():
            create_table(table, self.dynamodb)
        self.served = []

    def run(
        self, handler: str, event: dict[str, Any], *, settings: str, offset: int = 0, kill: Kill | None = None
    ) -> int:
        """Run a handler in a process of its own; return how it ended: 0, 1 if it raised, -9 if it was killed."""
        command = {
            "handler": handler,
            "event": event | {"workflowBucket": self.bucket},
            "settings": settings,
            "offset": offset,
        }
        assert self._children.stdin
        assert self._children.stdout
        with self._lock:
            self._pid, self._kill, self.requests = 0, kill, []
        print(json.dumps(command), file=self._children.stdin, flush=True)
        with self._lock:
            self._pid = json.loads(self._children.stdout.readline())["pid"]
            self._lock.notify_all()
        status: int = json.loads(self._children.stdout.readline())["status"]
        with self._lock:
            assert self._lock.wait_for(lambda: not self._active, timeout=30)
        return status

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = self._account
        if CHILD_KEY not in environ["HTTP_AUTHORIZATION"]:
            answer: Iterable[bytes] = self._moto(environ, start_response)
            return answer
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        if len(body) < length:  # another thread of the process was sending it when that was killed
            start_response("400 ", [])
            return []
        environ["wsgi.input"] = io.BytesIO(body)
        request = Request(_name(environ), body)
        with self._lock:
            self._active += 1
            number = len(self.requests)
            self.requests.append(request)
        try:
            return self._serve(request, number, environ, start_response)
        finally:
            with self._lock:
                self._active -= 1
                self._lock.notify_all()

    def _serve(self, request: Request, number: int, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if self._kill == (number, "before"):
            return self._kill_child(start_response)
        started: list[tuple[Any, ...]] = []
        body = b"".join(self._moto(environ, lambda *arguments: started.append(arguments)))
        self.served.append(request)
        if self._kill == (number, "after"):
            return self._kill_child(start_response)
        start_response(*started[0])
        return [body]

    def _kill_child(self, start_response: Any) -> list[bytes]:
        with self._lock:
            assert self._lock.wait_for(lambda: self._pid, timeout=30)
        os.kill(self._pid, signal.SIGKILL)
        start_response("503 ", [])
        return []


class _Handler(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        pass


def _name(environ: dict[str, Any]) -> str:
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target.rpartition(".")[2])
    file = environ["PATH_INFO"].rpartition("/")[2]
    part = next((f"?{key}" for key in ("uploads", "partNumber", "uploadId") if key in environ["QUERY_STRING"]), "")
    return f"{environ['REQUEST_METHOD']} {file}{part}"
