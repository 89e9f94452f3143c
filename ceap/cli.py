"""The `ceap` command."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Final

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
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = _parser(words).parse_args(words)
    try:
        command = importlib.import_module(f"ceap.commands.{arguments.command}")
        code: int = command.run(arguments)
    except CommandError as error:
        return _fail(str(error), error.exit_code)
    except ConfigError as error:
        return _fail(str(error), 2)
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    return code


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
