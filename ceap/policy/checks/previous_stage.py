"""A Lambda task names the stage before it, whose output it reads; the first names none.

Source: property 3; requirements 2.3, 2.4 and 3.1.
"""

import json
from collections.abc import Iterator
from typing import Final, assert_never

from ceap.cfn.lookup import Machine, at, machines
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from templates.model import StepKind

RULE: Final = "P03_PREVIOUS_STAGE"
ENTRY: Final = Entry(
    title="previousStage of a Lambda task is the stage before it, null for the first",
    why="The stage reads the output of previousStage. With a wrong name it skips the stages between, without an error.",
    fix='In the Payload, set e.g. `"previousStage": "ETLStage"`; for the first stage `"previousStage": null`.',
    property=3,
    requirement=("2.3", "2.4", "3.1"),
    source="docs/reference/requirements.md#properties",
)


def check(template: Template) -> Iterator[Fault]:
    for machine in machines(template):
        for previous, name in machine.steps():
            if not _takes_our_payload(machine, name):
                continue
            said = at(machine.states, name, "Parameters", "Payload", "previousStage")
            if said != previous:
                wrong = "reads the message" if said is None else f"reads the output of {said}"
                right = "it is the first stage" if previous is None else f"the stage before it is {previous}"
                place = machine.path("States", name, "Parameters", "Payload", "previousStage")
                yield Fault(place, f"the stage {wrong}, and {right}", f'"previousStage": {json.dumps(previous)}')


def _takes_our_payload(machine: Machine, name: str) -> bool:
    match kind := machine.kind(name):
        case StepKind.LAMBDA:
            # P08 reports a missing one.
            return at(machine.states, name, "Parameters", "Payload", "currentStage") is not None
        case StepKind.GLUE | None:
            return False  # P23 checks the keys of a job
        case _:
            assert_never(kind)
