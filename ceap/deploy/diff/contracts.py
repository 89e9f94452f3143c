"""Whether the stages still fit each other, the first its messages, and the last those who read its output.

What a handler takes and yields, its code says. That of the new side is the repository's; that of the old side is known
where a git revision has it.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

import msgspec

from ceap.cfn.template import Template
from ceap.deploy.diff.change import ContractChanged
from ceap.deploy.diff.stages import HANDLER, Stages, stages_of
from templates.contracts import Contract, fields_of, find_misfit


class Field(NamedTuple):
    """A field of records: its kind in JSON, and whether it is always there."""

    kind: str
    is_required: bool


class Fields(msgspec.Struct, frozen=True):
    """The fields of what a handler takes, yields, and of its message, by path."""

    takes: Mapping[str, Field]
    yields: Mapping[str, Field]
    message: Mapping[str, Field]


class Handlers(NamedTuple):
    """What is known of handlers by name, None for one that is not there: of the new side, and the fields of the old."""

    new: Callable[[str], Contract | None]
    old: Callable[[str], Fields | None]


def read_fields(contract: Contract) -> Fields:
    """Return the fields of a contract."""
    return Fields(*({path: Field(kind, bool(said)) for path, kind, said in fields_of(one)} for one in contract))


def contract_changes(old: Template | None, new: Template | None, handlers: Handlers) -> Iterator[ContractChanged]:
    """Yield what no longer fits between messages, stages and readers."""
    before = stages_of(old)
    for name, stages in stages_of(new).items():
        yield from _misfits(stages, handlers)
        if name in before:
            yield from _turned(before[name], stages, handlers)


def _misfits(stages: Stages, handlers: Handlers) -> Iterator[ContractChanged]:
    """Yield what a stage requires and the one before does not give; a job may hand on anything."""
    for (before, runs), (stage, then) in pairwise(stages.runs.items()):
        gives, takes = _contract(runs, handlers), _contract(then, handlers)
        if gives and takes and (misfit := find_misfit(gives.yields, takes.takes)):
            said = f"requires {misfit.field} ({misfit.required}) of {before}, which {misfit.given}"
            yield ContractChanged(stage, is_broken=True, said=said)


def _turned(old: Stages, new: Stages, handlers: Handlers) -> Iterator[ContractChanged]:
    """Yield what the new first stage refuses of older messages, and what the new last stage no longer writes."""
    pairs = [(side[0], side[-1]) for side in (list(old.runs.items()), list(new.runs.items())) if side]
    if len(pairs) < len((old, new)):
        return
    ((_, first), (_, last)), ((stage, now_first), (end, now_last)) = pairs
    wrote, takes = _fields(first, handlers.old), _contract(now_first, handlers)
    if takes and wrote:
        now = read_fields(takes)
        for what, was, wanted in (("records", wrote.takes, now.takes), ("messages", wrote.message, now.message)):
            for lacking in _lacking(was, wanted):
                said = f"requires {lacking} of {what}: older ones are refused"
                yield ContractChanged(stage, is_broken=True, said=said)
    elif first != now_first and HANDLER in first + now_first:
        said = f"gets the messages that were written for {first}: whether they fit is not known here"
        yield ContractChanged(stage, is_broken=None, said=said)
    gave, gives = _fields(last, handlers.old), _contract(now_last, handlers)
    if gave and gives:
        for said in _lacking(read_fields(gives).yields, gave.yields):
            yield ContractChanged(end, is_broken=True, said=f"is the last, and no longer promises {said}")


def _lacking(given: Mapping[str, Field], wanted: Mapping[str, Field]) -> Iterator[str]:
    """Yield each wanted field that is not always given, or is of another kind; not those inside of such a field."""
    told: list[str] = []
    for path, field in wanted.items():
        has = given.get(path)
        if any(path.startswith(f"{above}.") for above in told):
            continue
        if field.is_required and (has is None or not has.is_required):
            told.append(path)
            yield f"{path} ({field.kind})"
        elif has and has.kind != field.kind:
            told.append(path)
            yield f"{path} as {field.kind}, was {has.kind}"


def _contract(runs: str, handlers: Handlers) -> Contract | None:
    return handlers.new(runs.removeprefix(HANDLER)) if runs.startswith(HANDLER) else None


def _fields(runs: str, load: Callable[[str], Fields | None]) -> Fields | None:
    return load(runs.removeprefix(HANDLER)) if runs.startswith(HANDLER) else None
