"""Processes of functions that start in a fraction of the time: forked from one that has the packages loaded.

Only on Linux: the libraries of macOS may abort in a forked process.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from ceap import signals
from ceap.local.packages import lacking_everywhere, package_folders
from ceap.local.workers import (
    INTERPRETER,
    SCRIPT,
    Function,
    Launch,
    arguments,
    end_processes,
    launch_process,
)

POLL_S: Final = 0.002
FORK_SERVER: Final = Path(__file__).with_name("child") / "fork_server.py"


@contextmanager
def fast_launch() -> Iterator[Launch]:
    """Yield the fastest way to start processes of functions on this machine."""
    if sys.platform != "linux":
        yield launch_process
        return
    server = ForkServer()
    try:
        yield server.launch
    finally:
        server.close()


class ForkServer:
    """The process that others are forked from; the processes of functions end before it is closed."""

    def __init__(self) -> None:
        self._lock: Final = threading.Lock()
        signals.begin(self, end_processes)
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process: Final = subprocess.Popen(  # noqa: S603 (our own script)
                [*INTERPRETER, str(FORK_SERVER), str(theirs.fileno()), str(SCRIPT), *package_folders()],
                env={"LANG": "en_US.UTF-8", "PATH": os.defpath, "TZ": "UTC"},
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._answers: Final = self._socket.makefile("rb")
        lacking = json.dumps(dict(lacking_everywhere())).encode()
        self._socket.sendall(f"{len(lacking):09}".encode() + lacking)

    @property
    def pid(self) -> int:
        return self._process.pid

    def launch(self, function: Function, descriptors: Sequence[int], output: int) -> Forked:
        """Start the process of a function, as `workers.Launch` says."""
        request = {
            "environment": dict(function.environment),
            "folder": str(function.root),
            "arguments": arguments(function),
        }
        return Forked(self, int(self._ask(request, *descriptors, output)))

    def poll(self, pid: int) -> int | None:
        """Return the exit status of a process, as Popen does, None while it runs; without a server: as killed."""
        try:
            status = self._ask({"wait": pid})
        except OSError:
            return -signal.SIGKILL
        return int(status) if status else None

    def close(self) -> None:
        self._answers.close()
        self._socket.close()
        self._process.wait()
        signals.settle(self)

    def _ask(self, request: dict[str, Any], *descriptors: int) -> bytes:
        with self._lock:
            socket.send_fds(self._socket, [f"{json.dumps(request)}\n".encode()], descriptors)
            answer = self._answers.readline()
        if not answer:
            raise ConnectionResetError(f"the process {self.pid}, which starts functions, has ended")
        return answer.strip()


class Forked:
    """A process that the server has forked, as a Popen."""

    def __init__(self, server: ForkServer, pid: int) -> None:
        self.pid: Final = pid
        self._server: Final = server
        self._status: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit status once it has ended; TimeoutExpired if it runs for so many seconds more."""
        due = None if timeout is None else time.monotonic() + timeout
        while (status := self._poll()) is None:
            if due is not None and time.monotonic() > due:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(POLL_S)
        return status

    def send_signal(self, sig: int) -> None:
        if self._poll() is None:
            os.kill(self.pid, sig)

    def _poll(self) -> int | None:
        if self._status is None:
            self._status = self._server.poll(self.pid)
        return self._status
