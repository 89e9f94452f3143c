"""The triggers of a workflow in a run: its schedule, and its rule on new objects, which here are those of the seed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ceap.errors import UsageError
from ceap.local.deliveries import Delivery
from ceap.local.engine import Engine
from ceap.local.order import Order
from templates import words


def fire(engine: Engine, order: Order, say: Callable[[str], None]) -> int:
    """Let the triggers send as often as ordered; return how many messages they sent or were to send.

    Raises:
        UsageError: There is no schedule, and no object of the seed matches a rule.
    """
    made = _fire_once(engine, order.seed.buckets)
    if not made:
        raise UsageError(
            f"no trigger sends a message: of {_count(order.seed.buckets)} in the seed none matches s3_events; put one "
            "that does into fixtures/{name}/s3/{bucket}/ beside the declaration, or name a message with --message FILE"
        )
    for line in _lines(made, _count(order.seed.buckets)):
        say(line)
    return sum((len(_fire_once(engine, order.seed.buckets)) for _ in range(order.copies - 1)), len(made))


def _fire_once(engine: Engine, buckets: Mapping[str, Mapping[str, Path]]) -> list[Delivery]:
    made = engine.fire_schedules()
    for bucket, files in buckets.items():
        for key, path in files.items():
            made += engine.announce_object(bucket, key, path.stat().st_size)
    return made


def _lines(made: Sequence[Delivery], seeded: str) -> Iterator[str]:
    """Yield a line for each trigger that sent something, with the first of its objects."""
    for trigger in dict.fromkeys(delivery.trigger for delivery in made):
        places = [delivery.place for delivery in made if delivery.trigger == trigger and delivery.place]
        if not places:
            yield f"{trigger} sends its message"
            continue
        sent = words.plural(len(places), "message")
        yield f"{trigger} sends {sent}, of {seeded} in the seed: {words.listed(places)}"


def _count(buckets: Mapping[str, Mapping[str, Path]]) -> str:
    return words.plural(sum(map(len, buckets.values())), "object")
