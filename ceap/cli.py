"""The `ceap` command."""

from __future__ import annotations

import argparse
import errno
import importlib
import io
import signal
import sys
import traceback
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from ceap import signals
from ceap.errors import CommandError
from ceap.output import nowhere, say
from templates.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

COMMANDS: Final = {
    "init": "write the files of a new workflow, or take the sample out",
    "synth": "write the CloudFormation templates of workflow declarations",
    "check": "check templates: fresh, valid, and every policy rule kept",
    "run": "run a workflow's generated template here, on a message",
    "invoke": "run one stage of a workflow in this process, to debug it",
    "schema": "print the JSON Schemas of what a workflow's stages take and yield",
    "graph": "draw a workflow, from its template",
    "cost": "say what a workflow costs on AWS, as EXPRESS and as STANDARD",
    "package": "build the zips of the Lambda functions",
    "diff": "say what a change of templates does to their stacks",
    "deploy": "deploy the foundation and workflows into an environment",
    "rollback": "take a stack back to the deployment before",
    "destroy": "delete a stack, and keep what holds data",
    "smoke": "send a message through a deployed workflow, and verify what it leads to",
    "status": "say how deployed workflows are, and what to do about what is wrong",
    "trace": "tell all that is known of one message or execution",
    "logs": "print the lines of one execution, of all its stages",
    "replay": "process dead letters or executions again, from their messages or from a stage",
    "redrive": "redrive failed executions of a STANDARD workflow, in place",
    "pause": "stop a workflow's pipe, so that messages wait in the queue",
    "resume": "start a workflow's pipe again",
    "drain": "wait until a workflow has nothing left to do",
    "completion": "print the script with which a shell completes this command line",
}

EXAMPLES: Final = {
    "ceap run workflows/realtime.yaml": "run a workflow on its sample message, on this machine",
    "ceap synth": "write the templates of all workflows to generated/",
    "ceap check": "judge them, as CI does",
}

FAULT: Final = 4
"""The exit code of what should not happen, whatever was given."""

_REPORT: Final = "report it in an issue of the repository that this clone comes from, with the lines above"


_WHILE_ADDING: Final = partial(argparse.HelpFormatter, width=80)
"""The form in which argparse tries each argument that is added; to find the terminal's width it would import shutil."""


class _Parser(argparse.ArgumentParser):
    """Tells when its help cannot be written, which argparse hides."""

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        stream = sys.stderr if file is None else file
        stream.write(message)
        if stream is not sys.stderr:
            sys.stdout.flush()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; without `argv` as this process, which signals end.

    0 fine, 1 findings, 2 usage or configuration, 3 environment, 4 a fault of ceap, 128 + its number after a signal.
    """
    if argv is None:
        signals.install()
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the process that started us: nothing is read, nothing can be written
            setattr(sys, name, nowhere("w" if name == "stderr" else "r"))
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except (Exception, KeyboardInterrupt, signals.Stopped) as error:
        return _fail(error)
    finally:
        if argv is None:
            signals.finish()


def _run(words: Sequence[str]) -> int:
    if list(words) == ["--version"]:
        from importlib.metadata import version

        print(f"ceap {version('ceap')}")
        return 0
    arguments = build_parser(words[:1]).parse_args(words)
    code: int = importlib.import_module(f"ceap.commands.{arguments.command}").run(arguments)
    return code


def build_parser(known: Collection[str]) -> argparse.ArgumentParser:
    """Return the parser; only the commands named are imported, for their arguments and examples.

    Of other commands it knows the names, unless one is named.
    """
    parser = _Parser(
        prog="ceap", description="S3-orchestrated Step Functions workflows.", formatter_class=_WHILE_ADDING
    )
    _show(EXAMPLES, parser)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", prog=parser.prog)
    for name in COMMANDS.keys() & known or COMMANDS:
        summary = COMMANDS[name]
        described = summary[0].upper() + summary[1:] + "."
        subparser = commands.add_parser(name, help=summary, description=described, formatter_class=_WHILE_ADDING)
        if name in known:
            module = importlib.import_module(f"ceap.commands.{name}")
            module.add_arguments(subparser)
            _show(module.EXAMPLES, subparser)
    return parser


def _show(examples: Mapping[str, str], parser: argparse.ArgumentParser) -> None:
    """Let the help of a parser end with examples: commands, and what each does."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(["examples:", *(f"  {command}\n      {does}" for command, does in examples.items())])


def _fail(error: BaseException) -> int:
    """Print what ended a command, in one message, and return the exit code."""
    message, code = _explain(error)
    if _is_of_output(error):
        sys.stdout = nowhere("w")  # or the interpreter would try once more, and complain
    if code == FAULT:
        say("".join(traceback.format_exception(error)).rstrip())
    if message:
        say(f"ceap: {message}")
    return code


def _explain(error: BaseException) -> tuple[str, int]:
    match error:
        case CommandError():
            message, code = str(error), error.exit_code
        case ConfigError():
            message, code = str(error), 2
        case KeyboardInterrupt():
            message, code = signals.WORDS[signal.SIGINT], 128 + signal.SIGINT
        case signals.Stopped(number=number):
            message, code = signals.WORDS[number], 128 + number
        case BrokenPipeError():  # what reads our output has seen enough, as `head` does
            message, code = "", 3
        case RecursionError():
            message, code = "what was given is nested too deeply; AWS reads a few dozen levels", 2
        case OSError(filename=str(file), strerror=reason):
            message, code = f"{file}: {reason}; ceap needs this file or folder", 3
        case OSError(strerror=reason) if _is_of_output(error):
            fault = f"the output cannot be written: {reason or 'it is closed'}"
            message, code = f"{fault}; free some space, or redirect it", 3
        case _:
            message, code = f"this is a fault of ceap, not of your files; {_REPORT}", FAULT
    return message, code


def _is_of_output(error: BaseException) -> bool:
    """Tell whether standard output failed: no other file of ours is written without a name in its errors."""
    if isinstance(error, BrokenPipeError | io.UnsupportedOperation):
        return True
    return isinstance(error, OSError) and error.filename is None and error.errno in (errno.ENOSPC, errno.EIO)
