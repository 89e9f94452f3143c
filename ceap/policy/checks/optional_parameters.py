"""A parameter that may be empty is used only where it has a value.

A condition the wrong way round, or on another value, passes an empty string on as a key, a name or an address, and
leaves a given value unused. The check judges parameters with an empty Default, where a condition on them decides.
Source: CloudFormation User Guide, "Condition functions".
"""

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from ceap.cfn.lookup import at
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault

RULE: Final = "CFN03_OPTIONAL_PARAMETERS"
ENTRY: Final = Entry(
    title="A parameter that may be empty is used only where it has a value",
    why="A condition the wrong way round passes an empty string on as a key, a name or an address.",
    fix="Swap the branches of `!If`, or compare with the empty string, e.g. `!Not [!Equals [!Ref KmsKeyArn, '']]`.",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html",
)

_GIVEN: Final = object()
"""Stands for any value except the empty string."""

_Use: TypeAlias = tuple[str, str, bool]
"""A place, the condition that decides about it, and whether the parameter is empty there."""

_Ways: TypeAlias = tuple[bool | None, bool | None]
"""Whether something holds when the parameter is empty, and when it is given; None where other things decide."""


def check(template: Template) -> Iterator[Fault]:
    parameters = at(template.data, "Parameters")
    for name, parameter in parameters.items() if isinstance(parameters, dict) else ():
        if at(parameter, "Default") == "":
            fix = f"swap the branches, or make the condition Equals !Ref {name}, ''"
            for path in _misused(template, name):
                yield Fault(path, f"{name} is used where it is empty", fix)


def _misused(template: Template, parameter: str) -> list[str]:
    """Return where a parameter is used wrongly: the condition when all that it decides is, else each place."""
    by_condition: dict[str, dict[str, bool]] = {}
    for path, condition, is_wrong in _Worlds(template.data, parameter).uses():
        by_condition.setdefault(condition, {})[path] = is_wrong
    wrong = []
    for condition, uses in by_condition.items():
        wrong += [f"/Conditions/{condition}"] if all(uses.values()) else [path for path in uses if uses[path]]
    return wrong


class _Worlds:
    """A template with a parameter left empty, and with the parameter given."""

    def __init__(self, data: dict[str, Any], parameter: str) -> None:
        self._data = data
        self._parameter = parameter
        conditions = data.get("Conditions")
        self._conditions: dict[str, Any] = conditions if isinstance(conditions, dict) else {}
        self._deciding: dict[str, _Ways] = {
            name: (self._holds(condition, "", 0), self._holds(condition, _GIVEN, 0))
            for name, condition in self._conditions.items()
            if self._asks(condition, 0)
        }

    def uses(self) -> Iterator[_Use]:
        """Yield each use of the parameter under a condition on it."""
        for section in ("Resources", "Outputs") if self._deciding else ():
            bodies = self._data.get(section)
            for name, body in bodies.items() if isinstance(bodies, dict) else ():
                yield from self._uses_in(body, f"/{section}/{name}", str(at(body, "Condition")), is_turned=False)

    def _uses_in(self, value: Any, path: str, condition: str, *, is_turned: bool) -> Iterator[_Use]:
        """Yield the uses in a value that counts where the condition holds, or where it does not."""
        if value == {"Ref": self._parameter} and condition in self._deciding:
            empty, given = self._deciding[condition]
            is_wrong = (empty is False or given is True) if is_turned else (empty is True or given is False)
            yield path, condition, is_wrong
        elif isinstance(value, dict):
            choice = value.get("Fn::If")
            for key, below in value.items():
                if key == "Fn::If" and isinstance(choice, list) and len(choice) == 3:
                    asked = str(choice[0])
                    for index in (1, 2):
                        place = f"{path}/Fn::If/{index}"
                        if asked in self._deciding:
                            yield from self._uses_in(choice[index], place, asked, is_turned=index == 2)
                        else:
                            yield from self._uses_in(choice[index], place, condition, is_turned=is_turned)
                else:
                    yield from self._uses_in(below, f"{path}/{key}", condition, is_turned=is_turned)
        elif isinstance(value, list):
            for index, below in enumerate(value):
                yield from self._uses_in(below, f"{path}/{index}", condition, is_turned=is_turned)

    def _asks(self, condition: Any, depth: int) -> bool:
        if condition == {"Ref": self._parameter}:
            return True
        if isinstance(condition, dict):
            named = self._conditions.get(str(condition.get("Condition")))
            return (depth < 10 and self._asks(named, depth + 1)) or any(
                self._asks(v, depth) for v in condition.values()
            )
        return isinstance(condition, list) and any(self._asks(item, depth) for item in condition)

    def _holds(self, condition: Any, value: Any, depth: int) -> bool | None:
        """Tell whether a condition holds where the parameter has a value; None where that depends on something else."""
        match condition:
            case {"Fn::Equals": [left, right]}:
                return self._equal(left, right, value)
            case {"Fn::Not": [inner]}:
                held = self._holds(inner, value, depth)
                return None if held is None else not held
            case {"Condition": str(name)} if depth < 10:
                return self._holds(self._conditions.get(name), value, depth + 1)
            case {"Fn::And": [*inner]}:
                ways = [self._holds(one, value, depth) for one in inner]
                return False if False in ways else None if None in ways else True
            case {"Fn::Or": [*inner]}:
                ways = [self._holds(one, value, depth) for one in inner]
                return True if True in ways else None if None in ways else False
            case _:
                return None

    def _equal(self, left: Any, right: Any, value: Any) -> bool | None:
        sides = [value if side == {"Ref": self._parameter} else side for side in (left, right)]
        if not all(isinstance(side, str) or side is _GIVEN for side in sides):
            return None
        if _GIVEN in sides:
            return False if "" in sides else None
        return bool(sides[0] == sides[1])
