"""Every command that a message, docstring or fix names can be typed: its target, sub-command and options exist."""

from __future__ import annotations

import argparse
import ast
import functools
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ceap.cli import COMMANDS

ROOT = Path(__file__).parent.parent
FOLDERS = ("ceap", "templates", "handlers", "glue")
OTHERS = ("scripts/*", "guard_rules/*.guard", "guard_rules/catalogue.yaml")
OF_AWS = {"--s3-bucket"}
"""Options in the messages of our commands that belong to `aws cloudformation deploy`."""

COMMAND = re.compile(r"`((?:make|ceap) [^`]+)`|\b[Rr]un ((?:make|ceap) [\w-]+)")
COMMAND_LINE = re.compile(r"(?:ceap|git|grep) ")
"""What a text begins with that is a command line as a whole: its options are those of that command."""
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")


def strings(source: str) -> Iterator[str]:
    """Yield every string of a module, docstrings too; what an f-string fills in reads `{}`."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.JoinedStr(values=parts):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)


def texts() -> Iterator[tuple[str, str]]:
    """Yield each text that may name a command, with its file."""
    for path in sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        for text in strings(path.read_text(encoding="utf-8")):
            yield path.relative_to(ROOT).as_posix(), text
    for path in sorted(path for pattern in OTHERS for path in ROOT.glob(pattern)):
        yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


@functools.cache
def targets() -> frozenset[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))


@functools.cache
def options(command: str) -> frozenset[str]:
    """Return the long options of a sub-command of ceap."""
    parser = argparse.ArgumentParser()
    importlib.import_module(f"ceap.commands.{command}").add_arguments(parser)
    return frozenset(OPTION.findall(parser.format_help()))


def commands(text: str) -> list[str]:
    """Return the commands of make and ceap that a text tells its reader to type."""
    return [" ".join((quoted or bare).split()) for quoted, bare in COMMAND.findall(text)]


def unknown(command: str) -> list[str]:
    """Return the words of a command that do not exist; a filled-in word can be anything."""
    program, *words = command.split()
    if program == "make":
        return [word for word in words if re.fullmatch(r"[\w-]+", word) and word not in targets()]
    name = words[0]
    if name not in COMMANDS:
        return [] if name == "--version" else [name]
    return [option for option in OPTION.findall(command) if option not in options(name)]


def test_every_command_that_a_text_names_exists() -> None:
    named = [(file, command) for file, text in texts() for command in commands(text)]
    assert {"make templates", "ceap check"} <= {command for _, command in named}
    assert [(file, command) for file, command in named if unknown(command)] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_that_a_command_speaks_of_is_its_own(command: str) -> None:
    source = (ROOT / "ceap" / "commands" / f"{command}.py").read_text(encoding="utf-8")
    whole = (text for text in strings(source) if not COMMAND_LINE.match(text))
    spoken = {option for text in whole for option in OPTION.findall(text)}
    assert spoken - options(command) <= OF_AWS


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"it is stale; run `make setup`"', ["setup"]),
        ('"run make sure, then `make\\n    check`"', ["sure"]),
        ('f"run `ceap ship {name}`"', ["ship"]),
        ('f"{path}: use `ceap run {path} --message FILE --mesage {other}`"', ["--mesage"]),
        ('def f(): "Judge as `ceap check --fromat sarif` does."', ["--fromat"]),
        ('"call make PYTHON=3 or `make PYTHON=3.13 lint lock`, `make {}`; `ceap --version`; run ceap synth"', []),
        ('"these make it a rule; ceap has none"', []),
    ],
)
def test_a_command_that_does_not_exist_is_found(source: str, expected: list[str]) -> None:
    assert [word for text in strings(source) for command in commands(text) for word in unknown(command)] == expected
