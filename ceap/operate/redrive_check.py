"""Whether an execution can be redriven, and what would come of it: all that is known before the call.

A redrive runs the definition of then from the state that failed, with that state's input; the functions' code is the
current one. Earlier outputs are read from the workflow bucket, which keeps them for some days only.
Source: Step Functions Developer Guide, "Restarting state machine executions with redrive".
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final, NamedTuple, assert_never

import msgspec
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.errors import is_absent
from ceap.aws.executions import UNSUCCESSFUL, Execution
from ceap.aws.session import Aws
from ceap.aws.workflow import DeployedWorkflow
from ceap.cfn.lookup import Machine, at
from ceap.operate.definition_words import differences
from ceap.operate.moments import shown, span
from ceap.operate.old_definitions import Definitions
from ceap.operate.replay_names import replays_of
from ceap.operate.selection import Chosen
from handlers.runtime.contract import INITIAL_FOLDER, output_key
from templates.budget import REDRIVABLE_S
from templates.definition import integration_of
from templates.model import StepKind
from templates.words import listed

SOON_S: Final = 24 * 3600
"""An input that expires earlier is told of: a redrive that fails again may find none."""

_DIFFERENCES_MAX: Final = 3


class Why(StrEnum):
    """Why an execution is not redriven, as a summary counts it."""

    NOT_FAILED = "nothing failed"
    TOO_LATE = "AWS redrives them no more"
    INPUT_GONE = "inputs expired"
    REPLAYED = "replayed already"
    CHANGED = "definition changed"
    WORKER_GONE = "function or job gone"
    NOT_ACCEPTED = "not accepted by AWS"


class Refusal(msgspec.Struct, frozen=True):
    """An execution that is not redriven; `reason` is a sentence with the cure."""

    execution: Execution
    state: str | None
    why: Why
    reason: str


class Candidate(msgspec.Struct, frozen=True):
    """An execution that can be redriven; `input_expires` is when the input of its stage does, if it has one."""

    execution: Execution
    state: str | None
    input_expires: float | None
    notes: tuple[str, ...] = ()


class Terms(NamedTuple):
    """What the caller allows, and the options and file of its call, for the commands that messages name."""

    old_definition: bool
    again: bool
    call: str


class _RefusedError(Exception):
    def __init__(self, why: Why, reason: str) -> None:
        super().__init__(reason)
        self.why: Final = why


class Judge:
    """Judges the executions of a workflow; `now` is AWS's, in seconds since the epoch."""

    def __init__(
        self, aws: Aws, workflow: DeployedWorkflow, definitions: Definitions, terms: Terms, now: float
    ) -> None:
        self._aws: Final = aws
        self._workflow: Final = workflow
        self._definitions: Final = definitions
        self._terms: Final = terms
        self._now: Final = now

    def judge(self, chosen: Chosen) -> Candidate | Refusal:
        """Tell whether an execution can be redriven; nothing is changed."""
        execution, state = chosen.execution, chosen.state
        try:
            self._check_end(execution)
            self._check_replays(execution)
            old = self._workflow.machine_of(self._definitions.of(execution))
            expires = self._input_expiry(execution, state, old)
            changes = differences(old.definition, self._definitions.current)
            if changes:
                self._check_definition(execution, state, old, changes)
        except _RefusedError as refused:
            return Refusal(execution, state, refused.why, str(refused))
        return Candidate(execution, state, expires, tuple(self._notes(expires, changes)))

    def _check_end(self, execution: Execution) -> None:
        if execution.status not in UNSUCCESSFUL:
            since = f", redriven at {shown(execution.redriven)}" if execution.redriven else ""
            again = f"`ceap replay {self._terms.call} {execution.name} --again` processes its message again"
            cure = "" if execution.status == "RUNNING" else f"; {again}"
            raise _RefusedError(
                Why.NOT_FAILED, f"it is {execution.status}{since}, so there is nothing to redrive{cure}"
            )
        age_s = self._now - (execution.ended or self._now)
        if execution.not_redrivable or age_s > REDRIVABLE_S:
            said = execution.not_redrivable or f"{span(REDRIVABLE_S)} have passed"
            raise _RefusedError(
                Why.TOO_LATE,
                f"it ended {span(age_s)} ago, and AWS redrives it no more: {said}; {self._replay(execution)} processes "
                "its message again",
            )

    def _check_replays(self, execution: Execution) -> None:
        replays = replays_of(self._aws, self._workflow.machine, execution.name)
        if replays and not self._terms.again:
            names = listed([f"{each.name} ({each.status})" for each in replays], 3)
            raise _RefusedError(
                Why.REPLAYED,
                f"it was replayed as {names}: a redrive, too, would process its message twice; give --again for that",
            )

    def _input_expiry(self, execution: Execution, state: str | None, old: Machine) -> float | None:
        """Return when the object that a stage reads expires; None if it reads none, or nothing removes it."""
        key = input_key(old, state, execution.name)
        if key is None:
            return None
        try:
            found = self._aws.client("s3").head_object(Bucket=self._workflow.bucket, Key=key)
        except ClientError as error:
            if not is_absent(error):
                raise
            raise _RefusedError(
                Why.INPUT_GONE,
                f"its input s3://{self._workflow.bucket}/{key} has expired or was removed; {self._replay(execution)} "
                "starts again from its message",
            ) from error
        return expiry_in(found.get("Expiration", ""))

    def _check_definition(self, execution: Execution, state: str | None, old: Machine, changes: list[str]) -> None:
        if gone := self._missing_worker(old, state):
            raise _RefusedError(
                Why.WORKER_GONE,
                f"its definition runs {gone}, which is there no more; {self._replay(execution, state)} runs the "
                "current definition",
            )
        if not self._terms.old_definition:
            raise _RefusedError(
                Why.CHANGED,
                f"the definition has changed since ({listed(changes, _DIFFERENCES_MAX)}), and AWS redrives that of "
                f"then, with the functions' current code: give --old-definition for that; "
                f"{self._replay(execution, state)} runs the current one",
            )

    def _missing_worker(self, old: Machine, state: str | None) -> str | None:
        """Return the function or job that stages of an old definition need from a state on, and that is gone."""
        stages = old.stages()
        for stage in stages[stages.index(state) if state in stages else 0 :]:
            kind = old.kinds()[stage]
            worker = at(old.states[stage], "Parameters", integration_of(kind).parameter)
            if worker not in self._definitions.current_workers and not self._exists(kind, worker):
                return f"the {'function' if kind is StepKind.LAMBDA else 'job'} {worker.rpartition(':')[2]}"
        return None

    def _exists(self, kind: StepKind, worker: str) -> bool:
        try:
            match kind:
                case StepKind.LAMBDA:
                    self._aws.client("lambda").get_function_configuration(FunctionName=worker)
                case StepKind.GLUE:
                    self._aws.client("glue").get_job(JobName=worker)
                case _:
                    assert_never(kind)
        except ClientError as error:
            if is_absent(error):
                return False
            raise
        return True

    def _notes(self, expires: float | None, changes: list[str]) -> list[str]:
        notes = []
        if changes:
            notes.append(f"by the definition of then ({listed(changes, _DIFFERENCES_MAX)})")
        if expires is not None and expires - self._now < SOON_S:
            notes.append(f"its input expires in {span(expires - self._now)}, at {shown(expires)}")
        return notes

    def _replay(self, execution: Execution, state: str | None = None) -> str:
        """Return the command that starts a new execution; from a stage if the current definition has it."""
        option = f" --from {state}" if state in self._workflow.stages[1:] else ""
        return f"`ceap replay {self._terms.call} {execution.name}{option}`"


def input_key(machine: Machine, state: str | None, execution: str) -> str | None:
    """Return the key of what a state of an execution reads from the workflow bucket; None if it reads nothing."""
    for previous, stage in machine.steps():
        if stage == state:
            if previous is not None:
                return output_key(execution, previous)
            return output_key(execution, INITIAL_FOLDER) if machine.kinds()[stage] is StepKind.GLUE else None
    return None


def expiry_in(header: str) -> float | None:
    """Return the moment in S3's answer x-amz-expiration, `expiry-date="Fri, 21 Dec 2012 00:00:00 GMT", rule-id="r"`.

    Source: S3 API Reference, "HeadObject".
    """
    _, _, rest = header.partition('expiry-date="')
    date, quote, _ = rest.partition('"')
    if not quote:
        return None
    return parsedate_to_datetime(date).timestamp()
