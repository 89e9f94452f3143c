"""How the stages of a workflow change: which there are, in what order, and what each runs."""

from collections.abc import Container, Iterator
from typing import Any, Final, NamedTuple, assert_never

from ceap.cfn.lookup import Machine, Resource, at, machines, reference, text
from ceap.cfn.template import Template
from ceap.deploy.diff.change import (
    RunningAffected,
    StageAdded,
    StageChange,
    StageRemoved,
    StageRenamed,
    StageRuns,
    StagesReordered,
)
from handlers.runtime.needs import LEGACY_VARIABLE
from templates.model import StepKind

HANDLER: Final = "handler "
"""What the words for what a stage runs begin with where it is a function's handler."""


class Stages(NamedTuple):
    """The stages of a state machine in order, with what each runs: `handler etl`, `function of X`, `job heavy_etl`.

    `workers` are the logical ids of their functions and jobs, of those that the template has.
    """

    machine: Machine
    runs: dict[str, str]
    workers: dict[str, str]

    def before(self, stage: str) -> str | None:
        """Return the stage before one; None before the first."""
        return {after: before for before, after in self.machine.steps()}[stage]


def stages_of(template: Template | None) -> dict[str, Stages]:
    """Return the stages of each state machine whose definition is in the template, by its logical id."""
    found = machines(template) if template else ()
    return {machine.resource.logical_id: _stages(template, machine) for machine in found if template}


def _stages(template: Template, machine: Machine) -> Stages:
    workers = {stage: machine.runs(template, stage) for stage in machine.stages()}
    return Stages(
        machine, _runs(template, machine), {stage: worker.logical_id for stage, worker in workers.items() if worker}
    )


def stage_changes(old: Template | None, new: Template | None, *, replaced: Container[str]) -> Iterator[StageChange]:
    """Yield what changes in the stages of the state machines; `replaced` are logical ids, perhaps of their workers."""
    before, after = stages_of(old), stages_of(new)
    for name in dict.fromkeys((*before, *after)):
        yield from _changes(before.get(name), after.get(name), replaced)


def _changes(old: Stages | None, new: Stages | None, replaced: Container[str]) -> Iterator[StageChange]:
    was, now = old.runs if old else {}, new.runs if new else {}
    renamed = _renamed(list(was.items()), list(now.items()))
    for stage, runs in now.items():
        if stage in renamed:
            yield StageRenamed(stage, renamed[stage], runs)
        elif stage not in was and new:
            yield StageAdded(stage, runs, new.before(stage))
        elif was[stage] != runs:
            yield StageRuns(stage, runs, was[stage])
    yield from (StageRemoved(stage, was[stage]) for stage in was if stage not in now and stage not in renamed.values())
    kept = [tuple(stage for stage in side if stage in was and stage in now) for side in (now, was)]
    if kept[0] != kept[1]:
        yield StagesReordered(kept[0], kept[1])
    if old and new and (affected := tuple(_affected(old, new, replaced))):
        yield RunningAffected(affected, new.machine.is_express)


def _renamed(old: list[tuple[str, str]], new: list[tuple[str, str]]) -> dict[str, str]:
    """Return the old name of each new stage that stands where a vanished one stood, and runs the same."""
    names = [{stage for stage, _ in side} for side in (old, new)]
    same_place = zip(old, new, strict=False) if len(old) == len(new) else ()
    return {
        stage: was
        for (was, ran), (stage, runs) in same_place
        if ran == runs and was not in names[1] and stage not in names[0]
    }


def _affected(old: Stages, new: Stages, replaced: Container[str]) -> Iterator[str]:
    """Yield the old stages that a running execution cannot pass.

    They are gone; or have a role for another stage's output, or for other code, which CloudFormation changes before the
    function; or their function or job is replaced, and the definition of the execution names the old one, which is
    deleted.
    """
    for before, stage in old.machine.steps():
        is_other = new.runs.get(stage) != old.runs[stage] or new.before(stage) != before
        if is_other or old.workers.get(stage) in replaced:
            yield stage


def _runs(template: Template | None, machine: Machine) -> dict[str, str]:
    return {
        stage: _called(kind, machine.runs(template, stage) if template else None)
        for stage, kind in machine.kinds().items()
    }


def _called(kind: StepKind, resource: Resource | None) -> str:
    properties: dict[str, Any] = resource.properties if resource else {}
    match kind:
        case StepKind.LAMBDA if existing := reference(at(properties, "Environment", "Variables", LEGACY_VARIABLE)):
            return f"function of {existing[0]}"
        case StepKind.LAMBDA:
            return f"{HANDLER}{_name(text(properties.get('Handler')), 'handlers.', '.handler')}"
        case StepKind.GLUE:
            location = at(properties, "Command", "ScriptLocation")
            script = text(location) or text(at(location, "Fn::Sub", 0))
            return f"job {_name(script and script.rpartition('}')[2], '', '.py')}"
        case _:
            assert_never(kind)


def _name(found: str | None, prefix: str, suffix: str) -> str:
    return found.removeprefix(prefix).removesuffix(suffix) if found else "of another stack"
