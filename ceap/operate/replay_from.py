"""A replay from a stage: a new execution of the current definition, which takes over what the stages before wrote.

StartExecution knows no state to start at, so the stages before return at once: `docs/adr/replay.md`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import msgspec
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.errors import explain, is_absent, is_throttled
from ceap.aws.executions import Execution, arn_of, find_execution, message_in, name_of
from ceap.aws.moment import time_of
from ceap.aws.pace import Pace
from ceap.aws.session import Aws
from ceap.aws.workflow import DeployedWorkflow
from ceap.errors import CommandError, UsageError
from ceap.operate import stage_copies
from ceap.operate.moments import shown
from ceap.operate.replay_start import start_replay
from ceap.operate.stage_copies import Copy, Target
from handlers.runtime.replay import Skip, is_replay
from templates import words
from templates.budget import EXECUTIONS_DAYS, EXECUTIONS_S

Say: TypeAlias = Callable[[str], None]

_LOOKS_MAX: Final = 10
"""How often the definition of a new execution is asked for, over some 9 seconds: AWS may not know it yet."""


class NotStoppedError(CommandError):
    """A replay was started with another definition than the current one, and could not be stopped."""


class Copied(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An object that was copied, or would be; `kept`: an earlier call had made the copy."""

    key: str
    source: str
    size_bytes: int
    kept: bool


class Replayed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A replay from a stage; `arn` is None if it was not started, since only asked for what would be done.

    `unchecked` says why it is not known whether it runs the current definition.
    """

    execution: str
    arn: str | None
    copied_from: str
    stage: str
    skipped: tuple[str, ...]
    objects: tuple[Copied, ...]
    unchecked: str | None = None

    def text(self) -> str:
        """Return what was done, for people; keys are those below the prefix of the execution."""
        would = "" if self.arn else "would be "
        lines = [
            f"{one.key.split('/', 2)[2]}  {one.size_bytes:,} bytes, "
            f"{'was copied before' if one.kept else f'{would}copied'}"
            for one in self.objects
        ]
        how = "begins" if self.arn else "would begin"
        skips = words.listed(self.skipped)
        lines.append(f"{how} at {self.stage}; skips {skips}, with what they wrote in {self.copied_from}")
        if self.unchecked:
            lines.append(f"its definition could not be compared with the current one: {self.unchecked}")
        return "\n".join(lines)


def replay_from(
    aws: Aws,
    workflow: DeployedWorkflow,
    execution: str,
    stage: str,
    name: str,
    *,
    dry_run: bool,
    say: Say,
    pace: Pace | None = None,
) -> Replayed:
    """Copy what the stages before one wrote in an execution that has ended, and start another, `name`, at that stage.

    `execution` is a name or an ARN; a dry run copies and starts nothing.

    Raises:
        UsageError: the workflow is EXPRESS, a name is unknown, or the stage is the first.
        CommandError: the execution has not ended or lacks an output, the definition before the stage has changed, an
            object of another replay is in the way, or AWS started the execution with an earlier definition.
        NotStoppedError: AWS did, and it could not be stopped.
        UnansweredError: nobody knows whether it was started.
    """
    if not is_replay(name):
        raise ValueError(name)
    if workflow.is_express:
        raise UsageError(
            f"--from {stage}: {workflow.name} is EXPRESS, whose executions last at most 5 minutes and are not kept; "
            "replay its dead letters from their start, without --from"
        )
    old = _find(aws, workflow, execution)
    states = aws.client("stepfunctions")
    machine = states.describe_state_machine(stateMachineArn=workflow.machine)
    definition, now_s = str(machine["definition"]), time_of(machine)
    earlier = _stages_before(stage, workflow.machine_of(json.loads(definition)).stages(), old)
    _check_chain(earlier, workflow.machine_of(json.loads(_definition_of(aws, old.arn))).stages(), old, stage)
    if find_execution(aws, workflow.machine, name):
        raise CommandError(f"there is an execution {name} already; take the next name: add --again")
    target = Target(name, old.name, earlier)
    copies = _plan(aws, workflow.bucket, old, target, is_expired=now_s - old.started > EXECUTIONS_S)
    done = [_copy(aws, copy, dry_run=dry_run, say=say) for copy in copies]
    given = replay_input(target, old.input)
    arn = None if dry_run else start_replay(aws, workflow.machine, name, given)
    return Replayed(
        execution=name,
        arn=arn,
        copied_from=old.name,
        stage=stage,
        skipped=target.skip,
        objects=tuple(done),
        unchecked=_check_started(aws, arn, definition, target, pace or Pace()) if arn else None,
    )


def _find(aws: Aws, workflow: DeployedWorkflow, execution: str) -> Execution:
    """Return the execution to replay, which has ended."""
    name = name_of(execution) if execution.startswith("arn:") and execution.count(":") == 7 else execution
    if execution not in (name, arn_of(workflow.machine, name)):
        raise UsageError(f"{execution}: is no execution of {workflow.machine}; name one of this workflow")
    old = find_execution(aws, workflow.machine, name)
    if old is None:
        raise UsageError(
            f"{name}: {workflow.name} has no such execution, or it ended more than 90 days ago; "
            "`ceap status` lists those that have failed"
        )
    if old.ended is None:
        raise CommandError(f"{name}: has not ended; wait until it has, or stop it, and call again")
    return old


def _stages_before(stage: str, stages: Sequence[str], old: Execution) -> tuple[str, ...]:
    if stage not in stages:
        raise UsageError(f"--from {stage}: there is no stage {stage!r}; {words.allowed(stage, stages)}")
    if stage == stages[0]:
        raise UsageError(
            f"--from {stage}: is the first stage; replay {old.name} from its message instead, without --from"
        )
    return tuple(stages[: stages.index(stage)])


def _check_chain(earlier: Sequence[str], ran: Sequence[str], old: Execution, stage: str) -> None:
    """Refuse outputs that the current definition would not make: of stages that others came before."""
    for number, one in enumerate(earlier):
        if ran[number : number + 1] != [one]:
            raise CommandError(
                f"the definition has changed before {stage}: {old.name} ran {', '.join(ran)}, and now "
                f"{', '.join([*earlier, stage])} come first; {_latest(earlier, number, old)}"
            )


def _plan(aws: Aws, bucket: str, old: Execution, target: Target, *, is_expired: bool) -> list[Copy]:
    """Return what to copy; `is_expired` tells whether the first outputs of the execution may be gone by now."""
    copies: list[Copy] = []
    for number, one in enumerate(target.skip):
        found = stage_copies.plan_copies(aws, bucket, one, target)
        if found is None:
            why = (
                f"it has expired: outputs are kept for {EXECUTIONS_DAYS} days, and the execution started at "
                f"{shown(old.started)}"
                if is_expired
                else f"the stage has not succeeded there, or its output was deleted; the execution {old.status.lower()}"
            )
            raise CommandError(f"there is no output of {one} in {old.name}: {why}; {_latest(target.skip, number, old)}")
        copies += found
    return copies


def _latest(earlier: Sequence[str], number: int, old: Execution) -> str:
    """Return the cure: the stage of this number is the first that has to run again."""
    if number == 0:
        return f"replay {old.name} from its message, without --from"
    return f"replay it from {earlier[number]}: --from {earlier[number]}"


def _copy(aws: Aws, copy: Copy, *, dry_run: bool, say: Say) -> Copied:
    kept = stage_copies.is_there(aws, copy)
    if not kept and not dry_run:
        if copy.size_bytes > stage_copies.WHOLE_BYTES:
            say(f"copying {copy.size_bytes:,} bytes of s3://{copy.source.bucket}/{copy.source.key}")
        stage_copies.make_copy(aws, copy)
    return Copied(key=copy.key, source=copy.source.key, size_bytes=copy.size_bytes, kept=kept)


def _check_started(aws: Aws, arn: str, definition: str, target: Target, pace: Pace) -> str | None:
    """Stop a replay that runs another definition; return why it could not be compared, None if it was.

    A replay that was started is told as started, whatever AWS answers here.
    """
    try:
        found = _definition_of_new(aws, arn, pace)
    except (ClientError, BotoCoreError) as error:
        return str(explain(error, aws.profile))
    if found == definition:
        return None
    what = (
        f"{target.execution} was started with another definition than the current one, which AWS may do for some "
        "seconds after a deployment"
    )
    cause = "ceap replay: it was started with another definition than the one that its inputs were copied for"
    try:
        aws.client("stepfunctions").stop_execution(executionArn=arn, error="ceap.OtherDefinition", cause=cause)
    except (ClientError, BotoCoreError) as error:
        raise NotStoppedError(f"{what}, and could not be stopped: {explain(error, aws.profile)}") from error
    raise CommandError(f"{what}, and is stopped; wait, and call again with --again")


def _definition_of_new(aws: Aws, arn: str, pace: Pace) -> str:
    """Return the definition of an execution that was just started, which AWS may not know at once, or throttle."""
    for looks, _ in enumerate(pace, 1):
        try:
            return _definition_of(aws, arn)
        except ClientError as error:
            if looks == _LOOKS_MAX or not (is_absent(error) or is_throttled(error)):
                raise
    raise AssertionError("a pace has no end")


def replay_input(target: Target, given: str | None) -> str:
    """Return the input of a replay: the record of the message, as the pipe had it, with the stages to skip as body."""
    skip = Skip(execution_id=target.execution, copied_from=target.copied_from, skip=target.skip)
    record = {key: value for key, value in (message_in(given) or {}).items() if key != "md5OfBody"}
    return json.dumps([record | {"body": msgspec.json.encode(skip).decode()}])


def _definition_of(aws: Aws, arn: str) -> str:
    """Return the definition that an execution runs with."""
    answer = aws.client("stepfunctions").describe_state_machine_for_execution(executionArn=arn)
    definition: str = answer["definition"]
    return definition
