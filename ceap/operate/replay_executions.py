"""Replays executions of a STANDARD state machine from their input: new executions, whose names say what they repeat.

Source: Step Functions API Reference, "StartExecution": a name is taken for 90 days after its execution has ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.errors import explain
from ceap.aws.executions import UNSUCCESSFUL, Execution, message_in
from ceap.aws.pace import Pace
from ceap.aws.session import Aws
from ceap.aws.workflow import DeployedWorkflow
from ceap.errors import CommandError, UsageError
from ceap.operate.replay_from import NotStoppedError, replay_from
from ceap.operate.replay_names import next_name, replays_of
from ceap.operate.replay_start import UnansweredError, start_replay
from ceap.operate.selection import Chosen
from handlers.runtime.replay import read_skip
from templates.budget import EXECUTIONS_S

_TELL_EACH: Final = 100

Fate: TypeAlias = Literal["toReplay", "started", "unanswered", "refused", "replayedBefore"]


class Repeat(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An execution and its replay. `why` says what is wrong with it, `notes` what else was done for it.

    `stage` is where it ended; `is_redrivable`: `ceap redrive` would go on from there.
    """

    execution: str
    status: str
    fate: Fate
    stage: str | None = None
    error: str | None = None
    replay: str | None = None
    why: str | None = None
    is_redrivable: bool = False
    notes: tuple[str, ...] = ()


class Candidate(NamedTuple):
    """An execution, and what is to become of it."""

    execution: Execution
    repeat: Repeat


class Terms(NamedTuple):
    """Under which terms executions are replayed: `stage` is the one to begin at; None: from the message.

    `again`: also what was replayed before, and what has succeeded. `now` is in seconds since the epoch.
    """

    now: float
    again: bool = False
    stage: str | None = None


class Starting(NamedTuple):
    """How executions are started: at most so many in a second; a dry run starts none. `say` hears what takes long."""

    rate: int
    say: Callable[[str], None]
    dry_run: bool = False
    sleep: Callable[[float], None] = time.sleep


def candidates(aws: Aws, workflow: DeployedWorkflow, chosen: Iterable[Chosen], terms: Terms) -> Iterator[Candidate]:
    """Yield what is to become of each execution."""
    for execution, state in ((each.execution, each.state) for each in chosen):
        later = replays_of(aws, workflow.machine, execution.name)
        yield Candidate(execution, judge(execution, state, later, terms))


def first(found: Iterable[Candidate], limit: int | None, say: Callable[[str], None]) -> list[Candidate]:
    """Return candidates up to the last that may be replayed, of so many; no more are read."""
    taken: list[Candidate] = []
    count = 0
    for candidate in found:
        taken.append(candidate)
        if len(taken) % _TELL_EACH == 0:
            say(f"{len(taken)} executions looked at")
        count += candidate.repeat.fate == "toReplay"
        if count == limit:
            break
    return taken


def judge(execution: Execution, state: str | None, later: Sequence[Execution], terms: Terms) -> Repeat:
    """Return what is to become of an execution, by the replays that came after it."""
    is_young = terms.now - execution.started < EXECUTIONS_S
    is_unsuccessful = execution.status in UNSUCCESSFUL
    repeat = Repeat(
        execution=execution.name,
        status=execution.status,
        fate="toReplay",
        stage=state if is_unsuccessful else None,
        error=execution.error,
        replay=next_name(execution.name, list(later)),
        is_redrivable=is_unsuccessful and not later and execution.not_redrivable is None and is_young,
    )
    if later and not terms.again:
        last = later[-1]
        why = f"{last.name} is {last.status}; --again replays it once more, as {repeat.replay}"
        return msgspec.structs.replace(repeat, fate="replayedBefore", replay=last.name, why=why)
    why_not = _why_not(execution, terms)
    return msgspec.structs.replace(repeat, fate="refused", replay=None, why=why_not) if why_not else repeat


def redrive_hint(repeats: Iterable[Repeat], terms: Terms, call: str) -> str | None:
    """Say what `ceap redrive` would do instead; `call` are its arguments. None if it can do nothing."""
    count = sum(each.is_redrivable and each.fate == "toReplay" for each in repeats)
    if not count or terms.stage is not None:
        return None
    return (
        f"{count} of them can be redriven: `ceap redrive {call} NAME` goes on at the stage that failed, and does not "
        "repeat the stages before; a replay begins with the message, and takes the current definition"
    )


def start(
    aws: Aws, workflow: DeployedWorkflow, found: Iterable[Candidate], terms: Terms, starting: Starting
) -> Iterator[Repeat]:
    """Start the replays, and yield what became of each; after an error of AWS the rest is refused."""
    problem: str | None = None
    is_first = True
    for candidate in found:
        repeat = candidate.repeat
        if repeat.fate != "toReplay":
            yield repeat
            continue
        if problem is None and not is_first and not starting.dry_run:
            starting.sleep(1 / starting.rate)
        is_first = False
        try:
            if problem:
                raise CommandError(problem)
            notes = _start(aws, workflow, candidate, terms, starting)
            yield msgspec.structs.replace(repeat, fate="toReplay" if starting.dry_run else "started", notes=notes)
        except UsageError:
            raise
        except NotStoppedError as error:
            yield msgspec.structs.replace(repeat, fate="started", why=str(error))
        except UnansweredError as error:
            problem = f"no answer came to the start of {repeat.replay}: call again"
            yield msgspec.structs.replace(repeat, fate="unanswered", why=str(error))
        except CommandError as error:
            yield msgspec.structs.replace(repeat, fate="refused", replay=None, why=str(error))
        except (ClientError, BotoCoreError) as error:
            problem = str(explain(error, aws.profile))
            yield msgspec.structs.replace(repeat, fate="refused", replay=None, why=problem)


def _start(
    aws: Aws, workflow: DeployedWorkflow, candidate: Candidate, terms: Terms, starting: Starting
) -> tuple[str, ...]:
    """Start one replay, and return what else was done for it, or would be."""
    execution, name = candidate.execution, str(candidate.repeat.replay)
    if terms.stage is not None:
        done = replay_from(
            aws,
            workflow,
            execution.arn,
            terms.stage,
            name,
            dry_run=starting.dry_run,
            say=starting.say,
            pace=Pace(starting.sleep),
        )
        return tuple(done.text().splitlines())
    if starting.dry_run:
        return ()
    start_replay(aws, workflow.machine, name, execution.input)
    return ()


def _why_not(execution: Execution, terms: Terms) -> str | None:
    """Return why an execution must not be replayed; None if it may be."""
    if execution.status == "RUNNING":
        return "it runs; wait for its end, or stop it first"
    if execution.status == "SUCCEEDED" and not terms.again:
        how = f"it was redriven ({execution.redrives} x), and succeeded" if execution.redrives else "it succeeded"
        return f"{how}; --again does its work a second time"
    if execution.input is None:
        return "AWS does not give its input; this identity may lack kms:Decrypt on the key of the state machine"
    skip = read_skip((message_in(execution.input) or {}).get("body"), execution.name)
    if skip and terms.stage is None:
        return (
            f"it is itself a replay that skipped {', '.join(skip.skip)}; replay {skip.copied_from} from its "
            "message, or this one with --from"
        )
    return None
