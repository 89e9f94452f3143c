"""What a change set may not do unless it is allowed: replace a resource, or lose the data in one.

CloudFormation and the comparison of the templates are asked alike, and what either knows counts: CloudFormation knows
the values of attributes, the comparison knows before anything is made what CloudFormation would find out half-way.
"""

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from ceap.deploy.change_sets import Effect
from ceap.deploy.diff.change import Diff, Fate, MayBeReplaced, Removed, Replaced, WillFail
from templates.resource_schemas import load_schema

_LOSES: Final = ("Delete", "ReplaceAndDelete")


class Objection(msgspec.Struct, frozen=True, rename="camel"):
    """What would become of a resource, and who knows: CloudFormation, ceap, or both.

    One that is `hopeless` fails in any case; its `cure` says what to do.
    """

    logical_id: str
    type: str
    what: str
    known_by: tuple[str, ...]
    cure: str | None = None

    @property
    def is_hopeless(self) -> bool:
        return self.cure is not None

    def __str__(self) -> str:
        text = f"{self.logical_id} ({self.type}) {self.what} (known to {' and '.join(self.known_by)})"
        return f"{text}; {self.cure}" if self.cure else text


def object_to(effects: Sequence[Effect], diff: Diff) -> tuple[Objection, ...]:
    """Return what a change set may not do unasked, in the order of logical ids; none is good."""
    theirs = {effect.logical_id: (effect.type, what) for effect, what in _known_to_cloudformation(effects)}
    spared = {effect.logical_id for effect in effects if effect.replacement == "False"}
    ours = {
        change.subject.logical_id: (change.subject.type, _words(change))
        for change in (*diff.replaced, *diff.lost)
        if not (isinstance(change, MayBeReplaced) and change.subject.logical_id in spared)
    }
    hopeless = [_hopeless(change) for change in diff.failing]
    found = [
        Objection(name, *(ours.get(name) or theirs[name]), known_by=_who(name, theirs, ours))
        for name in sorted((theirs.keys() | ours.keys()) - {each.logical_id for each in hopeless})
    ]
    return (*hopeless, *found)


def _known_to_cloudformation(effects: Sequence[Effect]) -> list[tuple[Effect, str]]:
    replaced = {effect.logical_id for effect in effects if effect.replacement == "True" or _is_static(effect)}
    while (
        more := {
            effect.logical_id
            for effect in effects
            if effect.replacement == "Conditional" and not replaced.isdisjoint(effect.depends_on)
        }
        - replaced
    ):
        replaced |= more
    return [(effect, _words_of(effect)) for effect in effects if effect.logical_id in replaced or _is_lost(effect)]


def _is_static(effect: Effect) -> bool:
    """Tell whether a conditional replacement hangs on what the template says, not on another resource's attributes."""
    return effect.replacement == "Conditional" and effect.is_certain


def _is_lost(effect: Effect) -> bool:
    schema = load_schema(effect.type)
    return effect.policy_action in _LOSES and schema is not None and schema.is_stateful


def _words_of(effect: Effect) -> str:
    if effect.action == "Remove":
        return "would be deleted with its data"
    cause = f", as {', '.join(effect.causes)} changes" if any(effect.causes) else ""
    may = "may" if effect.replacement == "Conditional" else "would"
    return f"{may} be replaced{cause}"


def _words(change: Removed | Replaced | MayBeReplaced) -> str:
    match change:
        case Removed():
            return "would be deleted with its data"
        case Replaced() | MayBeReplaced():
            causes = ", ".join(dict.fromkeys(each.path[0] for each in change.properties))
            may = "may" if isinstance(change, MayBeReplaced) else "would"
            what = f"{may} be replaced, as {causes} changes" if causes else f"{may} be replaced"
            return f"{what}; the old one is {change.fate.value}{_with_data(change)}"


def _with_data(change: Replaced | MayBeReplaced) -> str:
    return ", with its data" if change.subject.is_stateful and change.fate is Fate.DELETED else ""


def _who(name: str, theirs: Collection[str], ours: Collection[str]) -> tuple[str, ...]:
    return ("CloudFormation",) * (name in theirs) + ("ceap diff",) * (name in ours)


def _hopeless(change: WillFail) -> Objection:
    subject = change.subject
    return Objection(
        subject.logical_id, subject.type, f"would fail: {change.reason.value}", ("ceap diff",), change.cure
    )
