"""`ceap completion`: each shell reads its script, and completes what is typed before the tabulator."""

from __future__ import annotations

import os
import pty
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from ceap import cli
from ceap.commands import completion
from tests.terminals import read_all

# What is typed, and the one word that completes its last one; whether a slash follows a folder is the shell's.
TYPED = {
    "ceap sy": "synth",
    ".venv/bin/ceap completion z": "zsh",
    "ceap run workflows/or": "workflows/orders.yaml",
    "ceap synth w": "workflows",
    "ceap check --format js": "json",
    "ceap run workflows/orders.yaml --serv": "--serve",
    "ceap run workflows/orders.yaml --once --from K": "KeepStage",
    "ceap invoke workflows/orders.yaml T": "TakeStage",
    "ceap package --out wo": "workflows",
}
DECLARATION = """name: orders
steps:
  - stage: TakeStage
    handler: take
  - {stage: KeepStage, handler: keep}
"""
UNCOMPLETED = {
    *("KINDS", "N", "NAME", "REGION", "REVISION|TEMPLATE", "SECONDS"),
    *("EXECUTION", "ID", "MESSAGE_ID|EXECUTION", "TEXT", "TIME", "WHEN"),
}
"""Metavars of values that nobody could complete, or that only AWS, git or the user knows."""

BASH = """
eval "$(cat script)"
complete_word() {
  COMP_WORDS=($1)
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  $(complete -p ceap | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
  echo "${COMPREPLY[*]}"
}
"""
FISH = """
source script
function complete_word
  complete -C $argv[1] | string replace -r '\\t.*' '' | string join ' '
  true
end
"""
# The line is completed by its own editor, and shown after it.
ZSH = """
PROMPT= RPROMPT= HISTFILE=
autoload -Uz compinit && compinit -D -u
eval "$(cat script)"
show() { print -r -- "<$BUFFER>"; BUFFER=; zle -I }
zle -N show
bindkey '^Xs' show
bindkey '^I' complete-word
unsetopt zle_bracketed_paste beep
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with one declaration."""
    (tmp_path / "workflows" / "messages").mkdir(parents=True)
    (tmp_path / "workflows" / "orders.yaml").write_text(DECLARATION, encoding="utf-8")
    (tmp_path / "workflows" / "orders.txt").touch()
    return tmp_path


@pytest.fixture(params=completion.SHELLS)
def shell(request: pytest.FixtureRequest, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """A shell of this machine, whose script is the file `script` of the folder."""
    name: str = request.param
    if shutil.which(name) is None:
        pytest.skip(f"needs {name}")
    assert cli.main(["completion", name]) == 0
    (folder / "script").write_text(capsys.readouterr().out, encoding="utf-8")
    return name


def test_a_shell_completes_what_is_typed(shell: str, folder: Path) -> None:
    completed = _complete_in_zsh if shell == "zsh" else _complete
    assert dict(zip(TYPED, completed(shell, folder, list(TYPED)), strict=True)) == TYPED


def _complete(shell: str, folder: Path, lines: Sequence[str]) -> list[str]:
    program = {"bash": BASH, "fish": FISH}[shell] + "".join(f"complete_word {shlex.quote(line)}\n" for line in lines)
    options = {"bash": ["--norc", "--noprofile"], "fish": ["--no-config"]}[shell]
    command = [shell, *options, "-c", program]
    done = subprocess.run(command, cwd=folder, env=_environment(folder), capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return [line.rstrip("/") for line in done.stdout.splitlines()]


def _complete_in_zsh(shell: str, folder: Path, lines: Sequence[str]) -> list[str]:
    (folder / ".zshrc").write_text(ZSH, encoding="utf-8")
    terminal, end = pty.openpty()
    typed = "".join(f"{line}\t\x18s" for line in lines) + "exit\n"
    os.write(terminal, typed.encode())
    with subprocess.Popen([shell, "-i"], cwd=folder, env=_environment(folder), stdin=end, stdout=end, stderr=end):
        os.close(end)
        shown = read_all(terminal)
    return [line.rstrip(" /").rpartition(" ")[2] for line in re.findall(r"<(ceap .*?|\.venv.*?)>", shown)]


def _environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "ZDOTDIR": str(folder), "TERM": "dumb"}


def test_every_value_of_a_command_line_is_completed() -> None:
    known = {*completion.by_metavar(), *UNCOMPLETED}
    values = [action for action in completion.actions(cli.build_parser(cli.COMMANDS)) if action.nargs != 0]
    assert {action.metavar or action.dest for action in values if not action.choices} - known == set()
