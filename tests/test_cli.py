from __future__ import annotations

import subprocess
import sys

import pytest

from ceap import cli, project
from ceap.errors import CommandError, SurroundingsError, UsageError


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


@pytest.mark.parametrize("words", [[], ["synthesize"], ["synth", "--nowhere"]])
def test_wrong_usage_ends_with_code_2_and_the_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith("usage: ceap")


@pytest.mark.parametrize(("error", "code"), [(CommandError, 1), (UsageError, 2), (SurroundingsError, 3)])
def test_an_error_of_a_command_is_one_message_and_its_exit_code(
    error: type[CommandError], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise error("workflows: holds no declaration")

    monkeypatch.setattr(project, "declarations", refuse)
    assert cli.main(["synth"]) == code
    assert capsys.readouterr().err == "ceap: workflows: holds no declaration\n"


@pytest.mark.parametrize("command", sorted(cli.COMMANDS))
def test_help_of_a_command_imports_no_library(command: str) -> None:
    code = (
        f"import sys; from ceap.cli import main\ntry: main(['{command}', '--help'])\nexcept SystemExit: pass\n"
        "heavy = {'boto3', 'moto', 'troposphere', 'msgspec', 'cfnlint', 'rich', 'yaml'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
