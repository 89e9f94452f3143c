"""The words for each change: a sentence, and lines of detail below it."""

import json
from collections.abc import Iterator
from typing import Any, Final, assert_never

from ceap.cfn.lookup import reference
from ceap.deploy.diff.change import (
    Access,
    AccessChanged,
    Added,
    AttributeChanged,
    Change,
    Consequence,
    ContractChanged,
    Direction,
    EntryChanged,
    ExportChanged,
    Failure,
    Fate,
    MayBeReplaced,
    PropertyChange,
    Removed,
    Replaced,
    ResourceChange,
    RunningAffected,
    StageAdded,
    StageChange,
    StageRemoved,
    StageRenamed,
    StageRuns,
    StagesReordered,
    Subject,
    Updated,
    ValueChanged,
    WillFail,
)
from templates.words import listed

VALUE_MAX: Final = 100
"""The longest value that is shown whole, in characters."""
ACTIONS_MAX: Final = 12


def sentence(change: Change) -> str:
    """Return what a change is, in one line."""
    match change:
        case StageAdded() | StageRemoved() | StageRenamed() | StageRuns() | StagesReordered() | RunningAffected():
            said = _stage(change)
        case AccessChanged():
            said = _access(change)
        case ValueChanged():
            said = _value(change)
        case ContractChanged(stage=stage, said=what):
            said = f"{stage} {what}"
        case EntryChanged(path=path, old=old, new=new):
            said = f"{'.'.join(path)}: {turn(old, new)}"
        case ExportChanged():
            said = _export(change)
        case _:
            said = _resource(change)
    return said


def details(change: Change) -> Iterator[str]:
    """Yield what stands below a change's sentence: its properties, and what to do."""
    match change:
        case Updated(properties=properties) | Replaced(properties=properties) | MayBeReplaced(properties=properties):
            yield from map(_property, properties)
        case WillFail(properties=properties, cure=cure):
            yield from map(_property, properties)
            yield f"do: {cure}"
        case RunningAffected(is_express=is_express):
            yield _AFTER_FAILURE[is_express]
        case _:
            pass  # the sentence says all


def _resource(change: ResourceChange) -> str:
    subject = change.subject
    match change:
        case Added():
            said = f"{called(subject)} is new"
        case Removed(fate=fate):
            said = f"{called(subject)} leaves the stack and {_becomes(subject, fate)}"
        case Updated():
            said = f"{called(subject)} changes in place"
        case Replaced(fate=fate):
            said = f"{called(subject)} is replaced: {_old(subject, fate)}"
        case MayBeReplaced():
            said = _perhaps(change)
        case WillFail():
            said = _failure(change)
        case AttributeChanged(path=path, old=old, new=new):
            said = f"{subject.logical_id} {'.'.join(path)}: {turn(old, new)}"
        case _:
            assert_never(change)
    return said


def called(subject: Subject) -> str:
    """Return a resource's logical id, type and name, and whether it holds data."""
    name = f" {subject.name}" if subject.name else ""
    return f"{subject.logical_id} ({subject.type}{name}{', stateful' if subject.is_stateful else ''})"


def turn(old: Any, new: Any) -> str:
    """Return the change of a value."""
    if old is None:
        return f"added {shown(new)}"
    if new is None:
        return f"removed, was {shown(old)}"
    before, after = plain(old), plain(new)
    if len(before) <= VALUE_MAX and len(after) <= VALUE_MAX:
        return f"{before} -> {after}"
    same = next((index for index, pair in enumerate(zip(before, after, strict=False)) if len(set(pair)) > 1), 0)
    return " -> ".join(_around(text, same) for text in (before, after))


def _around(text: str, same: int) -> str:
    """Return the part of a long text in which it differs from another, of which so many characters are the same."""
    start = max(0, same - VALUE_MAX // 4)
    end = start + VALUE_MAX
    return f"{'...' if start else ''}{text[start:end]}{'...' if end < len(text) else ''}"


def shown(value: Any) -> str:
    """Return a value on one line, cut where it is long."""
    text = plain(value)
    return text if len(text) <= VALUE_MAX else f"{text[: VALUE_MAX - 3]}..."


def plain(value: Any) -> str:
    """Return a value on one line; what is known only at deployment, such as the account, reads `${...}`."""
    target = reference(value)
    match value:
        case _ if target:
            text = f"${{{'.'.join(filter(None, target))}}}"
        case {"Fn::Sub": str(text)}:
            pass
        case {"Fn::ImportValue": name}:
            text = f"${{import {plain(name)}}}"
        case str() if value.isprintable():
            text = value
        case dict():
            text = "{" + ", ".join(f"{key}: {plain(below)}" for key, below in value.items()) + "}"
        case list():
            text = "[" + ", ".join(map(plain, value)) + "]"
        case _:
            text = json.dumps(value, ensure_ascii=False)
    return text


def _property(change: PropertyChange) -> str:
    path = ".".join(change.path)
    said = f"{path}: follows, as {change.cause}" if change.cause else f"{path}: {turn(change.old, change.new)}"
    match change.consequence:
        case Consequence.IN_PLACE:
            return said
        case Consequence.REPLACES:
            return f"{said} (create-only)"
        case Consequence.MAY_REPLACE:
            return f"{said} (may replace the resource)"
        case _:
            assert_never(change.consequence)


def _becomes(subject: Subject, fate: Fate) -> str:
    data = " with the data in it" if subject.is_stateful else ""
    match fate:
        case Fate.DELETED:
            return f"is deleted{data}"
        case Fate.DELETED_IF_EMPTY:
            return "is deleted if it is empty; with objects in it, it stays outside of the stack"
        case Fate.KEPT:
            return f"stays outside of the stack{data}"
        case Fate.SNAPSHOT:
            return "is deleted, and a snapshot of it stays"
        case _:
            assert_never(fate)


def _old(subject: Subject, fate: Fate) -> str:
    empty = ", and the new one begins empty" if subject.is_stateful else ""
    return f"the old one {_becomes(subject, fate)}{empty}"


def _perhaps(change: MayBeReplaced) -> str:
    subject = change.subject
    if change.name_stays:
        return f"{called(subject)} may have to be replaced, which fails as its name stays"
    return f"{called(subject)} may be replaced: then {_old(subject, change.fate)}"


def _failure(change: WillFail) -> str:
    match change.reason:
        case Failure.NAME_STAYS:
            names = dict.fromkeys(one.path[0] for one in change.properties if one.consequence is Consequence.REPLACES)
            why = f"{' and '.join(names)} can change only in a new one, and its name stays"
        case Failure.NAME_TAKEN:
            why = "another resource has its name until this one is there"
        case Failure.TYPE_CHANGED:
            why = "the type of a resource cannot change"
        case _:
            assert_never(change.reason)
    return f"{called(change.subject)} fails: {why}; CloudFormation rolls the whole update back"


def _export(change: ExportChanged) -> str:
    what = "goes" if change.is_removed else "changes" if change.is_certain else "may change"
    return f"the export {change.name} {what}: CloudFormation refuses that while another stack imports it"


def _access(change: AccessChanged) -> str:
    who = change.subject.logical_id + (" (new)" if change.is_new_role else "")
    match change.access:
        case Access.BOUNDARY:
            return f"{who}: {_BOUNDARIES[change.direction]}: {change.on}"
        case Access.MANAGED_POLICY:
            turned = "gets" if change.direction is Direction.WIDER else "loses"
            return f"{who} {turned} the managed policy {change.on}, whose content is not in the template"
        case Access.TRUST:
            may = f"{change.principal} {_may(change)} {who}"
        case Access.PERMISSION if change.principal:
            may = f"{who}: {change.principal} {_may(change)} {change.on}"
        case Access.PERMISSION:
            may = f"{who} {_may(change)} {change.on}"
        case _:
            assert_never(change.access)
    before = f", no longer only if {' and '.join(change.dropped)}" if change.dropped else ""
    return may + (f", if {' and '.join(change.tests)}" if change.tests else "") + before


_BOUNDARIES: Final = {
    Direction.WIDER: "it has no permissions boundary any more",
    Direction.NARROWER: "it gets a permissions boundary",
    Direction.UNKNOWN: "it has another permissions boundary, which may allow more or less",
}


def _may(change: AccessChanged) -> str:
    is_wider = change.direction is Direction.WIDER
    if change.effect == "Deny":
        verb = "is no longer denied" if is_wider else "is now denied"
    else:
        verb = "may also" if is_wider else "may no longer"
        verb = "may" if is_wider and change.is_new_role else verb
    return f"{verb} {listed(change.actions, ACTIONS_MAX)} {'' if change.access is Access.TRUST else 'on'}".strip()


def _value(change: ValueChanged) -> str:
    who = f"{change.subject.logical_id}: " if change.subject else ""
    return f"{who}{change.what} {change.old} -> {change.new}" + (f"; {change.means}" if change.means else "")


def _stage(change: StageChange) -> str:
    match change:
        case StageAdded(stage=stage, runs=runs, after=after):
            return f"{stage} is new ({runs}), {f'after {after}' if after else 'the first'}"
        case StageRemoved(stage=stage, runs=runs):
            return f"{stage} is removed ({runs})"
        case StageRenamed(stage=stage, was=was, runs=runs):
            return f"{was} is renamed to {stage} ({runs}): it gets a new function or job, role and log group"
        case StageRuns(stage=stage, runs=runs, was=was):
            return f"{stage} runs {runs}, was {was}"
        case StagesReordered(order=order, was=was):
            return f"the order is {', '.join(order)}, was {', '.join(was)}"
        case RunningAffected(stages=stages):
            return f"executions that run during the deployment may fail at {', '.join(stages)}"
        case _:
            assert_never(change)


_AFTER_FAILURE: Final = {
    True: "their messages return to the queue and are processed anew; what waits in the queue is not affected",
    False: "their messages are not in the queue any more: call `ceap drain --pause` before the deployment and "
    "`ceap resume` after it, or replay what failed with `ceap replay`; what waits in the queue is not affected",
}
