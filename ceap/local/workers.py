"""The workers of the functions: how the engine starts, feeds, watches and ends them.

A function has one worker, reused while it is warm and replaced after a timeout, an exit or a breach of its memory.
Real, not virtual: the time a handler takes, hence function and task timeouts; memory, as its sampled resident set.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, Protocol, TypeAlias

import psutil

from ceap.local.packages import package_folders

INIT_LIMIT_S: Final = 60.0
"""How long a handler may take to load; far beyond Lambda's 10 s, because a laptop may be busy."""
SAMPLE_S: Final = 0.05
STACK_LIMIT_S: Final = 0.2
"""How long a process may take to write its stack before it is killed; it takes a thousandth of a second."""
_LOOK_S: Final = 0.005
_LOOKS_MAX: Final = 1000
SCRIPT: Final = Path(__file__).with_name("child") / "worker.py"
INTERPRETER: Final = (sys.executable, "-I", "-S", "-u", "-X", "utf8")


class Function(NamedTuple):
    """A deployed function, as its template says.

    `root` is its unpacked code, `lacking` the file with the installed modules that it lacks on AWS, `home` the folder
    that code comes from which is not ceap's.
    """

    name: str
    arn: str
    handler: str
    timeout_s: int
    memory_mb: int
    environment: Mapping[str, str]
    root: Path
    lacking: Path
    version: str = "$LATEST"
    home: Path | None = None


class Outcome(NamedTuple):
    """The outcome of an invocation: result or error document as JSON, log lines, duration, peak memory.

    `failure` is what the worker said of an exception beside the error document (`child/worker.py`), as `failures` reads
    it; `stack` is where a worker was when it was ended, as `faulthandler` writes it.
    """

    payload: str
    failed: bool
    lines: list[str]
    duration_s: float
    memory_mb: int
    failure: Mapping[str, Any] | None = None
    stack: str = ""


Hearer: TypeAlias = Callable[[str], None]
"""Called with each line that a handler prints, as it does."""


class Process(Protocol):
    """A function's process, in a group of its own."""

    @property
    def pid(self) -> int: ...

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit status once it has ended, the negative signal if one ended it; at once when repeated.

        Raises:
            subprocess.TimeoutExpired: it runs for so many seconds more.
        """

    def send_signal(self, sig: int) -> None:
        """Send it a signal, if it still runs."""


Launch: TypeAlias = Callable[[Function, Sequence[int], int], Process]
"""Starts the process of a function with the descriptors of its script, and one for what it prints."""


def launch_process(function: Function, descriptors: Sequence[int], output: int) -> Process:
    """Start a new process of a function."""
    return subprocess.Popen(  # noqa: S603 (our own script)
        [*INTERPRETER, str(SCRIPT), *map(str, descriptors), *arguments(function)],
        env=dict(function.environment),
        cwd=function.root,
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,  # a group of its own, ended as a whole
    )


def arguments(function: Function) -> list[str]:
    """Return what follows the descriptors on the command line of a function's process."""
    return [str(function.lacking), *package_folders()]


class Worker:
    """One process of a function; the caller ensures that one invocation runs at a time."""

    def __init__(self, function: Function, launch: Launch = launch_process) -> None:
        self.function: Final = function
        self._ready = False
        request_end, request_pipe = os.pipe()
        answer_pipe, answer_end = os.pipe()
        self._stack: Final = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the process has ended)
        output_pipe, output_end = os.pipe()
        self._process: Final = launch(function, (request_end, answer_end, self._stack.fileno()), output_end)
        for end in (request_end, answer_end, output_end):
            os.close(end)
        self._requests: Final[IO[bytes]] = os.fdopen(request_pipe, "wb", buffering=0)
        self._answers: Final = answer_pipe
        self._output: Final = io.FileIO(output_pipe)
        os.set_blocking(self._output.fileno(), False)
        self._vitals: Final = psutil.Process(self._process.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    def invoke(
        self,
        request_id: str,
        event: Any,
        offset_s: float,
        fault: Mapping[str, str] | None,
        *,
        hear: Hearer | None = None,
        arn: str | None = None,
    ) -> Outcome:
        """Run the handler once; a worker that does not answer is ended, and `alive` becomes false.

        `arn` is that by which the function was invoked, if it is not its own.
        """
        watch = _Watch(hear)
        if not self._ready:
            answer = self._await(watch, INIT_LIMIT_S, request_id)
            if "error" in answer:
                self.close()
                return watch.outcome(answer)
            self._ready = True
        watch.restart()
        deadline = time.time() + self.function.timeout_s
        request = {
            "requestId": request_id,
            "event": event,
            "arn": arn or self.function.arn,
            "deadline": deadline,
            "offset": offset_s,
            "fault": fault,
        }
        with contextlib.suppress(BrokenPipeError):  # it died since: the answer will say so
            self._requests.write((json.dumps(request) + "\n").encode())
        return watch.outcome(self._await(watch, self.function.timeout_s, request_id))

    @property
    def alive(self) -> bool:
        return not self._requests.closed

    def kill(self) -> None:
        """End the process and all that it started; any thread may, also while another waits for an answer."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a zombie
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the process and let go of its pipes; harmless when repeated."""
        if not self.alive:
            return
        self.kill()
        self._process.wait()
        self._requests.close()
        self._output.close()
        self._stack.close()
        os.close(self._answers)

    def _await(self, watch: _Watch, limit_s: float, request_id: str) -> dict[str, Any]:
        """Return the next answer, or the error document of a worker that gives none."""
        deadline = time.monotonic() + limit_s
        answer = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            selector.register(self._output, selectors.EVENT_READ)
            while not answer.endswith(b"\n"):
                ready = [key.fd for key, _ in selector.select(SAMPLE_S)]
                if self._output.fileno() in ready and not self._collect(watch):
                    selector.unregister(self._output)
                if self._answers in ready:
                    part = os.read(self._answers, 65536)
                    if not part:
                        return self._lost(watch, request_id)
                    answer += part
                elif watch.is_due() and self._used_mb(watch) > self.function.memory_mb:
                    return self._ended(watch, "Runtime.OutOfMemory", f"RequestId: {request_id} Error: out of memory")
                elif time.monotonic() > deadline:
                    text = f"RequestId: {request_id} Error: Task timed out after {limit_s:.2f} seconds"
                    return self._ended(watch, "Sandbox.Timedout", text)
        self._collect(watch)
        self._used_mb(watch)
        document: dict[str, Any] = json.loads(answer)
        return document

    def _collect(self, watch: _Watch) -> bool:
        """Take what the process has printed so far; False once it has closed its output."""
        while part := self._output.read(65536):
            watch.add(part)
        return part is None

    def _used_mb(self, watch: _Watch) -> int:
        with contextlib.suppress(psutil.Error):
            watch.peak_mb = max(watch.peak_mb, self._vitals.memory_info().rss // 2**20)
        return watch.peak_mb

    def _lost(self, watch: _Watch, request_id: str) -> dict[str, Any]:
        status = self._process.wait()
        reason = "without providing a reason"
        if status:
            how = f"exit status {status}" if status > 0 else f"signal: {signal.Signals(-status).name}"
            reason = f"with error: {how}"
        return self._ended(watch, "Runtime.ExitError", f"RequestId: {request_id} Error: Runtime exited {reason}")

    def _ended(self, watch: _Watch, error_type: str, message: str) -> dict[str, Any]:
        watch.stack = end_with_stack(self._process, self._stack)
        self._collect(watch)
        self.close()
        return {"error": {"errorType": error_type, "errorMessage": message}}


def end_with_stack(process: Process, stack: IO[bytes]) -> str:
    """End a process of `child/` and return where its threads were, as `faulthandler` writes it; empty if unknown."""
    process.send_signal(signal.SIGUSR2)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STACK_LIMIT_S)
    stack.seek(0)
    return stack.read().decode(errors="replace")


def end_processes() -> None:
    """End all that this process has started, and what that has started."""
    seen: set[psutil.Process] = set()
    for _ in range(_LOOKS_MAX):
        seen |= set(psutil.Process().children(recursive=True))
        living = [process for process in seen if _is_alive(process)]
        if not living:
            break
        for process in living:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(_LOOK_S)
    for process in seen:
        with contextlib.suppress(ChildProcessError):  # of our children only, and those not waited for yet
            os.waitpid(process.pid, os.WNOHANG)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


class _Watch:
    """What is gathered during one invocation."""

    def __init__(self, hear: Hearer | None) -> None:
        self.output = b""
        self.peak_mb = 0
        self.stack = ""
        self._hear: Final = hear
        self._heard = 0
        self._begin = time.monotonic()
        self._next_sample = 0.0

    def is_due(self) -> bool:
        """Tell whether it is time to look at the memory; a handler that prints much wakes us more often."""
        now = time.monotonic()
        if now < self._next_sample:
            return False
        self._next_sample = now + SAMPLE_S
        return True

    def add(self, part: bytes) -> None:
        """Take in what was printed, and pass on the lines that are whole."""
        self.output += part
        self._pass_on(self.output.rfind(b"\n") + 1)

    def restart(self) -> None:
        """Start to count the duration: the handler is loaded."""
        self._begin = time.monotonic()

    def outcome(self, answer: Mapping[str, Any]) -> Outcome:
        self._pass_on(len(self.output))
        failed = "error" in answer
        return Outcome(
            payload=json.dumps(answer["error"]) if failed else answer["result"],
            failed=failed,
            lines=self.output.decode(errors="replace").splitlines(),
            duration_s=time.monotonic() - self._begin,
            memory_mb=self.peak_mb,
            failure=answer.get("failure"),
            stack=self.stack,
        )

    def _pass_on(self, end: int) -> None:
        """Pass on the lines up to there."""
        if self._hear and end > self._heard:
            for line in self.output[self._heard : end].decode(errors="replace").splitlines():
                self._hear(line)
            self._heard = end
