"""A process that is forked is to its program what a started one is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ceap import project
from tests import processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks")

SEEN = """
import json, os, signal, sys
streams = [(each.encoding, each.errors, each.line_buffering, each.write_through) for each in
           (sys.stdin, sys.stdout, sys.stderr)]
handlers = [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGCHLD)]
print(json.dumps([sys.argv, sys.path, os.getcwd(), dict(os.environ), streams, handlers, __name__,
                  sys.dont_write_bytecode, sorted(os.listdir("/proc/self/fd"))]))
"""
Run = Callable[..., "subprocess.CompletedProcess[Any]"]


def seen(run: Run, words: Sequence[str], folder: Path, **variables: str) -> str:
    environment = {"PATH": os.defpath, "PYTHONPATH": "", **variables}
    done = run([sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return str(done.stdout)


PROGRAMS = [("-c", SEEN, "a", "-b"), ("-m", "program", "a"), ("program.py",), ("sub/other.py",)]
OBEYED = {
    "PYTHON": "/x",
    "PYTHONUNBUFFERED": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": "/x",
    "LANG": "en_US.UTF-8",
}


@pytest.mark.parametrize("words", PROGRAMS)
@pytest.mark.parametrize("variables", [{}, OBEYED, {"LANG": "", "LC_ALL": ""}])
def test_it_sees_what_a_started_one_sees(words: tuple[str, ...], variables: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("program.py", "sub/other.py"):
        (tmp_path / name).write_text(SEEN, encoding="utf-8")
    variables = {**processes.SERVED, **variables}
    assert processes.can_be_forked([sys.executable, *words], variables)
    assert seen(processes.run, words, tmp_path, **variables) == seen(subprocess.run, words, tmp_path, **variables)


@pytest.mark.parametrize(
    "code", ["import sys; sys.exit(3)", "raise SystemExit('why')", "1 / 0", "import os; os.abort()"]
)
def test_it_ends_as_a_started_one_ends(code: str) -> None:
    words = [sys.executable, "-c", code]
    forked, started = (
        each(words, capture_output=True, text=True, check=False) for each in (processes.run, subprocess.run)
    )
    assert forked.returncode == started.returncode
    assert forked.stderr.splitlines()[-1:] == started.stderr.splitlines()[-1:]


@pytest.mark.parametrize("variables", [{}, {"PYTHONUNBUFFERED": "1"}])
def test_what_it_told_before_it_was_killed_is_read(variables: dict[str, str]) -> None:
    code = "import os, sys; print('out'); print('told', file=sys.stderr); os.kill(os.getpid(), 9)"
    words = [sys.executable, "-c", code]
    forked, started = (
        each(words, env=variables, capture_output=True, text=True, check=False)
        for each in (processes.run, subprocess.run)
    )
    assert (forked.stdout, forked.stderr) == (started.stdout, started.stderr)
    assert (forked.stdout, forked.stderr) == ("out\n" if variables else "", "told\n")


def test_it_is_stopped_by_a_signal_and_waited_for() -> None:
    with processes.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait() == -signal.SIGTERM


def test_what_is_typed_reaches_it_and_what_it_writes_is_read() -> None:
    done = processes.run([sys.executable, "-c", "print(input() * 2)"], input="ab\n", capture_output=True, text=True)
    assert done.stdout == "abab\n"


def test_it_has_nothing_of_ours_loaded() -> None:
    code = (
        "import sys; print({'ceap', 'handlers', 'templates', 'tests'} & {name.split('.')[0] for name in sys.modules})"
    )
    assert processes.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


@pytest.mark.parametrize("words", [["-I", "-c", "1"], ["-m", "pytest"], ["-m"], []])
def test_a_program_that_cannot_be_forked_is_started(words: list[str]) -> None:
    assert not processes.can_be_forked([sys.executable, *words], processes.SERVED)
    assert not processes.can_be_forked([sys.executable, "-c", "1"], {**processes.SERVED, "PYTHONHASHSEED": "12"})
    assert not processes.can_be_forked([sys.executable, "-c", "1"], {**processes.SERVED, "COVERAGE_X": "1"})
    assert not processes.can_be_forked(["true"], processes.SERVED)


@pytest.mark.parametrize("options", [[], ["-I"]])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_stream_that_is_to_be_closed_is_closed_in_a_forked_and_in_a_started_one(
    number: int, options: list[str], tmp_path: Path
) -> None:
    stream = ("stdin", "stdout", "stderr")[number]
    code = f"import sys; open('seen', 'w').write(str(sys.{stream}))"
    closed: dict[str, Any] = {stream: processes.CLOSED}
    assert processes.run([sys.executable, *options, "-c", code], cwd=tmp_path, **closed).returncode == 0
    assert (tmp_path / "seen").read_text() == "None"


def test_variables_of_the_tests_own_interpreter_change_nothing() -> None:
    code = "import os, sys; from tests import processes; print(processes.can_be_forked(sys.orig_argv, os.environ))"
    own = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    environment = {**own, "PYTHONPATH": str(project.ROOT), "PYTHON_VERSION": "3.11.7", "PYTHONHASHSEED": "0"}
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_where_it_is_in_a_session_of_its_own_its_group_ends_alone() -> None:
    words = [sys.executable, "-c", "import os; print(os.getpgid(0) == os.getpid(), flush=True); input()"]
    with processes.Popen(words, stdin=-1, stdout=-1, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
