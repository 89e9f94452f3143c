"""The diffs of several stacks, and what they amount to."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from ceap.deploy.diff.change import Change, ContractChanged, Diff, Topic, ValueChanged
from templates.words import plural


class Report(msgspec.Struct, frozen=True):
    """The diffs of all templates that were compared, with what, and what is not known or not compared."""

    against: str
    diffs: tuple[Diff, ...]
    notes: tuple[str, ...] = ()


GRAVE: Final[Mapping[str, Callable[[Diff], tuple[Change, ...]]]] = {
    "will fail": lambda diff: diff.failing,
    "replaced": lambda diff: diff.replaced,
    "data lost": lambda diff: diff.lost,
    "contracts broken": lambda diff: tuple(each for each in diff.changes if isinstance(each, ContractChanged)),
    "wider access": lambda diff: diff.wider,
    "kept shorter": lambda diff: tuple(each for each in diff.changes if _is_shorter(each)),
}
"""What a summary counts, and its changes."""

FAILURES: Final[Mapping[str, tuple[str, ...]]] = {
    "replacement": ("will fail", "replaced"),
    "loss": ("data lost",),
    "wider": ("wider access",),
}
"""What `--fail-on` takes, and what of a summary it means."""


def summarize(diff: Diff) -> dict[str, int]:
    """Return how many changes a diff has of what is grave, without that of which it has none, and in all."""
    counts = {name: len(found(diff)) for name, found in GRAVE.items()}
    return {name: count for name, count in counts.items() if count} | {"changes": len(diff.changes)}


def in_words(diff: Diff) -> str:
    """Return a summary in one line."""
    if diff.is_empty:
        return "no change"
    grave = [f"{len(changes)} {name}" for name, found in GRAVE.items() if (changes := found(diff))]
    total = plural(len(diff.changes), "change")
    return ", ".join(grave) + f" ({total})" if grave else total


def failures(report: Report, names: list[str]) -> Iterator[str]:
    """Yield what of a report `--fail-on` means, a line for each stack."""
    for diff in report.diffs:
        found = {name: len(GRAVE[name](diff)) for option in names for name in FAILURES[option]}
        if said := [f"{count} {name}" for name, count in found.items() if count]:
            yield f"{diff.name}: {', '.join(said)}"


def _is_shorter(change: Change) -> bool:
    return isinstance(change, ValueChanged) and change.topic is Topic.RETENTION
