"""Starts a replay of a STANDARD execution under its name, which AWS takes once.

Source: Step Functions API Reference, "StartExecution": the same call again is answered as the first while the execution
runs, so boto3 may repeat it.
"""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.errors import code_of, explain, is_lost
from ceap.aws.executions import arn_of
from ceap.aws.session import Aws
from ceap.errors import CommandError


class UnansweredError(CommandError):
    """Nobody knows whether AWS has started a replay."""


def start_replay(aws: Aws, machine: str, name: str, given: str | None) -> str:
    """Start a replay with an input, and return its ARN.

    Raises:
        CommandError: the name is taken.
        UnansweredError: no answer came.
    """
    try:
        answer = aws.client("stepfunctions").start_execution(stateMachineArn=machine, name=name, input=given)
    except (ClientError, BotoCoreError) as error:
        if is_lost(error):
            raise UnansweredError(
                f"{explain(error, aws.profile)}; whether {name} runs is not known: the same call again tells it as "
                "replayed before, or starts it"
            ) from error
        if not isinstance(error, ClientError) or code_of(error) != "ExecutionAlreadyExists":
            raise
        raise CommandError(
            f"{arn_of(machine, name)} exists: somebody has replayed it just now; see what it does, or add --again"
        ) from error
    arn: str = answer["executionArn"]
    return arn
