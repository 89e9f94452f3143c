"""Processes of Python that start in a fraction of the time: forked from one that has the installed packages loaded.

`Popen` and `run` take what those of `subprocess` take. A program of this interpreter is forked from a server that has
loaded packages which ceap uses, and nothing of ours; any other program is started. Only on Linux: the libraries of
macOS may abort in a forked process.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

SERVER: Final = Path(__file__).with_name("server.py")
CLOSED: Final = 2**30
"""In place of a descriptor: the process has the stream closed."""
UNDERSTOOD: Final = {"PYTHON", "PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
"""Variables of the interpreter that a forked process obeys; PYTHON is that of the Makefile."""


def _fixed(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that an interpreter reads only when it starts."""
    return {name: value for name, value in environment.items() if name.startswith("PYTHON") and name not in UNDERSTOOD}


SERVED: Final = _fixed(os.environ)
"""Those that the server starts with; a program that has others is started."""


class Popen(subprocess.Popen[Any]):
    """A process that the server has forked, where it can, with all that `subprocess.Popen` knows of one."""

    def _execute_child(self, args: Any, executable: Any, *rest: Any) -> None:
        words = [os.fspath(word) for word in ([args] if isinstance(args, str | os.PathLike) else args)]
        names = ("preexec", "close_fds", "pass_fds", "cwd", "env", "_", "_", "shell")
        given = dict(zip(names, rest, strict=False))
        pipes, new_session = rest[8:14], rest[19]
        environment = dict(os.environ if given["env"] is None else given["env"])
        plain = not (given["preexec"] or given["pass_fds"] or given["shell"] or executable)
        if not (plain and can_be_forked(words, environment)):
            super()._execute_child(args, executable, *_without_closed(rest))  # type: ignore[misc]  # what it replaces
            return
        request = {
            "arguments": words[1:],
            "environment": environment,
            "folder": os.fspath(given["cwd"] or Path.cwd()),
            "session": bool(new_session),
        }
        p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite = pipes
        self.pid, self._statuses = _server().fork(request, [p2cread, c2pwrite, errwrite])
        self._child_created = True
        ours = (p2cwrite, c2pread, errread)
        for theirs, kept in zip((p2cread, c2pwrite, errwrite), ours, strict=True):
            if theirs != -1 and kept != -1:
                os.close(theirs)

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        if not hasattr(self, "_statuses"):
            return super()._try_wait(wait_flags)  # type: ignore[misc,no-any-return]
        if wait_flags & os.WNOHANG:
            with selectors.DefaultSelector() as selector:
                selector.register(self._statuses, selectors.EVENT_READ)
                if not selector.select(0):
                    return 0, 0
        status = self._statuses.recv(16)
        self._statuses.close()
        return self.pid, int(status or 9)  # without its server a process is as killed

    def _internal_poll(self, _deadstate: Any = None, **more: Any) -> int | None:
        if not hasattr(self, "_statuses"):
            return super()._internal_poll(_deadstate, **more)  # type: ignore[misc,no-any-return]
        if self.returncode is None and self._waitpid_lock.acquire(blocking=False):  # type: ignore[attr-defined]
            try:
                if self.returncode is None:
                    pid, status = self._try_wait(os.WNOHANG)
                    if pid == self.pid:
                        self._handle_exitstatus(status)  # type: ignore[attr-defined]
            finally:
                self._waitpid_lock.release()  # type: ignore[attr-defined]
        return self.returncode


def run(
    words: Sequence[str | os.PathLike[str]],
    *,
    input: Any = None,  # noqa: A002 (as subprocess calls it)
    capture_output: bool = False,
    timeout: float | None = None,
    check: bool = False,
    **given: Any,
) -> subprocess.CompletedProcess[Any]:
    """Run a program as `subprocess.run` does."""
    if capture_output:
        given |= {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if input is not None:
        given["stdin"] = subprocess.PIPE
    with Popen(words, **given) as process:
        try:
            out, told = process.communicate(input, timeout=timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(words, process.returncode, out, told)
    if check:
        done.check_returncode()
    return done


def can_be_forked(words: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Tell whether a program is Python's own, `-c CODE`, `-m MODULE` or a script, without other options."""
    if sys.platform != "linux" or words[0] != sys.executable or len(words) < 2:
        return False
    measured = any(name.startswith("COVERAGE_") for name in environment)
    locale = environment.get("LC_ALL") or environment.get("LANG") or "C.UTF-8"
    is_program = not words[1].startswith("-") or (words[1] in ("-c", "-m") and len(words) > 2)
    is_program &= words[1:3] != ["-m", "pytest"]  # it rewrites the plugins that it loads itself
    return (
        is_program
        and not measured
        and _fixed(environment) == SERVED
        and locale.lower().replace("-", "").endswith(("utf8", "c", "posix"))
    )


def _without_closed(rest: Sequence[Any]) -> list[Any]:
    """Return what `_execute_child` takes, with streams closed by the process itself that are to be closed."""
    preexec, pipes = rest[0], list(rest[8:14])
    closed = [number for number, place in enumerate((0, 3, 5)) if pipes[place] == CLOSED]
    if not closed:
        return list(rest)
    assert preexec is None

    def close() -> None:
        for number in closed:
            os.close(number)

    return [close, *rest[1:8], *(-1 if pipe == CLOSED else pipe for pipe in pipes), *rest[14:]]


class _Server:
    """The process that others are forked from."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        others = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AWS_"))}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(SERVER), str(theirs.fileno())],
                env={**others, **SERVED},
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                start_new_session=False,
            )
        atexit.register(self.close)

    def fork(self, request: Mapping[str, Any], descriptors: Sequence[int]) -> tuple[int, socket.socket]:
        """Fork a process; return its number, and what its exit status is read from."""
        statuses, theirs = socket.socketpair()
        streams = [number if descriptor == -1 else descriptor for number, descriptor in enumerate(descriptors)]
        is_open = [_is_open(descriptor) for descriptor in streams]
        sent = [descriptor for descriptor, there in zip(streams, is_open, strict=True) if there]
        text = json.dumps({**request, "open": is_open}).encode()
        with theirs:
            socket.send_fds(self._socket, [len(text).to_bytes(4, "big")], [theirs.fileno(), *sent])
            self._socket.sendall(text)
        pid = int.from_bytes(statuses.recv(4, socket.MSG_WAITALL), "big")
        return pid, statuses

    def close(self) -> None:
        self._socket.close()
        self._process.wait()


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


_servers: Final[dict[int, _Server]] = {}


def _server() -> _Server:
    """Return the server of this process, which its first use starts."""
    if os.getpid() not in _servers:
        _servers[os.getpid()] = _Server()
    return _servers[os.getpid()]
