"""`ceap replay`: dead letters back to the queue, and executions of a STANDARD workflow again."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ceap.operate.call import Opened
    from ceap.operate.replay_dead import Means
    from ceap.operate.replay_letters import Filters
    from ceap.operate.selection import Chosen

EXAMPLES: Final = {
    "ceap replay --env dev --dead-letters --dry-run workflows/realtime.yaml": "list dead letters, and why they failed",
    "ceap replay --env dev --dead-letters --error Timeout workflows/realtime.yaml": "replay those of one failure",
    "ceap replay --env dev --failed --from ScoreStage workflows/batch.yaml": "failed executions again, from a stage on",
}
RATE: Final = 10
"""Messages or executions a second, unless the call says it: what failed once may fail again, and alarm."""

_OF_LETTERS: Final = ("message", "older_than", "newer_than", "cancel")
_OF_EXECUTIONS: Final = ("executions", "failed", "since", "from_stage")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from ceap.numbers import count
    from ceap.operate.call import add_workflow_arguments

    add_workflow_arguments(parser)
    parser.add_argument("executions", nargs="*", metavar="EXECUTION", help="names or ARNs of STANDARD executions")
    which = parser.add_argument_group("what is replayed")
    which.add_argument("--dead-letters", action="store_true", help="the messages of the dead-letter queue")
    which.add_argument("--failed", action="store_true", help="all executions that FAILED, TIMED_OUT or were ABORTED")
    which.add_argument("--error", metavar="TEXT", help="those only with this text in error or cause")
    which.add_argument("--stage", metavar="STAGE", help="those only that failed in this stage")
    which.add_argument("--limit", type=count, metavar="N", help="at most so many, the earliest first")
    which.add_argument("--message", action="append", metavar="ID", help="of dead letters this one; repeat for more")
    which.add_argument("--older-than", metavar="WHEN", help="of dead letters those sent before, e.g. 2h or 2026-01-31")
    which.add_argument("--newer-than", metavar="WHEN", help="of dead letters those sent since")
    which.add_argument("--since", metavar="WHEN", help="of --failed those that ended since, e.g. 2h or 2026-01-31")
    how = parser.add_argument_group("how")
    how.add_argument("--from", dest="from_stage", metavar="STAGE", help="begin executions at this stage")
    how.add_argument("--dry-run", action="store_true", help="only list what would be replayed")
    how.add_argument("--again", action="store_true", help="also what was replayed before, or has succeeded")
    how.add_argument("--rate", type=count, metavar="N", help=f"messages or executions a second (default: {RATE})")
    how.add_argument("--cancel", action="store_true", help="cancel the move of dead letters that runs")
    how.add_argument("--yes", action="store_true", help="do not ask before more than one")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Replay what is asked for, and print what was done."""
    from ceap.operate.call import opened
    from ceap.signals import raised

    _check(arguments)
    with opened(arguments) as found, raised():
        if not arguments.dead_letters:
            return _executions(arguments, found)
        if arguments.cancel:
            return _cancel(arguments, found)
        if arguments.dry_run or _has_filter(arguments):
            return _letters(arguments, found)
        return _move(arguments, found)


def _letters(arguments: argparse.Namespace, found: Opened) -> int:
    """Send chosen dead letters to the queue, or only list them."""
    from ceap.aws.moment import now_of
    from ceap.operate import replay_dead, replay_report
    from ceap.operate.replay_send import Sending
    from ceap.output import say

    now = now_of(found.aws)
    looked = replay_dead.look_for(found.aws, found.workflow, _filters(arguments, now), again=arguments.again)
    means = _means(arguments, found)
    if arguments.dry_run:
        replay_dead.tell_unseen(looked, means)
        counts = {"total": looked.total, "isWhole": looked.is_whole, "inFlight": looked.held}
        _print(
            arguments,
            {"deadLetters": looked.letters, "left": looked.left, **counts},
            replay_report.letter_lines(looked.letters, looked.left, looked.total, now),
        )
        return 0
    sending = Sending(arguments.rate or RATE, sent=lambda count: say(f"{count} sent") if not count % 100 else None)
    done = replay_dead.send_chosen(found.aws, found.workflow, looked, sending, means)
    _print(arguments, done, replay_report.sent_lines(done))
    if done.sent:
        say(replay_dead.next_text(means))
    return 1 if done.has_failed or not looked.is_whole else 0


def _move(arguments: argparse.Namespace, found: Opened) -> int:
    """Let SQS move all dead letters back to the queue."""
    from ceap.operate import replay_dead, replay_report
    from ceap.output import say

    means = _means(arguments, found)
    move, left = replay_dead.move_all(found.aws, found.workflow, arguments.rate or RATE, means)
    counts = {"waiting": left.waiting, "inFlight": left.in_flight}
    _print(arguments, {"move": move, "left": counts}, replay_report.move_lines(move, left))
    if move is None:
        return 1 if left.in_flight else 0
    say(replay_dead.next_text(means))
    return 1 if move.status != "COMPLETED" else 0


def _cancel(arguments: argparse.Namespace, found: Opened) -> int:
    from ceap.operate.replay_move import cancel_move, queue_arn

    moved = cancel_move(found.aws, queue_arn(found.aws, found.workflow.dead_letter_queue))
    text = (
        "no move task runs" if moved is None else f"cancelled; about {moved} moved so far, and these stay in the queue"
    )
    _print(arguments, {"cancelled": moved is not None, "moved": moved}, iter([text]))
    return 0


def _executions(arguments: argparse.Namespace, found: Opened) -> int:
    """Start executions of a STANDARD workflow again, or only list them."""
    from ceap.aws.moment import now_of
    from ceap.errors import CommandError, UsageError
    from ceap.operate.replay_executions import Starting, Terms, candidates, first, redrive_hint, start
    from ceap.operate.replay_report import repeat_lines, repeat_summary
    from ceap.output import confirm, say

    aws, workflow, call = found
    if workflow.is_express:
        raise UsageError(
            f"{workflow.workflow} is EXPRESS, and AWS keeps no executions of it: a message whose executions failed is "
            f"a dead letter, `ceap replay {call} --dead-letters`"
        )
    terms = Terms(now_of(aws), arguments.again, arguments.from_stage)
    starting = Starting(arguments.rate or RATE, say, arguments.dry_run)
    planned = first(candidates(aws, workflow, _chosen(arguments, found, terms.now), terms), arguments.limit, say)
    if hint := redrive_hint([each.repeat for each in planned], terms, call):
        say(hint)
    count = sum(each.repeat.fate == "toReplay" for each in planned)
    question = f"start {count} executions, at most {starting.rate} a second?"
    if count > 1 and not (arguments.yes or arguments.dry_run or confirm(question)):
        raise CommandError("nothing was replayed")
    done = list(start(aws, workflow, planned, terms, starting))
    _print(arguments, {"executions": done, "summary": repeat_summary(done)}, repeat_lines(done))
    if started := [str(each.replay) for each in done if each.fate == "started"]:
        say(
            f"follow it by `ceap trace {call} {started[0]}`"
            if len(started) == 1
            else f"watch them by `ceap status {call}`"
        )
    bad = {"refused", "unanswered"} | (set() if arguments.failed else {"replayedBefore"})
    return 1 if any(each.fate in bad or (each.fate == "started" and each.why) for each in done) else 0


def _chosen(arguments: argparse.Namespace, found: Opened, now: float) -> Iterator[Chosen]:
    from ceap.operate import selection
    from ceap.operate.moments import since

    aws, workflow, _ = found
    if not arguments.failed:
        yield from selection.named(aws, workflow, arguments.executions)
        return
    since_s = since(arguments.since, now) if arguments.since else None
    wanted = selection.Wanted(error=arguments.error, state=arguments.stage)
    yield from selection.failed(aws, workflow, wanted, selection.failures(aws, workflow, since_s))


def _filters(arguments: argparse.Namespace, now: float) -> Filters:
    from ceap.operate.moments import since
    from ceap.operate.replay_letters import Filters

    return Filters(
        messages=frozenset(arguments.message or ()),
        error=arguments.error,
        stage=arguments.stage,
        sent_before=since(arguments.older_than, now, "--older-than") if arguments.older_than else None,
        sent_after=since(arguments.newer_than, now, "--newer-than") if arguments.newer_than else None,
        limit=arguments.limit,
    )


def _means(arguments: argparse.Namespace, found: Opened) -> Means:
    from ceap.aws.pace import Pace
    from ceap.operate.replay_dead import Means
    from ceap.output import confirm, say

    return Means(say, (lambda _: True) if arguments.yes else confirm, Pace(), found.call)


def _print(arguments: argparse.Namespace, document: object, lines: Iterator[str]) -> None:
    from ceap.operate.replay_report import as_json

    print(as_json(document) if arguments.json else "\n".join(lines))


def _has_filter(arguments: argparse.Namespace) -> bool:
    names = ("message", "error", "stage", "older_than", "newer_than", "limit")
    return any(getattr(arguments, name) is not None for name in names)


def _check(arguments: argparse.Namespace) -> None:
    """Raise UsageError for options that do not go together."""
    from ceap.errors import UsageError

    ways = sum(map(bool, (arguments.dead_letters, arguments.failed, arguments.executions)))
    if ways != 1:
        raise UsageError("replay takes one of --dead-letters, --failed and names of executions; add --dry-run to look")
    others = _OF_EXECUTIONS if arguments.dead_letters else _OF_LETTERS
    if given := [name for name in others if getattr(arguments, name)]:
        option = {"from_stage": "--from"}.get(given[0], f"--{given[0].replace('_', '-')}")
        what = "--dead-letters" if arguments.dead_letters else "executions"
        raise UsageError(f"{option}: does not go together with {what}")
    if arguments.executions and (arguments.error or arguments.stage or arguments.since or arguments.limit):
        raise UsageError("--error, --stage, --since and --limit choose among all that failed; give --failed, no names")
    if arguments.failed and arguments.again:
        raise UsageError("--again is for executions that you name: of --failed each could run twice")
    if arguments.cancel and (arguments.dry_run or _has_filter(arguments)):
        raise UsageError("--cancel: takes no other option; it cancels the move of all dead letters")
    if arguments.rate and arguments.rate > 500:
        raise UsageError(f"--rate {arguments.rate}: is too high; SQS moves at most 500 messages a second")
