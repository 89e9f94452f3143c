"""A Glue task's keys name the stage before it, whose output the job reads, and its own, under which it writes.

The first job reads what StageInput put on S3 for it. Source: property 23; requirements 5.6, 7.3 and 7.4.
"""

from collections.abc import Iterator
from typing import Final, assert_never

from ceap.cfn.lookup import Machine, at, machines
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from handlers.runtime.contract import INITIAL_FOLDER
from templates.definition import key_path
from templates.model import StepKind

RULE: Final = "P23_GLUE_KEYS"
ENTRY: Final = Entry(
    title="A Glue task reads at the key of the previous stage and writes at its own",
    why="The job reads and writes exactly at these keys. A wrong one skips a stage or overwrites its output.",
    fix=(
        "Set `--input-key.$` and `--output-key.$` to `States.Format('executions/{}/STAGE/output.json', "
        "$$.Execution.Name)`, with the previous stage and its own as STAGE."
    ),
    property=23,
    requirement=("5.6", "7.3", "7.4"),
    source="docs/reference/requirements.md#properties",
)


def check(template: Template) -> Iterator[Fault]:
    for machine in machines(template):
        for previous, name in machine.steps():
            for argument, folder in _keys(machine, previous, name):
                place = ("States", name, "Parameters", "Arguments", argument)
                said, right = at(machine.definition, *place), key_path(folder)
                if said is not None and said != right:  # P22 reports a missing one
                    what = f"{argument[2:-2]} is not the key of {folder}"
                    yield Fault(machine.path(*place), what, f'"{argument}": "{right}"')


def _keys(machine: Machine, previous: str | None, name: str) -> Iterator[tuple[str, str]]:
    """Yield the arguments of a job that are keys, each with the folder that it must name."""
    match kind := machine.kind(name):
        case StepKind.GLUE:
            yield "--input-key.$", previous or INITIAL_FOLDER
            yield "--output-key.$", name
        case StepKind.LAMBDA | None:
            pass  # P02 and P03 check the payload of a function
        case _:
            assert_never(kind)
