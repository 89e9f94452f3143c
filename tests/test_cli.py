from __future__ import annotations

import argparse
import importlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from subprocess import PIPE

import pytest

from ceap import cli, project
from ceap.errors import CommandError, SetupError, UsageError
from tests import processes
from tests.reference import EXPRESS


def examples_of(command: str) -> Mapping[str, str]:
    """Return the examples of a command: lines of a shell, and what each does."""
    examples: Mapping[str, str] = importlib.import_module(f"ceap.commands.{command}").EXAMPLES
    return examples


def parse_example(line: str) -> argparse.Namespace:
    """Return what the parser makes of an example, without a redirection at its end."""
    name, *words = shlex.split(line.partition(" > ")[0])
    assert name == "ceap"
    return cli.build_parser(words[:1]).parse_args(words)


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    listed = re.findall(r"^    ([a-z]+)\b", capsys.readouterr().out, re.MULTILINE)
    assert listed == list(cli.COMMANDS)


@pytest.mark.parametrize("command", sorted(cli.COMMANDS))
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main([command, "--help"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: ceap {command}")


@pytest.mark.parametrize("command", sorted(cli.COMMANDS))
def test_the_help_of_every_command_ends_with_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    examples = examples_of(command)
    assert 2 <= len(examples) <= 3
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    shown = "".join(f"  {line}\n      {does}\n" for line, does in examples.items())
    assert capsys.readouterr().out.endswith(f"\n\nexamples:\n{shown}")


@pytest.mark.parametrize(("command", "line"), [(name, line) for name in cli.COMMANDS for line in examples_of(name)])
def test_the_parser_of_its_command_takes_every_example(command: str, line: str) -> None:
    assert parse_example(line).command == command


def test_the_help_of_ceap_ends_with_examples_which_are_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    lines = re.findall(r"^  (ceap .*)$", capsys.readouterr().out.partition("\nexamples:\n")[2], re.MULTILINE)
    assert lines == list(cli.EXAMPLES)
    assert {parse_example(line).command for line in lines} <= cli.COMMANDS.keys()


def test_python_runs_the_package_as_the_command() -> None:
    done = processes.run(
        [sys.executable, "-m", "ceap", "synth", "--nowhere"],
        cwd=project.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ceap ")


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert re.fullmatch(r"ceap \d+\.\d+\.\d+\n", capsys.readouterr().out)


PROGRAM = """
import pathlib, sys
import handlers
import tests.conftest
from ceap.cli import main
if sys.argv[1] == "package":  # of a project that needs no wheels
    handlers.__path__ = [str(pathlib.Path("handlers").resolve())]
sys.exit(main())
"""
FOUNDATION = project.GENERATED / "foundation.template.yaml"
PRINTING = {
    "init": ["init", "--help"],  # what it prints, it has written into the project
    "synth": ["synth", str(EXPRESS), "--stdout"],
    "check": ["check", str(FOUNDATION), "--format", "json"],
    "run": ["run", str(EXPRESS)],
    "invoke": ["invoke", str(EXPRESS), "TakeStage"],
    "schema": ["schema", str(EXPRESS)],
    "graph": ["graph", str(EXPRESS)],
    "cost": ["cost", str(EXPRESS)],
    "package": ["package"],
    "deploy": ["deploy", "--help"],  # what it prints, it has done on AWS
    "rollback": ["rollback", "--help"],
    "destroy": ["destroy", "--help"],
    "smoke": ["smoke", "--help"],  # its report needs AWS
    "replay": ["replay", "--help"],
    "status": ["status", "--help"],  # the same
    "trace": ["trace", "--help"],
    "logs": ["logs", "--help"],
    "redrive": ["redrive", "--help"],
    "pause": ["pause", "--help"],
    "resume": ["resume", "--help"],
    "drain": ["drain", "--help"],
    "completion": ["completion", "bash"],
    "diff": ["diff", str(FOUNDATION), "--against", str(FOUNDATION)],
}
"""A line for each command that prints something."""
CLOSED = "ceap: the output cannot be written: it is closed; free some space, or redirect it"
FULL = "ceap: the output cannot be written: No space left on device; free some space, or redirect it"
BROKEN = ""


@pytest.fixture
def broken() -> Iterator[int]:
    """A pipe whose reader has ended."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


def call(
    words: Sequence[str], folder: Path, stdin: int | None = None, stdout: int = PIPE, stderr: int = PIPE
) -> tuple[int, str]:
    """Run the program with such streams; return its exit code, and its message if that comes last."""
    (folder / "handlers").mkdir(exist_ok=True)
    (folder / "handlers" / "requirements.txt").touch()
    done = processes.run(
        [sys.executable, "-c", PROGRAM, *words],
        env={**os.environ, "PYTHONPATH": str(project.ROOT)},
        cwd=folder,
        text=True,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
    )
    last = (done.stderr or "").rstrip("\n").rpartition("\n")[2]
    return done.returncode, last if last.startswith("ceap: ") else ""


@pytest.mark.parametrize("command", cli.COMMANDS)
@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_output_that_cannot_be_written_is_an_error_of_every_command(command: str, tmp_path: Path, broken: int) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        ends = [
            call(PRINTING[command], tmp_path, stdout=stdout) for stdout in (processes.CLOSED, full.fileno(), broken)
        ]
    assert ends == [(3, CLOSED), (3, FULL), (3, BROKEN)]


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["run", "--help"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_help_that_cannot_be_written_is_an_error(
    words: list[str], unbuffered: str, tmp_path: Path, broken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    ends = [call(words, tmp_path, stdout=stdout) for stdout in (processes.CLOSED, broken)]
    assert ends == [(3, CLOSED), (3, BROKEN)]


@pytest.mark.parametrize("stream", ["stderr", "stdin"])
def test_streams_that_are_not_needed_may_be_closed(stream: str, tmp_path: Path) -> None:
    assert call(PRINTING["synth"], tmp_path, **{stream: processes.CLOSED}) == (0, "")


@pytest.fixture
def buffered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that cannot be written stays in its buffer, as it does unless a variable says otherwise."""
    monkeypatch.setenv("PYTHONUNBUFFERED", "")


@pytest.mark.usefixtures("buffered")
def test_a_reader_of_errors_that_has_ended_leaves_the_exit_code(tmp_path: Path, broken: int) -> None:
    assert call(["synth", "nowhere.yaml"], tmp_path, stderr=broken) == (2, "")


@pytest.mark.usefixtures("buffered")
@pytest.mark.parametrize("command", ["run", "invoke"])
def test_a_workflow_runs_on_where_nobody_reads_what_it_tells(command: str, tmp_path: Path, broken: int) -> None:
    assert call(PRINTING[command], tmp_path, stderr=broken) == (0, "")


@pytest.mark.parametrize("words", [[], ["synthesize"], ["synth", "--nowhere"]])
def test_wrong_usage_ends_with_code_2_and_the_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith("usage: ceap")


@pytest.mark.parametrize(("error", "code"), [(CommandError, 1), (UsageError, 2), (SetupError, 3)])
def test_an_error_of_a_command_is_one_message_and_its_exit_code(
    error: type[CommandError], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise error("workflows: holds no declaration")

    monkeypatch.setattr(project, "declarations", refuse)
    assert cli.main(["synth"]) == code
    assert capsys.readouterr().err == "ceap: workflows: holds no declaration\n"


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (KeyError("x"), 4, "this is a fault of ceap, not of your files; report it in an issue"),
        (AssertionError(), 4, "this is a fault of ceap"),
        (RecursionError(), 2, "what was given is nested too deeply"),
        (PermissionError(13, "Permission denied", "/generated"), 3, "/generated: Permission denied; ceap needs"),
        (ConnectionRefusedError(111, "Connection refused"), 4, "this is a fault of ceap"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_whatever_else_happens_ends_in_one_message_and_an_exit_code_of_its_own(
    error: BaseException, code: int, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr("ceap.commands.synth.run", fail)
    assert cli.main(["synth"]) == code
    *trace, last = capsys.readouterr().err.splitlines()
    assert last.startswith(f"ceap: {message}")
    assert bool(trace) == (code == 4)  # with which the fault can be mended


@pytest.mark.parametrize("command", sorted(cli.COMMANDS))
def test_help_of_a_command_imports_no_library(command: str) -> None:
    code = (
        f"import sys; from ceap.cli import main\ntry: main(['{command}', '--help'])\nexcept SystemExit: pass\n"
        "heavy = {'boto3', 'moto', 'troposphere', 'msgspec', 'cfnlint', 'rich', 'yaml'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
