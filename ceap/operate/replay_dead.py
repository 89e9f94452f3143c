"""The steps of `ceap replay --dead-letters`: look, ask, and send or move; and what to do next."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from ceap.aws.flow import RUNNING, Messages, count_messages, pipe_states
from ceap.aws.pace import Pace
from ceap.aws.session import Aws
from ceap.aws.workflow import DeployedWorkflow
from ceap.errors import CommandError, UsageError
from ceap.operate.moments import shown
from ceap.operate.replay_letters import DeadLetter, Filters, is_any_there, look
from ceap.operate.replay_move import Move, Task, follow_move, last_move, queue_arn, start_move
from ceap.operate.replay_send import Left, Replayed, Sender, Sending, split
from ceap.signals import Stopped
from templates.words import allowed, plural


class Means(NamedTuple):
    """`call` are the arguments of other commands about the workflow; `consent` asks, or raises UsageError."""

    say: Callable[[str], None]
    consent: Callable[[str], bool]
    pace: Pace
    call: str


class Look(NamedTuple):
    """The dead letters that are meant, those of them that are left and why, and how many there are in all.

    `held` are messages that somebody had received before, which a look does not show. Unless `is_whole`, there may be
    more.
    """

    letters: tuple[DeadLetter, ...]
    left: tuple[Left, ...]
    total: int
    held: int
    is_whole: bool = True


def look_for(aws: Aws, workflow: DeployedWorkflow, filters: Filters, *, again: bool) -> Look:
    """Return what is meant; UsageError if there is no such stage."""
    if filters.stage is not None and filters.stage not in workflow.stages:
        raise UsageError(f"--stage {filters.stage}: {allowed(filters.stage, workflow.stages)}")
    held = count_messages(aws, workflow.dead_letter_queue).in_flight
    all_letters, is_whole = look(aws, workflow)
    chosen = filters.take(all_letters)
    _, left = split(chosen, again=again)
    absent = filters.messages - {letter.id for letter in all_letters}
    why = _absent(workflow) if is_whole else f"is not among the {len(all_letters):,} that were looked at"
    whole = {message: letter.id for message in absent for letter in all_letters if letter.id.startswith(message)}
    begun = {message: f"is only the beginning of an id: give {name}" for message, name in whole.items()}
    left += [Left(what=message, why=begun.get(message, why)) for message in sorted(absent)]
    return Look(tuple(chosen), tuple(left), len(all_letters), held, is_whole)


def send_chosen(aws: Aws, workflow: DeployedWorkflow, found: Look, sending: Sending, means: Means) -> Replayed:
    """Ask, then send the dead letters that are meant and not left; what was done is told also if it is interrupted."""
    left = {each.what for each in found.left}
    letters = [letter for letter in found.letters if letter.id not in left]
    tell_unseen(found, means)
    _ask(means, len(letters), f"replay {plural(len(letters), 'message')} of {found.total}", sending.rate)
    if letters:
        tell_pipe(aws, workflow, means)
    sender = Sender(aws, workflow, sending, letters)
    try:
        sender.send()
    except (KeyboardInterrupt, Stopped):
        done = sender.done()
        means.say(f"{len(done.sent)} of {plural(len(letters), 'message')} were sent; call again for the rest")
        raise
    return sender.done(found.left)


def move_all(aws: Aws, workflow: DeployedWorkflow, rate: int, means: Means) -> tuple[Move | None, Messages]:
    """Ask, then let SQS move all dead letters, and follow it; a task that runs already is followed.

    Raises:
        CommandError: nobody consents, or SQS does not list the task.
    """
    source = queue_arn(aws, workflow.dead_letter_queue)
    before = last_move(aws, source)
    there = count_messages(aws, workflow.dead_letter_queue)
    if before and before.is_active:
        speed = f"{before.rate} a second" if before.rate else "a rate of its own choice"
        means.say(f"a move task runs since {shown(before.started)}, at {speed}: no other is started")
        task = Task(since=before.started, handle=before.handle)
    else:
        # The counts may be a minute old: after a look all are in flight, or none is there.
        if not there.waiting and not is_any_there(aws, workflow.dead_letter_queue):
            return None, there
        if there.waiting:
            known, most = plural(there.waiting, "message"), there.waiting + there.in_flight
        else:
            known, most = "all messages", 2
        _ask(means, most, f"move {known} back to the queue", rate)
        task = start_move(aws, source, queue_arn(aws, workflow.queue), rate, before)
    tell_pipe(aws, workflow, means)
    try:
        move = follow_move(aws, source, task, means.say, means.pace)
    except (KeyboardInterrupt, Stopped):
        call = f"`ceap replay {means.call} --dead-letters"
        means.say(f"SQS goes on moving: {call}` follows it, {call} --cancel` cancels it")
        raise
    left = count_messages(aws, workflow.dead_letter_queue)
    return msgspec.structs.replace(move, fewer=max(0, there.waiting - left.waiting)), left


def tell_pipe(aws: Aws, workflow: DeployedWorkflow, means: Means) -> None:
    """Tell if the pipe takes no messages now."""
    states = pipe_states(aws, workflow.pipe)
    if states.current != RUNNING:
        means.say(
            f"the pipe {workflow.pipe} is {states.current}: messages wait in the queue until it runs, "
            f"`ceap resume {means.call}`"
        )


def next_text(means: Means) -> str:
    """Say what comes after a replay."""
    return (
        f"watch it by `ceap status {means.call}`; what fails three times again is a dead letter again: "
        f"`ceap trace {means.call} MESSAGE` tells why"
    )


def tell_unseen(found: Look, means: Means) -> None:
    """Tell what a look does not show."""
    if found.held:
        held = plural(found.held, "message")
        means.say(f"{held} in flight, not shown here: another call of replay holds them 5 minutes at most")
    if not found.is_whole:
        means.say(
            f"only {plural(found.total, 'message')} were looked at, whichever SQS gave, and more may be there: after a "
            f"replay of these look again, or move all: `ceap replay {means.call} --dead-letters`"
        )


def _ask(means: Means, count: int, what: str, rate: int) -> None:
    if count > 1 and not means.consent(f"{what}, at most {rate} a second?"):
        raise CommandError("nothing was replayed")


def _absent(workflow: DeployedWorkflow) -> str:
    name = workflow.dead_letter_queue.rpartition("/")[2]
    return f"is not in {name}, or somebody holds it: look again in 5 minutes"
