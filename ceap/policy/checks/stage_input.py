"""A task puts the message on S3 if a Glue job is the first stage, and only then: a job takes no payload.

Source: property 4; requirements 2.4 and 7.1; Step Functions Developer Guide, "AWS SDK service integrations".
"""

from collections.abc import Iterator
from typing import Final

from ceap.cfn.lookup import Machine, at, machines
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from handlers.runtime.contract import INITIAL_FOLDER
from templates.definition import PUT_OBJECT, key_path

RULE: Final = "P04_STAGE_INPUT"
ENTRY: Final = Entry(
    title="The message is put on S3 for a Glue job that is the first stage, and for no other stage",
    why=(
        "A job takes no payload: without the object every run fails. Where no job reads the object, it costs "
        "money and stays for days."
    ),
    fix=(
        "Before a first job, add a StageInput task that puts `$.body` at `executions/{}/initial/output.json`; "
        "elsewhere remove it."
    ),
    property=4,
    requirement=("2.4", "7.1"),
    source="https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html",
)

_PARAMETERS: Final = {"Bucket": "${WorkflowBucket}", "Key.$": key_path(INITIAL_FOLDER), "Body.$": "$.body"}


def check(template: Template) -> Iterator[Fault]:
    for machine in machines(template):
        yield from _faults(machine)


def _faults(machine: Machine) -> Iterator[Fault]:
    chain, stages = machine.chain(), machine.stages()
    first = machine.kind(stages[0]) if stages else None
    arguments = at(machine.states, *stages[:1], "Parameters", "Arguments")
    if first is None or first.takes_payload or at(arguments, "--input-key.$") is None:
        before = []  # no job of ours comes first
    else:
        before = [name for name in chain[: chain.index(stages[0])] if _puts(machine, name)]
        if not before:
            what = "no task puts the message on S3 for the job"
            yield Fault(machine.path("States", stages[0]), what, "add a StageInput task before it")
    for name in machine.states:
        if name in before[-1:]:
            yield from _wrong_input(machine, name)
        elif _puts(machine, name) and at(machine.states, name, "Parameters", "Key.$") == key_path(INITIAL_FOLDER):
            what = "the state puts the message on S3, and no job reads it there"
            yield Fault(machine.path("States", name), what, "remove the state")


def _puts(machine: Machine, name: str) -> bool:
    return machine.states[name].get("Resource") == PUT_OBJECT


def _wrong_input(machine: Machine, name: str) -> Iterator[Fault]:
    parameters = machine.states[name].get("Parameters")
    for parameter, right in _PARAMETERS.items():
        if at(parameters, parameter) != right:
            place = machine.path("States", name, "Parameters", parameter)
            yield Fault(place, f"{parameter} is not what the job reads", f'"{parameter}": "{right}"')
    if "InputPath" in machine.states[name]:
        yield Fault(machine.path("States", name, "InputPath"), "InputPath changes what is put on S3", "remove it")
