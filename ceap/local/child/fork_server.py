"""Starts the processes of functions by forking itself, with the packages loaded that every stage imports.

Run as a script by `fork_server`, standard library only. This process never loads code of the project: one that is
forked from it runs `worker.py` as a new one does, but these imports cost it nothing.
First come the modules that functions lack, as `worker.py` reads them, after their size in bytes in nine digits; then
one JSON document per line: {"environment", "folder", "arguments"} with descriptors, the last for what is printed,
answered by the new process with its number;
or {"wait"}, a process's number, answered with its exit status, or with nothing while it runs.
"""

import contextlib
import gc
import importlib
import json
import os
import socket
import sys
import time
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

PRELOADED = ("botocore.session", "msgspec")
DESCRIPTORS_MAX = 8
SIZE_DIGITS = 9


def main(connection: socket.socket, script: str, paths: list[str]) -> None:
    """Load the packages, then serve until the engine is gone; `script` is what forked processes run."""
    lacking = receive_lacking(connection)
    code = compile(Path(script).read_bytes(), script, "exec")
    own = list(sys.path), list(sys.meta_path)
    sys.path += paths
    worker: dict[str, Any] = {"__name__": "worker"}
    exec(code, worker)  # noqa: S102 (our own script)
    worker["PackagedFinder"](lacking, paths).install()
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    sys.path[:], sys.meta_path[:] = own
    gc.collect()
    gc.freeze()  # a collection in a forked process would copy all these pages
    if serve(connection, script):
        run(code)


def serve(connection: socket.socket, script: str) -> bool:
    """Serve requests; return True in each forked process, and False once the engine is gone."""
    while received := receive(connection):
        request, descriptors = received
        if "wait" in request:
            ended, status = os.waitpid(request["wait"], os.WNOHANG)
            connection.sendall(f"{os.waitstatus_to_exitcode(status) if ended else ''}\n".encode())
        elif os.fork() == 0:
            become(request, descriptors, connection, script)
            return True
        for descriptor in descriptors:
            os.close(descriptor)
    return False


def receive_lacking(connection: socket.socket) -> dict[str, str]:
    """Return what comes first, a document after its size, and nothing of the requests that may be there already."""
    size = int(connection.recv(SIZE_DIGITS, socket.MSG_WAITALL) or 0)
    lacking: dict[str, str] = json.loads(connection.recv(size, socket.MSG_WAITALL) or b"{}")  # the engine may be gone
    return lacking


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Return the next request and its descriptors; None when the engine is gone."""
    text, descriptors = b"", list[int]()
    while not text.endswith(b"\n"):
        part, more, _, _ = socket.recv_fds(connection, 65536, DESCRIPTORS_MAX)
        if not part:
            return None
        text, descriptors = text + part, descriptors + more
    return json.loads(text), descriptors


def become(request: dict[str, Any], descriptors: list[int], connection: socket.socket, script: str) -> None:
    """Give this forked process what a new process of the function has when its script starts."""
    os.setsid()  # before the engine knows its number, by which it ends the group
    connection.sendall(f"{os.getpid()}\n".encode())
    connection.close()
    *pipes, output = descriptors
    for stream in (1, 2):
        os.dup2(output, stream)
    os.close(output)
    own = {name: value for name, value in os.environ.items() if name == "LC_CTYPE"}  # the interpreter's, see PEP 538
    os.environ.clear()
    os.environ.update(own | request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    sys.argv[:] = [script, *map(str, pipes), *request["arguments"]]


def run(code: CodeType) -> None:
    """Run the script of a function's process as the interpreter runs a script."""
    main_module = ModuleType("__main__")
    main_module.__file__ = code.co_filename
    sys.modules["__main__"] = main_module
    exec(code, vars(main_module))  # noqa: S102 (our own script)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2], sys.argv[3:])
