"""What may be left empty is used where it is given, and only there.

A condition the wrong way round, or on another value, passes an empty text on as a key, a name or an address, and
leaves the one that is given unused. Judged are parameters whose Default is empty and that a condition asks about, where
such a condition decides. Source: CloudFormation User Guide, "Condition functions".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from ceap.policy.finding import Finding
from ceap.policy.resources import at
from ceap.policy.template import Template

RULE: Final = "CFN03_OPTIONAL_PARAMETERS"

_GIVEN: Final = object()
"""What stands for any value but the empty text."""

_Ways: TypeAlias = tuple[bool | None, bool | None]
"""Whether something holds when the parameter is empty, and when it is given; None where other things decide."""


def check(template: Template) -> list[Finding]:
    parameters = at(template.data, "Parameters")
    findings = []
    for name, parameter in parameters.items() if isinstance(parameters, dict) else ():
        if at(parameter, "Default") == "":
            for path in sorted(set(_Worlds(template.data, name).misused())):
                message = (
                    f"[CFN03] {name} is used where it is empty | fix: turn the condition, or ask Equals !Ref {name}, ''"
                )
                findings.append(template.finding(RULE, message, path))
    return findings


class _Worlds:
    """A template with a parameter left empty, and with the parameter given."""

    def __init__(self, data: dict[str, Any], parameter: str) -> None:
        self._data = data
        self._parameter = parameter
        conditions = data.get("Conditions")
        self._conditions: dict[str, Any] = conditions if isinstance(conditions, dict) else {}
        self._deciding = {
            name: (self._holds(condition, "", 0), self._holds(condition, _GIVEN, 0))
            for name, condition in self._conditions.items()
            if self._asks(condition, 0)
        }

    def misused(self) -> Iterator[str]:
        """Yield each place where the parameter is used under a condition on it that holds when it is empty."""
        if not self._deciding:
            return
        for section in ("Resources", "Outputs"):
            bodies = self._data.get(section)
            for name, body in bodies.items() if isinstance(bodies, dict) else ():
                decided = self._deciding.get(str(at(body, "Condition")))
                yield from self._uses(body, f"/{section}/{name}", decided)

    def _uses(self, value: Any, path: str, decided: _Ways | None) -> Iterator[str]:
        """Yield the uses in a value; `decided` says when the place counts, None where the parameter does not decide."""
        if value == {"Ref": self._parameter}:
            if decided and (decided[0] is True or decided[1] is False):
                yield path
        elif isinstance(value, dict):
            choice = value.get("Fn::If")
            for key, below in value.items():
                if key == "Fn::If" and isinstance(choice, list) and len(choice) == 3:
                    holds = self._deciding.get(str(choice[0]))
                    turned = (_turned(holds[0]), _turned(holds[1])) if holds else None
                    yield from self._uses(choice[1], f"{path}/Fn::If/1", holds or decided)
                    yield from self._uses(choice[2], f"{path}/Fn::If/2", turned or decided)
                else:
                    yield from self._uses(below, f"{path}/{key}", decided)
        elif isinstance(value, list):
            for index, below in enumerate(value):
                yield from self._uses(below, f"{path}/{index}", decided)

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
                return _turned(self._holds(inner, value, depth))
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


def _turned(held: bool | None) -> bool | None:
    return None if held is None else not held
