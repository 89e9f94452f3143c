"""A process with the libraries loaded that forks one child per mutant, in which pytest runs the nearest tests.

It runs in the copy of the project, whose sources the mutant has changed: the child imports them anew.
Reads one `Request` a line from stdin, and writes one `Outcome` a line to stdout.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator
from typing import Final, Literal

import msgspec
import psutil
import pytest
from hypothesis import Phase, settings

OURS: Final = ("ceap", "templates", "handlers", "glue", "tests", "guard_rules", "bench", "lib")
TYPICAL: Final = ("tests.conftest", "tests.local.support", "tests.handlers.support", "tests.policy.samples", "ceap.cli")
"""Modules that load, together, the libraries that most tests need."""

OPTIONS: Final = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
"""Hypothesis is loaded before pytest could rewrite its assertions, which matters to nobody here."""

UNDERSTOOD: Final = (
    pytest.ExitCode.OK,
    pytest.ExitCode.TESTS_FAILED,
    pytest.ExitCode.INTERRUPTED,
    pytest.ExitCode.NO_TESTS_COLLECTED,
)
"""What pytest says when it got through; anything else comes of the change."""

POLL_S: Final = 0.25
STALLED_S: Final = 60
STALLED_CPU_S: Final = 0.5
"""A child that uses no more in so long counts as stuck: none of the tests sleeps, and servers that wait use some."""


class Request(msgspec.Struct, frozen=True):
    """Which tests to run, and after how many CPU seconds no further test is begun.

    A child that uses `over_s` more is ended: its last test does not end.
    """

    tests: list[str]
    budget_s: float
    over_s: float
    options: list[str] = []


class Outcome(msgspec.Struct, frozen=True):
    """What came of it, in which test, after how many tests, in how many CPU seconds."""

    verdict: Literal["failed", "timed out", "passed"]
    failed: list[str]
    tests: int
    cpu_s: float


class Watcher:
    """A pytest plugin that tells the parent which test begins and which one failed, and ends the run in time."""

    def __init__(self, pipe: int, budget_s: float) -> None:
        self.pipe = pipe
        self.budget_s = budget_s

    def tell(self, word: str, test: str) -> None:
        os.write(self.pipe, f"{word} {test}\n".encode())

    def pytest_sessionstart(self) -> None:
        """Let Hypothesis stop at the first example that fails: the smallest is of no interest, and takes longest."""
        settings.register_profile("mutation", settings(phases=[Phase.explicit, Phase.generate]))
        settings.load_profile("mutation")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.tell("begin", item.nodeid)
        result = yield
        if _used_s() > self.budget_s:
            item.session.shouldstop = "the budget is used up"
        return result

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.tell("fail", report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.tell("fail", report.nodeid)


def _used_s() -> float:
    """Return the CPU seconds of this process and of its children that ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def run(request: Request) -> Outcome:
    """Run the tests in a child of this process."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.close(reading)
        _be_child(request, writing)
    os.close(writing)
    try:
        return _watch(child, reading, request)
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)


def _be_child(request: Request, pipe: int) -> None:
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        log = os.open("mutant.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for target, source in ((0, nowhere), (1, log), (2, log)):
            os.dup2(source, target)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        watcher = Watcher(pipe, _used_s() + request.budget_s)
        options = ["-q", "-p", "no:cacheprovider", "--hypothesis-seed=0", "--tb=short", *OPTIONS, *request.options]
        code = pytest.main([*options, *request.tests], plugins=[watcher])
        if code not in UNDERSTOOD:
            watcher.tell("fail", "")
    except BaseException:
        os.write(pipe, b"fail \n")
    finally:
        os._exit(0)


def _watch(child: int, pipe: int, request: Request) -> Outcome:
    """Read what the child tells until it ends, or is ended."""
    told, cpu_s, seen_at, before_s = b"", 0.0, time.monotonic(), _ended_s()
    while not os.waitpid(child, os.WNOHANG)[0]:
        told += _read(pipe, POLL_S)
        if (now_s := _family_s(child)) > cpu_s + STALLED_CPU_S:
            cpu_s, seen_at = now_s, time.monotonic()
        if now_s > request.budget_s + request.over_s or time.monotonic() - seen_at > STALLED_S:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            begun = _words(told + _read(pipe, 0), "begin")
            return Outcome("timed out", begun[-1:], len(begun), round(now_s, 1))
    told += _read(pipe, 0)
    failed = _words(told, "fail")
    return Outcome(
        "failed" if failed else "passed", failed, len(_words(told, "begin")), round(_ended_s() - before_s, 1)
    )


def _read(pipe: int, wait_s: float) -> bytes:
    """Return what is in a pipe, waiting for it; nothing, and no waiting, once nobody can write any more."""
    read = b""
    while select.select([pipe], [], [], wait_s)[0] and (chunk := os.read(pipe, 65536)):
        read, wait_s = read + chunk, 0
    return read


def _words(told: bytes, word: str) -> list[str]:
    lines = (line.partition(" ") for line in told.decode().splitlines())
    return [rest for first, _, rest in lines if first == word]


def _ended_s() -> float:
    """Return the CPU seconds of all children that ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _family_s(child: int) -> float:
    """Return the CPU seconds of a process and of its children, ended or not."""
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(child)
        total = sum(process.cpu_times()[:4])
        for below in process.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += sum(below.cpu_times()[:4])
    return total


def _libraries() -> list[str]:
    """Return the modules of others that the project and pytest load, found out in a child."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        try:
            os.close(reading)
            for module in TYPICAL:
                with contextlib.suppress(ImportError):
                    importlib.import_module(module)
            os.write(writing, "\n".join(name for name in sys.modules if name.split(".")[0] not in OURS).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        names = pipe.read().decode().split("\n")
    os.wait()
    return names


def main() -> int:
    """Serve requests until stdin ends, or SIGTERM comes, which ends the child that runs, too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    # Python puts the folder of a script first: here, that of the project has to be.
    sys.path[0] = os.getcwd()  # noqa: PTH109  # a text, as Python puts it
    for name in _libraries():
        if not name.startswith(("_pytest", "pytest", "__", "xdist")):
            with contextlib.suppress(Exception, SystemExit):
                importlib.import_module(name)
    gc.freeze()  # pytest collects garbage, and would go through all libraries
    for line in sys.stdin.buffer:
        outcome = run(msgspec.json.decode(line, type=Request))
        sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
        sys.stdout.buffer.flush()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return 0


if __name__ == "__main__":
    sys.exit(main())
