"""A signal ends every command at once: it tells its exit code and one line, and leaves nothing."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from tests import processes
from tests.reference import EXPRESS, STANDARD

# A shell lets what it starts in the background ignore SIGINT, and nohup SIGHUP.
PROGRAM = """
import signal
import sys
from pathlib import Path

import tests.conftest
from ceap.cli import main

signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
exec(sys.argv.pop(1))
sys.exit(main())
"""
AFTER = """
import pkgutil
owner = pkgutil.resolve_name("{owner}")
def signalled(*arguments, before=owner.{name}, **options):
    answer = before(*arguments, **options)
    if {condition}:
        signal.raise_signal({number})
    return answer
owner.{name} = signalled
"""
"""A signal comes just when a call has returned `answer`."""
START_AFTER = """
import threading
from ceap import signals
from ceap.local.functions import Functions

class Starting:
    lock, taken, reached = threading.Lock(), False, threading.Event()
    def acquire(self, timeout):
        self.taken = self.lock.acquire(timeout=timeout)
    def __enter__(self):
        if self.taken:
            self.reached.set()
        self.lock.acquire()
    def __exit__(self, *error):
        self.lock.release()

def start(functions):
    try:
        for name in list(functions._workers):
            functions.add(name, warm=True)
    finally:
        signals._starting.reached.set()

def finish(before=signals.finish):
    before()
    for functions in known:
        threading.Thread(target=start, args=(functions,), daemon=True).start()
    signals._starting.reached.wait()

def init(self, *arguments, before=Functions.__init__, **options):
    before(self, *arguments, **options)
    known.append(self)

known = []
signals._starting, signals.finish, Functions.__init__ = Starting(), finish, init
"""
"""Functions are started when all is undone, just before the exit; it waits until they are, or a thread may not."""
ENDS = {signal.SIGINT: (130, "interrupted"), signal.SIGTERM: (143, "terminated"), signal.SIGHUP: (129, "terminated")}


class End(NamedTuple):
    """How a command ended; `left` are its processes and temporary files that are still there."""

    code: int
    told: str
    left: list[str]


class Started:
    """A command in a session of its own, with a folder for temporary files."""

    def __init__(self, folder: Path, words: Sequence[str], prepare: str = "") -> None:
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.process = processes.Popen(
            [sys.executable, "-c", PROGRAM, prepare, *words],
            cwd=folder,
            env={**os.environ, "TMPDIR": str(self.temporary), "PYTHONPATH": os.getcwd()},  # noqa: PTH109
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def told(self, start: str) -> str:
        """Wait for a line of standard error that begins so, and return it."""
        assert self.process.stderr is not None
        return str(next(line for line in self.process.stderr if line.startswith(start)))

    def open_read(self, fifo: Path) -> int:
        """Open a FIFO for writing once the command reads it; it reads on until this descriptor is closed."""
        while self.process.poll() is None:
            with suppress(OSError):
                return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(0.01)
        raise AssertionError(self.process.communicate())

    def end(self, *numbers: signal.Signals) -> End:
        """Send signals and wait for the end."""
        with self.process:
            family = psutil.Process(self.process.pid).children(recursive=True)
            for number in numbers:
                self.process.send_signal(number)
            try:
                _, told = self.process.communicate(timeout=120)
            finally:
                self.process.kill()
        left = [str(process) for process in {*family, *self._of_the_folder()} if is_alive(process)]
        return End(self.process.returncode, told, left + [path.name for path in self.temporary.iterdir()])

    def _of_the_folder(self) -> list[psutil.Process]:
        """Return the processes that work in the temporary folder, or are of the session."""
        found = []
        for process in psutil.process_iter(["cmdline", "cwd", "environ"]):
            given: Mapping[str, object] = process.info
            session = self.process.pid == os.getsid(process.pid) if psutil.pid_exists(process.pid) else False
            if session or str(self.temporary) in str(given):
                found.append(process)
        return found


def is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def ended_by(number: signal.Signals) -> End:
    code, word = ENDS[number]
    return End(code, f"ceap: {word}\n", [])


def after(call: str, number: signal.Signals, condition: str = "True") -> str:
    owner, _, name = call.rpartition(".")
    return AFTER.format(owner=owner, name=name, number=int(number), condition=condition)


@pytest.mark.parametrize("number", ENDS)
@pytest.mark.parametrize("words", [["synth", "--out", "out"], ["schema"], ["invoke"]], ids=lambda words: words[0])
def test_a_command_that_reads_ends_at_once(tmp_path: Path, words: list[str], number: signal.Signals) -> None:
    declaration = tmp_path / "tried.yaml"
    os.mkfifo(declaration)
    more = ["SomeStage"] if words == ["invoke"] else []
    command = Started(tmp_path, [words[0], "tried.yaml", *more, *words[1:]])
    writing = command.open_read(declaration)
    assert command.end(number) == ended_by(number)
    os.close(writing)
    assert {path.name for path in tmp_path.iterdir()} == {"temporary", "tried.yaml"}


@pytest.mark.parametrize("number", ENDS)
def test_synth_leaves_no_half_written_file(tmp_path: Path, number: signal.Signals) -> None:
    written = after("pathlib.Path.write_bytes", number, "arguments[0].name.startswith('.express')")
    command = Started(tmp_path, ["synth", str(EXPRESS), "--out", "out"], written)
    assert command.end() == ended_by(number)
    assert list((tmp_path / "out").iterdir()) == []


def test_synth_writes_all_files_or_none(tmp_path: Path) -> None:
    moved = after("pathlib.Path.replace", signal.SIGTERM)
    command = Started(tmp_path, ["synth", str(EXPRESS), "--out", "out"], moved)
    assert command.end() == ended_by(signal.SIGTERM)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"express.template.yaml", "foundation.template.yaml"}


FAKE_PIP = """#!/bin/sh
mkdir "$TMPDIR/pip-unpack"
echo $$ > {started}
exec sleep 600
"""


@pytest.mark.parametrize("numbers", [(number,) for number in ENDS] + [(signal.SIGINT, signal.SIGINT)])
def test_package_takes_pip_along(tmp_path: Path, numbers: tuple[signal.Signals, ...]) -> None:
    started, program, handlers = tmp_path / "started", tmp_path / "python", tmp_path / "project" / "handlers"
    os.mkfifo(started)
    program.write_text(FAKE_PIP.format(started=started))
    program.chmod(0o755)
    handlers.mkdir(parents=True)
    (handlers / "__init__.py").touch()
    (handlers / "requirements.txt").write_text(f"some==1 --hash=sha256:{'0' * 64}\n")
    prepare = f"import handlers; handlers.__path__.insert(0, {str(handlers)!r}); sys.executable = '{program}'"
    command = Started(tmp_path, ["package"], prepare)
    waiting = os.open(started, os.O_RDONLY | os.O_NONBLOCK)
    assert select.select([waiting], [], [], 60)[0]
    pip = int(os.read(waiting, 100))
    os.close(waiting)
    end = command.end(*numbers)
    fetching, ended = end.told.splitlines(keepends=True)
    assert end._replace(told=ended) == ended_by(numbers[0])
    assert fetching.startswith("fetching the wheels of requirements.txt")
    assert not psutil.pid_exists(pip)
    assert list((tmp_path / "project" / "build" / "wheels").iterdir()) == []


@pytest.mark.parametrize(
    ("call", "condition"),
    [
        ("tempfile.mkdtemp", "True"),  # the engine's folder has just been made
        ("subprocess.Popen.__init__", "True"),  # what functions are forked from has just been started
        ("ceap.local.fork_server.ForkServer.launch", "True"),  # the first worker has just been started
        ("ceap.local.keep.RunFolder.write", "arguments[1] == 'events.jsonl'"),  # half of the run is kept
        ("shutil.rmtree", "True"),  # the end is near anyway
    ],
)
def test_a_run_leaves_nothing_whenever_a_signal_comes(tmp_path: Path, call: str, condition: str) -> None:
    command = Started(tmp_path, ["run", str(EXPRESS), "--keep", "kept"], after(call, signal.SIGINT, condition))
    end = command.end()
    assert end._replace(told=end.told.splitlines(keepends=True)[-1]) == ended_by(signal.SIGINT)
    assert "Traceback" not in end.told
    assert [*(tmp_path / "kept").glob(".*")] == []


@pytest.mark.parametrize("numbers", [(number,) for number in ENDS] + [(signal.SIGINT, signal.SIGINT)])
def test_a_run_takes_its_functions_along(tmp_path: Path, numbers: tuple[signal.Signals, ...]) -> None:
    command = Started(tmp_path, ["run", str(EXPRESS), "--count", "400"])
    command.told("execution")
    end = command.end(*numbers)
    assert end._replace(told=end.told.splitlines(keepends=True)[-1]) == ended_by(numbers[0])
    assert "Traceback" not in end.told


def test_nothing_is_started_once_a_signal_has_come(tmp_path: Path) -> None:
    command = Started(tmp_path, ["run", str(EXPRESS), "--count", "400"], START_AFTER)
    command.told("execution")
    end = command.end(signal.SIGTERM)
    assert end._replace(told=end.told.splitlines(keepends=True)[-1]) == ended_by(signal.SIGTERM)


@pytest.mark.glue
def test_a_run_takes_spark_along(tmp_path: Path) -> None:
    command = Started(tmp_path, ["run", str(STANDARD)])
    command.told("  HeavyStage           |")
    end = command.end(signal.SIGTERM)
    assert end._replace(told=end.told.splitlines(keepends=True)[-1]) == ended_by(signal.SIGTERM)
    assert "Traceback" not in end.told
