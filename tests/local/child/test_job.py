"""A Glue job's own process, started as the engine starts it, without Spark."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from ceap.local.spark import SCRIPT


class Ended(NamedTuple):
    status: int
    output: str
    errors: str
    told: list[Any]


def run(folder: Path, script: str, *arguments: str, engine_is_gone: bool = False) -> Ended:
    """Run a script to its end; the engine's end of the pipe is closed at once if the engine is gone."""
    (folder / "script.py").write_text(script, encoding="utf-8")
    read, write = os.pipe()
    words = [sys.executable, str(SCRIPT), str(write), str(folder / "script.py"), *arguments]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=[write], process_group=0
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        os.close(write)
        if engine_is_gone:
            process.stdin.close()
        output, errors = process.stdout.read().decode(), process.stderr.read().decode()
        status = process.wait()
    with os.fdopen(read, "rb") as file:
        return Ended(status, output, errors, [json.loads(line) for line in file])


def test_a_script_runs_as_the_program_with_its_own_arguments(tmp_path: Path) -> None:
    script = "import sys\nprint(__name__, sys.argv)\n"
    expected = f"__main__ {[str(tmp_path / 'script.py'), '--job', 'x']}\n"
    assert run(tmp_path, script, "--job", "x") == (0, expected, "", [])


def test_a_script_that_raises_fails_and_its_exceptions_are_told(tmp_path: Path) -> None:
    ended = run(tmp_path, "{}['colour']\n")
    assert (ended.status, ended.output) == (1, "")
    assert ended.errors.endswith("KeyError: 'colour'\n")
    [[cause]] = [document["causes"] for document in ended.told]
    assert (cause["type"], cause["text"]) == ("KeyError", "'colour'")


def test_a_script_that_exits_ends_with_its_own_status(tmp_path: Path) -> None:
    assert run(tmp_path, "import sys\nsys.exit(3)\n") == (3, "", "", [])


def test_a_script_ends_with_all_that_it_started_when_the_engine_is_gone(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', 'import threading; threading.Event().wait(60)'], check=True)\n"
    )
    # The output ends when no process has it any more.
    assert run(tmp_path, script, engine_is_gone=True) == (-signal.SIGKILL, "", "", [])
