"""Which kind of stack a template is, by what it holds: its file name and its comments say nothing."""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final, assert_never

from ceap.cfn.adopted import queue_at
from ceap.cfn.lookup import (
    BUCKET,
    FUNCTION,
    JOB,
    MACHINE,
    PIPE,
    QUEUE,
    ROLE,
    TOPIC,
    Resource,
    at,
    exported,
    pointed_at,
    resources,
    text,
)
from ceap.cfn.own import without_own
from ceap.cfn.template import Template
from templates import naming
from templates.deploy_role import CALLER_ROLE, HOST, OWN_POLICY, SERVICE_ROLE, SUBJECT
from templates.model import WorkflowType

MARKS_MIN: Final = 3
"""So many marks make a template one of ceap's; a whole stack has seven: to escape one must leave out most of it."""

_INVOCATION: Final = ("TargetParameters", "StepFunctionStateMachineParameters", "InvocationType")
_PACKAGED: Final = re.compile(r"handlers(\.\w+)+\.handler")
_FOUNDATION: Final = {"WorkflowBucket": BUCKET, "ArtifactBucket": BUCKET, "AlertTopic": TOPIC}
_SHARED_NAMES: Final = (naming.WORKFLOW_BUCKET, naming.ARTIFACT_BUCKET, naming.ALERT_TOPIC)


class StackKind(StrEnum):
    """The kinds of stack that ceap makes."""

    FOUNDATION = "foundation"
    EXPRESS = "express"
    STANDARD = "standard"
    DEPLOY = "deploy"

    @property
    def phrase(self) -> str:
        match self:
            case StackKind.FOUNDATION:
                return "the foundation stack"
            case StackKind.DEPLOY:
                return "the stack of the deploy roles"
            case StackKind.EXPRESS | StackKind.STANDARD:
                return f"a ceap {self.upper()} workflow stack"
            case _:
                assert_never(self)


def kind_of(template: Template) -> StackKind | None:
    """Return the kind of a template; None if it is not one of ceap's, and only the general rules judge it."""
    template = without_own(template)
    if sum(_workflow_marks(template)) >= MARKS_MIN:
        return StackKind.EXPRESS if _is_express(template) else StackKind.STANDARD
    if sum(_foundation_marks(template)) >= MARKS_MIN:
        return StackKind.FOUNDATION
    return StackKind.DEPLOY if sum(_deploy_marks(template)) >= MARKS_MIN else None


def is_workflow(template: Template) -> bool:
    """Tell whether a template is that of a workflow of ceap."""
    return kind_of(template) in (StackKind.EXPRESS, StackKind.STANDARD)


def _is_express(template: Template) -> bool:
    """Tell whether the state machines are EXPRESS; if a pipe treats them as STANDARD, their type is wrong."""
    machines, pipes = list(resources(template, MACHINE)), resources(template, PIPE)
    are_express = machines and all(each.properties.get("StateMachineType") == WorkflowType.EXPRESS for each in machines)
    return bool(are_express) and all(at(pipe.properties, *_INVOCATION) != "FIRE_AND_FORGET" for pipe in pipes)


def _workflow_marks(template: Template) -> Iterator[bool]:
    parameters = at(template.data, "Parameters")
    yield any(True for _ in resources(template, MACHINE))
    yield any(True for _ in resources(template, PIPE))
    yield any(_is_driven(template, pipe) for pipe in resources(template, PIPE))
    yield any(_PACKAGED.fullmatch(text(each.properties.get("Handler")) or "") for each in resources(template, FUNCTION))
    yield any(
        isinstance(parameters, dict) and name in parameters
        for name in (naming.HANDLERS_PREFIX_PARAMETER, naming.GLUE_PREFIX_PARAMETER)
    )
    yield any(
        (each.name or "").startswith(f"{naming.PREFIX}-") for each in resources(template, MACHINE, PIPE, QUEUE, JOB)
    )
    yield naming.export("") in template.text


def _is_driven(template: Template, pipe: Resource) -> bool:
    """Tell whether a pipe takes messages from a queue to a state machine."""
    queue = queue_at(template, pipe.properties.get("Source"))
    machine = pointed_at(template, pipe.properties.get("Target"))
    return queue is not None and machine is not None and machine.type == MACHINE


def _foundation_marks(template: Template) -> Iterator[bool]:
    yield any(name.startswith(naming.export("")) for name in exported(template))
    names = {each.name for each in resources(template, BUCKET, TOPIC)}
    yield from (name in names for name in _SHARED_NAMES)
    yield from (at(template.data["Resources"], name, "Type") == kind for name, kind in _FOUNDATION.items())


def _deploy_marks(template: Template) -> Iterator[bool]:
    parameters = at(template.data, "Parameters")
    yield from (isinstance(parameters, dict) and name in parameters for name in (SUBJECT, OWN_POLICY))
    yield from (at(template.data["Resources"], name, "Type") == ROLE for name in (CALLER_ROLE, SERVICE_ROLE))
    yield HOST in template.text
    yield f"{naming.PREFIX}-*-${{Environment}}" in template.text
