"""What a replay did, or would do, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from ceap.aws.flow import Messages
from ceap.operate.failure_kinds import cause_line, shape
from ceap.operate.moments import span
from ceap.operate.replay_executions import Fate, Repeat
from ceap.operate.replay_letters import DeadLetter
from ceap.operate.replay_move import Move, move_text
from ceap.operate.replay_send import Left, Replayed
from templates.words import plural

_ENDED_MAX: Final = 240
"""Characters of error and cause that people read in a list; JSON has all."""

_WORDS: Final[dict[Fate, str]] = {
    "toReplay": "to replay",
    "started": "started",
    "unanswered": "maybe started",
    "refused": "refused",
    "replayedBefore": "replayed before",
}


def as_json(document: Any) -> str:
    return msgspec.json.encode(document).decode()


def letter_lines(letters: Sequence[DeadLetter], left: Sequence[Left], total: int, now: float) -> Iterator[str]:
    """Yield what a replay of dead letters would do: a line for each message, never its body."""
    for letter in letters:
        size = f"{letter.size_bytes:,} bytes"
        yield f"{letter.id}  {span(now - letter.sent)} old, {plural(letter.receives, 'receive')}, {size}"
        yield f"  {_ended(letter)}"
        if letter.repeats:
            yield f"  is a replay of message {letter.repeats[-1]}"
        if letter.replays:
            yield f"  was replayed already: {'; '.join(letter.replays)}"
    yield from (f"left  {each.what}: {each.why}" for each in left)
    counted = Counter((letter.error, letter.stage, shape(letter.cause)) for letter in letters)
    kinds = {(letter.error, letter.stage, shape(letter.cause)): _kind(letter) for letter in reversed(letters)}
    yield from (f"{count} x {kinds[kind]}" for kind, count in counted.most_common())
    yield f"{plural(len(letters) - _replayed(letters, left), 'message')} to replay, of {plural(total, 'dead letter')}"


def sent_lines(done: Replayed) -> Iterator[str]:
    """Yield what a replay of chosen dead letters did, the summary last."""
    for sent in done.sent:
        note = "" if sent.origin else " (too large, or with too many attributes, for one that names the old id)"
        yield f"sent  {sent.message}  as {sent.replay}{note}"
    for sent in done.twice:
        yield (
            f"TWICE  {sent.message}: was sent as {sent.replay}, but is in the dead-letter queue still, and would run "
            "twice; a replay with a filter tells it, one without a filter does not"
        )
    for unsure in done.unanswered:
        yield (
            f"MAY HAVE BEEN SENT  {unsure.what}: no answer came ({unsure.why}); it is in the dead-letter queue still, "
            "and would run twice if it was sent: look again in some minutes, and --dry-run says what was replayed "
            "already"
        )
    yield from (f"left  {each.what}: {each.why}" for each in done.left)
    yield sent_summary(done)


def sent_summary(done: Replayed) -> str:
    parts = [f"{plural(len(done.sent) + len(done.twice), 'message')} sent to the queue"]
    if done.left:
        parts.append(f"{len(done.left)} left in the dead-letter queue")
    if done.twice:
        parts.append(f"{len(done.twice)} in both queues")
    if done.unanswered:
        parts.append(f"{len(done.unanswered)} that may have been sent, left in the dead-letter queue")
    return ", ".join(parts)


def move_lines(move: Move | None, left: Messages) -> Iterator[str]:
    """Yield how a move task has ended, if there was one, and what the dead-letter queue has."""
    none = "no dead letter can be moved now" if left.in_flight else "no dead letter waits: nothing to replay"
    yield move_text(move) if move else none
    if left.waiting or left.in_flight:
        yield f"the dead-letter queue has {left}; a message in flight is held by somebody, and is not moved"


def repeat_lines(repeats: Sequence[Repeat]) -> Iterator[str]:
    """Yield a line for each execution, the summary last."""
    for each in repeats:
        failed = f"  {each.status}{f' in {each.stage}' if each.stage else ''}{f', {each.error}' if each.error else ''}"
        match each.fate:
            case "toReplay":
                end = f"{failed}, as {each.replay}"
            case "started" | "unanswered":
                end = f"  as {each.replay}{f': {each.why}' if each.why else ''}"
            case _:
                end = f"{failed}: {each.why}"
        yield f"{_WORDS[each.fate]:<15}  {each.execution}{end}"
        yield from (f"  {note}" for note in each.notes)
    yield repeat_summary(repeats)


def repeat_summary(repeats: Sequence[Repeat]) -> str:
    """Return e.g. `12 started, 2 refused`."""
    counted = Counter(each.fate for each in repeats)
    return ", ".join(f"{counted[fate]} {word}" for fate, word in _WORDS.items() if counted[fate]) or "nothing to replay"


def _kind(letter: DeadLetter) -> str:
    cause = cause_line(letter.cause)
    return f"{letter.error or 'no error known'} in {letter.stage or 'no stage known'}{f': {cause}' if cause else ''}"


def _ended(letter: DeadLetter) -> str:
    if letter.execution is None:
        return "no execution found in the log of the state machine"
    where = f" in {letter.stage}" if letter.stage else ""
    text = f"{letter.error or 'no error known'}{where}{f': {letter.cause}' if letter.cause else ''}"
    return text if len(text) <= _ENDED_MAX else f"{text[:_ENDED_MAX]}..."


def _replayed(letters: Sequence[DeadLetter], left: Sequence[Left]) -> int:
    ids = {letter.id for letter in letters}
    return sum(each.what in ids for each in left)
