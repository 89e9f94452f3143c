"""Forks itself into programs, with the packages loaded that ceap uses; it never loads a module of ours.

A request is its size in four bytes, with descriptors: one to write to, then the open ones of standard input, output and
error; then JSON: {"arguments", "environment", "folder", "session", "open"}. The number of the process is written to the
first descriptor in four bytes, and its status, as `waitpid` gives it, in digits once it has ended.
"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import time
from types import ModuleType
from typing import Any

PRELOADED = (
    *("boto3", "cfnlint.api", "cfnlint.runner", "hypothesis", "msgspec", "psutil", "pytest", "troposphere", "awacs"),
    *("rich.console", "rich.table", "shtab", "yaml", "email.parser", "http.client", "unittest.mock"),
    *("moto.server", "moto.backends", "moto.cloudformation.parsing", "moto.stepfunctions.parser.models"),
    *("moto.stepfunctions.responses", "moto.s3.responses", "moto.sqs.responses", "moto.awslambda.responses"),
    *("moto.glue.responses", "moto.iam.responses", "moto.sts.responses", "moto.events.responses", "moto.pipes.models"),
    *("moto.dynamodb.responses", "moto.logs.responses", "moto.sns.responses", "moto.cloudwatch.responses"),
    *("moto.cloudformation.responses", "moto.secretsmanager.responses", "moto.ssm.responses", "moto.kms.responses"),
)


def main(connection: socket.socket) -> None:
    base = sys.path[1:]  # without this script's folder
    sys.path[:] = base
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a forked process would copy all these pages
    request = serve(connection)
    if request:
        become(request, base)


def serve(connection: socket.socket) -> dict[str, Any] | None:
    """Serve requests; return one in the process forked for it, None once nobody can ask."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    previous = signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    asked: dict[int, int] = {}
    while True:
        ready = select.select([connection.fileno(), reader], [], [])[0]
        if reader in ready:
            os.read(reader, 4096)
            tell_ended(asked)
        if connection.fileno() not in ready:
            continue
        size, descriptors, _, _ = socket.recv_fds(connection, 4, 4)
        if not size:
            return None
        text = connection.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
        answers, *streams = descriptors
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, previous)
            for descriptor in (reader, writer, connection.detach(), answers, *asked.values()):
                os.close(descriptor)
            return {**json.loads(text), "streams": streams}
        os.write(answers, pid.to_bytes(4, "big"))
        asked[pid] = answers
        for stream in streams:
            os.close(stream)


def tell_ended(asked: dict[int, int]) -> None:
    """Tell the status of each process that has ended."""
    while asked:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        answers = asked.pop(pid)
        with contextlib.suppress(OSError):  # nobody waits for it
            os.write(answers, str(status).encode())
        os.close(answers)


def become(request: dict[str, Any], base: list[str]) -> None:
    """Be what the interpreter is when it has started with these arguments, then run the program."""
    if request["session"]:
        os.setsid()
    place_streams(request["streams"], request["open"])
    os.environ.clear()
    os.environ.update(request["environment"])
    if locale() in ("C", "POSIX") and not os.environ.get("LC_ALL"):
        os.environ["LC_CTYPE"] = "C.UTF-8"  # as the interpreter does, see PEP 538
    time.tzset()
    os.chdir(request["folder"])
    open_streams(request["open"])
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    first, *words = request["arguments"]
    more = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:] = [*more, *base]
    del sys.modules["__main__"]
    if first == "-c":
        code, *words = words
        run_code(code, words)
    elif first == "-m":
        module, *words = words
        sys.argv[:] = [module, *words]
        sys.path.insert(0, os.getcwd())  # noqa: PTH109 (as the interpreter does)
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    else:
        sys.argv[:] = [first, *words]
        sys.path.insert(0, os.path.dirname(os.path.realpath(first)))  # noqa: PTH120 (the same)
        runpy.run_path(first, run_name="__main__")


def run_code(code: str, words: list[str]) -> None:
    sys.argv[:] = ["-c", *words]
    sys.path.insert(0, "")
    main_module = ModuleType("__main__")
    sys.modules["__main__"] = main_module
    exec(compile(code, "<string>", "exec"), vars(main_module))


def place_streams(streams: list[int], is_open: list[bool]) -> None:
    """Put the open streams where they belong, and close the others."""
    kept = [os.dup(stream) if stream < 3 else stream for stream in streams]
    given = iter(kept)
    for number, there in enumerate(is_open):
        if there:
            os.dup2(next(given), number)
        else:
            with contextlib.suppress(OSError):
                os.close(number)
    for stream in {*streams, *kept} - {0, 1, 2}:
        os.close(stream)


def open_streams(is_open: list[bool]) -> None:
    """Open Python's own streams anew, as the interpreter does."""
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream: Any = None
        if is_open[number]:
            binary = open(number, "rb" if number == 0 else "wb", 0 if unbuffered and number else -1)  # noqa: SIM115, PTH123
            strict = locale() not in ("C", "POSIX", "C.UTF-8")
            errors = "backslashreplace" if number == 2 else "strict" if strict else "surrogateescape"
            stream = text_of(binary, errors, number, unbuffered=unbuffered)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def text_of(binary: Any, errors: str, number: int, *, unbuffered: bool) -> Any:
    import io

    lines = not unbuffered and (number == 2 or binary.isatty())
    return io.TextIOWrapper(
        binary, "utf-8", errors, "\n" if number else None, line_buffering=lines, write_through=unbuffered
    )


def locale() -> str:
    """Return the locale that the variables name, if this machine has it, else C."""
    import locale

    try:
        return locale.setlocale(locale.LC_CTYPE, "")
    except locale.Error:
        return "C"


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
