"""Failed executions of a STANDARD workflow, redriven in place: looked at, asked for, called at a rate, and followed.

Source: Step Functions API Reference, "RedriveExecution"; Developer Guide, "Quotas".
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, assert_never

from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.errors import code_of
from ceap.aws.executions import Execution, describe, list_executions
from ceap.aws.pace import Pace
from ceap.aws.session import Aws
from ceap.aws.workflow import DeployedWorkflow
from ceap.errors import CommandError, UsageError
from ceap.operate.moments import span
from ceap.operate.old_definitions import Definitions
from ceap.operate.redrive_check import Candidate, Judge, Refusal, Terms, Why
from ceap.operate.redrive_report import Redriven, Report, candidate_lines
from ceap.operate.selection import Chosen, Wanted, failed, failures, named
from templates.budget import REDRIVABLE_S
from templates.words import plural

RATE: Final = 10.0
"""Redrives a second: each begins a stage at once, and nothing but the account's concurrency holds them back."""

_TOLD_EVERY: Final = 50
_SHOWN_MAX: Final = 20
_REFUSALS: Final = ("ExecutionNotRedrivable", "ExecutionLimitExceeded")


class Request(NamedTuple):
    """Which executions: `names`, or without them those that failed; `limit` is how many are redriven at most."""

    names: tuple[str, ...] = ()
    wanted: Wanted = Wanted()
    since_s: float | None = None
    limit: int | None = None


class Options(NamedTuple):
    """How: `consent` asks, and raises UsageError where nobody can be asked."""

    terms: Terms
    consent: Callable[[str], bool]
    dry_run: bool = False
    wait: bool = False
    rate: float = RATE


class Means(NamedTuple):
    """What is told, the time of AWS in seconds since the epoch, and how time passes."""

    say: Callable[[str], None]
    now: float
    sleep: Callable[[float], None] = time.sleep


def redrive(aws: Aws, workflow: DeployedWorkflow, request: Request, options: Options, means: Means) -> Report:
    """Redrive executions.

    Raises:
        UsageError: the workflow is EXPRESS, an execution is unknown, or nobody can be asked.
        CommandError: the answer was no.
    """
    if workflow.is_express:
        raise UsageError(
            f"{workflow.name} is EXPRESS: there is nothing to redrive, as the message of a failed execution is in the "
            f"queue again, or in the dead-letter queue: `ceap replay {options.terms.call} --dead-letters`"
        )
    candidates, refused = _judged(aws, workflow, request, options, means)
    if options.dry_run or not candidates:
        return Report(planned=tuple(candidates), refused=tuple(refused))
    if len(candidates) > 1:
        _ask(workflow, candidates, options, means)
    redriven, not_accepted = _called(aws, candidates, options.rate, means)
    if options.wait:
        redriven = _followed(aws, workflow, redriven, means)
    return Report(redriven=tuple(redriven), refused=(*refused, *not_accepted))


def _judged(
    aws: Aws, workflow: DeployedWorkflow, request: Request, options: Options, means: Means
) -> tuple[list[Candidate], list[Refusal]]:
    chosen, executions = _chosen(aws, workflow, request, options.terms.call, means)
    judge = Judge(aws, workflow, Definitions(aws, workflow.machine, executions), options.terms, means.now)
    candidates: list[Candidate] = []
    refused: list[Refusal] = []
    for number, each in enumerate(chosen, 1):
        match judge.judge(each):
            case Candidate() as candidate:
                candidates.append(candidate)
            case Refusal() as refusal:
                refused.append(refusal)
            case unknown:
                assert_never(unknown)
        if not number % _TOLD_EVERY:
            means.say(f"{workflow.name}: looked at {number} executions")
        if len(candidates) == request.limit:
            break
    return candidates, refused


def _chosen(
    aws: Aws, workflow: DeployedWorkflow, request: Request, call: str, means: Means
) -> tuple[Iterable[Chosen], list[Execution]]:
    """Return those that are wanted, and all that may be among them."""
    if request.names:
        found = named(aws, workflow, request.names)
        return found, [each.execution for each in found]
    listing = failures(aws, workflow, request.since_s)
    open_since = means.now - REDRIVABLE_S
    late = [each for each in listing if (each.ended or means.now) < open_since]
    if late:
        means.say(
            f"{workflow.name}: {plural(len(late), 'execution')} failed more than {span(REDRIVABLE_S)} ago: AWS "
            f"redrives none of them; `ceap replay {call} --failed` processes their messages again"
        )
    listing = listing[len(late) :]
    return failed(aws, workflow, request.wanted, listing), listing


def _ask(workflow: DeployedWorkflow, candidates: list[Candidate], options: Options, means: Means) -> None:
    for line in candidate_lines(candidates[:_SHOWN_MAX], "to redrive"):
        means.say(line)
    if len(candidates) > _SHOWN_MAX:
        means.say(f"and {len(candidates) - _SHOWN_MAX} more")
    if not options.consent(f"{workflow.name}: redrive {len(candidates)} executions?"):
        raise CommandError(f"{workflow.name}: not confirmed, so nothing was redriven")


def _called(aws: Aws, candidates: list[Candidate], rate: float, means: Means) -> tuple[list[Redriven], list[Refusal]]:
    redriven: list[Redriven] = []
    refused: list[Refusal] = []
    try:
        for number, candidate in enumerate(candidates, 1):
            if said := _redrive(aws, candidate.execution):
                refused.append(Refusal(candidate.execution, candidate.state, Why.NOT_ACCEPTED, f"AWS: {said}"))
            else:
                redriven.append(Redriven(candidate=candidate))
            if not number % _TOLD_EVERY:
                means.say(f"redriven {len(redriven)} of {len(candidates)}")
            if number < len(candidates):
                means.sleep(1 / rate)
    except BaseException:
        means.say(f"redriven {len(redriven)} of {len(candidates)}; the same command goes on with the others")
        raise
    return redriven, refused


def _redrive(aws: Aws, execution: Execution) -> str | None:
    """Redrive an execution; return why AWS does not, None if it does."""
    try:
        aws.client("stepfunctions").redrive_execution(executionArn=execution.arn, clientToken=token_of(execution))
    except ClientError as error:
        if code_of(error) not in _REFUSALS:
            raise
        return str(error.response["Error"].get("Message") or code_of(error))
    return None


def token_of(execution: Execution) -> str:
    """Return the token of the next redrive of an execution: of two who call at once, one redrives."""
    return hashlib.sha256(f"{execution.arn}:{execution.redrives}".encode()).hexdigest()


def _followed(aws: Aws, workflow: DeployedWorkflow, redriven: list[Redriven], means: Means) -> list[Redriven]:
    """Wait until all have ended, and return them with their ends."""
    ended: dict[str, Redriven] = {}
    told = -1
    for _ in Pace(means.sleep):
        running = {each.arn for each in list_executions(aws, workflow.machine, "RUNNING")}
        for each in redriven:
            arn = each.candidate.execution.arn
            if arn not in ended and arn not in running and (end := _end_of(aws, each)):
                ended[arn] = end
        if len(ended) == len(redriven):
            break
        if told != len(ended):
            told = len(ended)
            means.say(f"{workflow.name}: {told} of {len(redriven)} redriven executions have ended")
    return [ended[each.candidate.execution.arn] for each in redriven]


def _end_of(aws: Aws, redriven: Redriven) -> Redriven | None:
    """Return an execution with its end; None while it runs, also for AWS, which may tell late of the redrive."""
    before = redriven.candidate.execution
    now = describe(aws, before.arn)
    if now.status == "RUNNING" or now.redrives <= before.redrives:
        return None
    return Redriven(candidate=redriven.candidate, status=now.status, error=now.error, cause=now.cause)
