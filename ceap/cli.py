"""The `ceap` command."""

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TextIO, cast

from ceap.errors import CommandError
from templates.errors import ConfigError

COMMANDS: Final = {
    "synth": "write the CloudFormation templates of workflow declarations",
    "check": "check templates: fresh, valid, and every policy rule kept",
    "run": "run a workflow's generated template here, on a message",
    "package": "build the zip of the Lambda functions",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 fine, 1 findings, 2 usage or configuration, 3 environment."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by the process that started us
            setattr(sys, name, _nowhere(mode))
    words = list(sys.argv[1:] if argv is None else argv)
    if words == ["--version"]:
        from importlib.metadata import version

        print(f"ceap {version('ceap')}")
        return 0
    arguments = _parser(words).parse_args(words)
    try:
        return _run(arguments)
    except BrokenPipeError:
        sys.stdout = _nowhere("w")  # the reader of our output has gone
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EIO):
            raise
        sys.stdout = _nowhere("w")
        return _fail(f"the output cannot be written: {error.strerror}; free some space, or redirect it", 3)


def _run(arguments: argparse.Namespace) -> int:
    try:
        command = importlib.import_module(f"ceap.commands.{arguments.command}")
        code: int = command.run(arguments)
        sys.stdout.flush()
    except CommandError as error:
        return _fail(str(error), error.exit_code)
    except ConfigError as error:
        return _fail(str(error), 2)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    return code


def _nowhere(mode: str) -> TextIO:
    return cast("TextIO", Path(os.devnull).open(mode, encoding="utf-8"))


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser; only the command at hand is imported for its arguments."""
    parser = argparse.ArgumentParser(prog="ceap", description="S3-orchestrated Step Functions workflows.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in COMMANDS.items():
        subparser = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name in words[:1]:
            importlib.import_module(f"ceap.commands.{name}").add_arguments(subparser)
    return parser


def _fail(message: str, code: int) -> int:
    print(f"ceap: {message}", file=sys.stderr)
    return code
