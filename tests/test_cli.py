from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest

from ceap import cli, project
from ceap.errors import CommandError, SetupError, UsageError


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert [name for name in cli.COMMANDS if f"    {name} " not in out] == []


@pytest.mark.parametrize("command", sorted(cli.COMMANDS))
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main([command, "--help"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: ceap {command}")


def test_python_runs_the_package_as_the_command() -> None:
    done = subprocess.run(
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


@pytest.mark.parametrize(
    ("streams", "code", "message"),
    [
        (
            "> /dev/full",
            3,
            "ceap: the output cannot be written: No space left on device; free some space",
        ),
        ("2>&-", 0, ""),
        (">&-", 3, "ceap: the output cannot be written: it is closed; free some space, or redirect it\n"),
        ("<&- >/dev/null", 0, ""),
    ],
    ids=["a full disk", "no place for errors", "a closed output", "a closed input"],
)
@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_streams_that_do_not_work_end_in_a_message_at_most(streams: str, code: int, message: str) -> None:
    program = f"{shlex.quote(sys.executable)} -c 'import sys; from ceap.cli import main; sys.exit(main())'"
    declaration = shlex.quote(str(project.declarations()[0]))
    done = subprocess.run(
        ["sh", "-c", f"{program} synth {declaration} --stdout {streams}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == bool(message)


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
