"""The tutorial: its files are written, its changes made and its commands run, in order, and print what it shows."""

from __future__ import annotations

import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from ceap.project import ROOT
from tests import processes
from tests.pages import STEP, change, commands, compare, save

PAGE = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
COPIED = ("ceap", "glue", "guard_rules", "handlers", "templates", "workflows", "tests", "pyproject.toml")
PROMPT = "(Pdb) "
IS_PYTHON = re.compile(r".*\.py").fullmatch

# What differs from run to run: also how wide a table is for it.
VARYING = (
    (re.compile(r"\d+\.\d\d s"), "1.00 s"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "EXECUTION"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z"), "TIME"),
    (re.compile(r"in \d+\.\d+s"), "in 1.00s"),
    (re.compile(r"[─━]+"), "─"),
    (re.compile(r" +"), " "),
)


def test_the_tutorial_works_as_it_is_written(tmp_path: Path) -> None:
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    for step in STEP.finditer(PAGE):
        match step["verb"]:
            case "Save as":
                save(tmp_path / step["path"], step["body"])
            case "Change":
                change(tmp_path / step["path"], step["body"])
            case _:
                for command, expected in commands(step["console"]):
                    shown = typed(tmp_path, command, expected) if PROMPT in expected else told(tmp_path, command)
                    compare(command, expected, shown, VARYING)
    written = [step["path"] for step in STEP.finditer(PAGE) if step["verb"] == "Save as"]
    for words in ("format --check --quiet", "check --quiet --no-cache"):
        told(tmp_path, shlex.join([sys.executable, "-m", "ruff", *words.split(), *filter(IS_PYTHON, written)]))


def program(folder: Path, command: str) -> tuple[list[str], dict[str, str]]:
    """Return a command of the page as it is run here, and its environment."""
    name, *words = shlex.split(command)
    python = {".venv/bin/ceap": ["-m", "ceap"], ".venv/bin/pytest": ["-m", "pytest", "-p", "no:cacheprovider"]}
    first = [sys.executable, *python[name]] if name in python else [name]
    return [*first, *words], {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200", "NO_COLOR": "1"}


def told(folder: Path, command: str) -> str:
    words, environment = program(folder, command)
    output, errors = subprocess.PIPE, subprocess.STDOUT
    done = processes.run(words, cwd=folder, env=environment, stdout=output, stderr=errors, text=True, check=False)
    assert done.returncode == ("FAILED" in done.stdout), done.stdout
    return str(done.stdout)


def typed(folder: Path, command: str, expected: str) -> str:
    """Run a command at a terminal, type what the page has after each prompt, and return what the terminal shows."""
    words, environment = program(folder, command)
    answers = re.findall(rf"^{re.escape(PROMPT)}(.*)$", expected, re.MULTILINE)
    terminal, end = pty.openpty()
    process = processes.Popen(words, cwd=folder, env=environment, stdin=end, stdout=end, stderr=end)
    os.close(end)
    shown = b""
    try:
        while part := os.read(terminal, 65536):
            shown += part
            if shown.endswith(PROMPT.encode()):
                os.write(terminal, (answers.pop(0) if answers else "q").encode() + b"\n")
    except OSError:  # the terminal's other end is closed
        pass
    finally:
        os.close(terminal)
        process.wait()
    return shown.decode().replace("\r\n", "\n")
