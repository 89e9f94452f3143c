"""A task puts the message on S3 if a Glue job is the first stage, and only then: a job takes no payload.

Source: property 4; requirements 2.4 and 7.1; Step Functions Developer Guide, "AWS SDK service integrations".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ceap.cfn.lookup import Machine, at, machines
from ceap.cfn.template import Template
from ceap.policy.finding import Finding, finding_at
from handlers.runtime.contract import INITIAL_FOLDER
from templates.definition import PUT_OBJECT, key_path

RULE: Final = "P04_STAGE_INPUT"

_PARAMETERS: Final = {"Bucket": "${WorkflowBucket}", "Key.$": key_path(INITIAL_FOLDER), "Body.$": "$.body"}


def check(template: Template) -> list[Finding]:
    return [
        finding_at(template, RULE, f"[P04] {message}", machine.path("States", *place))
        for machine in machines(template)
        for message, *place in _faults(machine)
    ]


def _faults(machine: Machine) -> Iterator[tuple[str, ...]]:
    """Yield what is wrong and the place where, from the states on."""
    chain, stages = machine.chain(), machine.stages()
    first = machine.kind(stages[0]) if stages else None
    arguments = at(machine.states, *stages[:1], "Parameters", "Arguments")
    if first is None or first.takes_payload or at(arguments, "--input-key.$") is None:
        before = []  # no job of ours comes first
    else:
        before = [name for name in chain[: chain.index(stages[0])] if _puts(machine, name)]
        if not before:
            yield "no task puts the message on S3 for the job | fix: add a StageInput task before it", stages[0]
    for name in machine.states:
        if name in before[-1:]:
            yield from _wrong_input(machine, name)
        elif _puts(machine, name) and at(machine.states, name, "Parameters", "Key.$") == key_path(INITIAL_FOLDER):
            yield "the state puts the message on S3, and no job reads it there | fix: remove the state", name


def _puts(machine: Machine, name: str) -> bool:
    return machine.states[name].get("Resource") == PUT_OBJECT


def _wrong_input(machine: Machine, name: str) -> Iterator[tuple[str, ...]]:
    parameters = machine.states[name].get("Parameters")
    for parameter, right in _PARAMETERS.items():
        if at(parameters, parameter) != right:
            message = f'{parameter} is not what the job reads | fix: "{parameter}": "{right}"'
            yield message, name, "Parameters", parameter
    if "InputPath" in machine.states[name]:
        yield "InputPath changes what is put on S3 | fix: remove it", name, "InputPath"
