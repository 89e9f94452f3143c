"""The call of a command that operates a deployed workflow: its arguments, and AWS opened as they say."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ceap.output import say

if TYPE_CHECKING:  # the help of a command imports no library
    from ceap.aws.session import Aws
    from ceap.aws.workflow import DeployedWorkflow


class Opened(NamedTuple):
    """A deployed workflow on AWS; `call` are the options and file that another command about it takes."""

    aws: Aws
    workflow: DeployedWorkflow
    call: str


def add_workflow_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the declaration, --env, --profile and --region."""
    from ceap.aws.session import add_aws_arguments

    parser.add_argument("workflow", type=Path, metavar="WORKFLOW.yaml", help="the declaration of the deployed workflow")
    add_aws_arguments(parser)


@contextmanager
def opened(arguments: argparse.Namespace) -> Iterator[Opened]:
    """Yield the workflow of a call, and raise what boto3 raises in the block as a CommandError with its cure.

    Raises:
        ConfigError, UsageError: the declaration or an option is wrong.
        SetupError: AWS cannot be called, or the stack is missing or being changed.
    """
    from ceap.aws.environments import load_environment
    from ceap.aws.session import explained, open_session
    from ceap.aws.workflow import load_deployed
    from templates.config import load_workflow

    name = load_workflow(arguments.workflow).name
    aws = open_session(load_environment(arguments.env, Path.cwd()), arguments.profile, arguments.region)
    say(str(aws))
    with explained(aws.profile):
        yield Opened(aws, load_deployed(aws, name, arguments.env), call_of(arguments))


def call_of(arguments: argparse.Namespace) -> str:
    """Return the options and the file of a call, for another command about the same workflow."""
    return shlex.join([*options_of(arguments), str(arguments.workflow)])


def options_of(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return --env, --profile and --region as they were given, word by word."""
    options = {"--env": arguments.env, "--profile": arguments.profile, "--region": arguments.region}
    return tuple(word for name, value in options.items() if value is not None for word in (name, value))
