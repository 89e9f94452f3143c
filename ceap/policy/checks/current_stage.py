"""currentStage of a Lambda task is its own name: the stage writes its output below it.

Source: property 2; requirements 2.2 and 3.2.
"""

from collections.abc import Iterator
from typing import Any, Final, assert_never

from ceap.cfn.lookup import at, machines
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from templates.model import StepKind

RULE: Final = "P02_CURRENT_STAGE"
ENTRY: Final = Entry(
    title="currentStage of a Lambda task is the name of its state",
    why=(
        "The stage writes its output below this name. Below a wrong name no stage reads it, or it overwrites the "
        "output of another."
    ),
    fix='In the Payload, set currentStage to the name of the state, e.g. `"currentStage": "ETLStage"`.',
    property=2,
    requirement=("2.2", "3.2"),
    source="docs/reference/requirements.md#properties",
)

_PLACE: Final = ("Parameters", "Payload", "currentStage")


def check(template: Template) -> Iterator[Fault]:
    for machine in machines(template):
        for name, state in machine.states.items():
            said = _said(machine.kind(name), state)
            if isinstance(said, str) and said != name:
                what = f"the stage writes its output as {said}"
                yield Fault(machine.path("States", name, *_PLACE), what, f'"currentStage": "{name}"')


def _said(kind: StepKind | None, state: Any) -> Any:
    match kind:
        case StepKind.LAMBDA:
            return at(state, *_PLACE)
        case StepKind.GLUE | None:
            return None  # P23 checks the keys of a job
        case _:
            assert_never(kind)
