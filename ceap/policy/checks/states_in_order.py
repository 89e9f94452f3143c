"""Next leads from the first state through every state once, and the execution ends.

Neither Guard nor cfn-lint follows the graph. Source: property 15; Amazon States Language, "Transitions".
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ceap.cfn.lookup import Machine, at, items, machines
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault

RULE: Final = "P15_STATES_IN_ORDER"
ENTRY: Final = Entry(
    title="Next leads from the first state through every state once, and the execution ends",
    why="A state outside the chain never runs, and a loop never ends. Neither Guard nor cfn-lint follows the graph.",
    fix='Set each state\'s `Next` to the state that follows it, and `"End": true` on the last.',
    property=15,
    requirement=("4.4",),
    source="https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html",
)


def check(template: Template) -> Iterator[Fault]:
    for machine in machines(template):
        if chain := machine.chain():  # ASL02 and cfn-lint report a StartAt that names no state
            yield from _faults(machine, chain)


def _faults(machine: Machine, chain: Sequence[str]) -> Iterator[Fault]:
    reached = _reached(machine, chain[0])
    for name in machine.states:
        if name not in reached:
            fix = "name it in the Next of the state before it, or remove it"
            yield Fault(machine.path("States", name), f"no state leads to {name}", fix)
    back = machine.states[chain[-1]].get("Next")
    if back in chain:
        fix = "set Next to the state that follows, or End true"
        yield Fault(machine.path("States", chain[-1], "Next"), f"the execution loops back to {back}", fix)


def _reached(machine: Machine, start: str) -> set[str]:
    reached: set[str] = set()
    ahead = [start]
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead += [following for following in _following(machine.states[name]) if following in machine.states]
    return reached


def _following(state: dict[str, Any]) -> list[str]:
    """Return the states that a state may lead to, of any type."""
    ways = [state, *items(state.get("Choices")), *items(state.get("Catch"))]
    names = [state.get("Default"), *(at(way, "Next") for way in ways)]
    return [name for name in names if isinstance(name, str)]
