"""A template with what its parameters decide filled in, as far as their values are known.

What stays open stays as it is written: references to parameters, and `Fn::If` of conditions on them. A condition or
mapping that the other template defines otherwise gets another name, so that whatever uses it differs, too.
Source: CloudFormation User Guide, "Intrinsic function reference" and "Condition functions".
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from ceap.cfn.lookup import at, section
from ceap.cfn.template import Template, find_definitions

NO_VALUE: Final = {"Ref": "AWS::NoValue"}
HIDDEN: Final = "****"
"""What CloudFormation shows of a value of a parameter that is declared NoEcho."""

_VARIABLE: Final = re.compile(r"\$\{([A-Za-z0-9]+)\}")


class Side(NamedTuple):
    """One side of a comparison: a template, and the values of its parameters, None where they are unknown."""

    template: Template
    parameters: Mapping[str, str] | None = None

    def values(self) -> dict[str, str]:
        """Return the values of the parameters that are known, defaults among them."""
        if self.parameters is None:
            return {}
        declared = section(self.template, "Parameters")
        defaults = {name: default for name, body in declared.items() if (default := _default(body)) is not None}
        return {name: value for name, value in (defaults | dict(self.parameters)).items() if name in declared}


def is_secret(template: Template, parameter: str) -> bool:
    """Tell whether CloudFormation hides a parameter's value (NoEcho)."""
    return str(at(section(template, "Parameters"), parameter, "NoEcho")).lower() == "true"


def shown_values(template: Template, values: Mapping[str, str]) -> dict[str, str]:
    """Return values of parameters as CloudFormation shows them: those that it hides are `HIDDEN`."""
    return {name: HIDDEN if is_secret(template, name) else value for name, value in values.items()}


def evaluate(side: Side, other: Side | None) -> Template:
    """Return a side's template as it is deployed; `other` is the one before it, None for that one itself."""
    scope = _Scope(side, other)
    resources = {
        name: scope.filled(body)
        for name, body in side.template.data["Resources"].items()
        if scope.truth(at(body, "Condition")) is not False
    }
    data = side.template.data | {"Resources": resources, "Outputs": scope.filled(section(side.template, "Outputs"))}
    definitions = find_definitions(resources)
    return msgspec.structs.replace(side.template, data=data, definitions=definitions)


def deployed(template: Template, parameters: Mapping[str, str]) -> Template:
    """Return a template as it is deployed with the values of its parameters."""
    return evaluate(Side(template, parameters), None)


class _Scope:
    """The values of one side's parameters, and the names of its conditions and mappings that are defined anew."""

    def __init__(self, side: Side, other: Side | None) -> None:
        self._conditions = section(side.template, "Conditions")
        self._mappings = section(side.template, "Mappings")
        self._values = side.values()
        self._texts = {name: text for name, text in self._values.items() if _is_plain(side.template, name)}
        self._renamed = _redefined(side, other) if other else set[str]()

    def truth(self, name: Any) -> bool | None:
        """Return whether a condition holds, None where that is unknown."""
        return self._holds({"Condition": name}, frozenset()) if isinstance(name, str) else None

    def filled(self, value: Any) -> Any:
        """Return a value with parameters, conditions and mappings replaced as far as they are known."""
        match value:
            case {"Ref": str(name), **others} if not others:
                filled: Any = self._referred(name)
            case {"Fn::If": [str(name), yes, no], **others} if not others:
                filled = self._chosen(name, yes, no)
            case {"Fn::FindInMap": [str(name), *keys], **others} if not others:
                filled = self._mapped(name, [self.filled(key) for key in keys])
            case {"Fn::Sub": str(text), **others} if not others:
                filled = self._substituted(text)
            case {"Fn::Sub": [str(text), dict(variables)], **others} if not others:
                filled = {"Fn::Sub": [self._text_of(text, variables), self.filled(variables)]}
            case dict():
                entries = ((key, self._name(below) if key == "Condition" else below) for key, below in value.items())
                pairs = ((key, self.filled(below)) for key, below in entries)
                filled = {key: below for key, below in pairs if below != NO_VALUE}
            case list():
                filled = [below for below in map(self.filled, value) if below != NO_VALUE]
            case _:
                filled = value
        return filled

    def _name(self, value: Any) -> Any:
        return f"{value} (changed)" if isinstance(value, str) and value in self._renamed else value

    def _referred(self, name: str) -> Any:
        if name in self._texts:
            return self._texts[name]
        return {"Ref": self._name(name)}

    def _chosen(self, name: str, yes: Any, no: Any) -> Any:
        holds = self.truth(name)
        if holds is None:
            return {"Fn::If": [self._name(name), self.filled(yes), self.filled(no)]}
        return self.filled(yes if holds else no)

    def _mapped(self, name: str, keys: list[Any]) -> Any:
        known = all(isinstance(key, str) for key in keys)
        value = at(self._mappings, name, *keys) if known else None
        return {"Fn::FindInMap": [self._name(name), *keys]} if value is None else value

    def _substituted(self, text: str) -> Any:
        result = self._text_of(text, ())
        return {"Fn::Sub": result} if "${" in result else result

    def _text_of(self, text: str, variables: Container[str]) -> str:
        def filled(found: re.Match[str]) -> str:
            name = found[1]
            value = None if name in variables else self._texts.get(name)
            return f"${{{self._name(name)}}}" if value is None else value

        return _VARIABLE.sub(filled, text)

    def _holds(self, condition: Any, seen: frozenset[str]) -> bool | None:
        match condition:
            case {"Condition": str(name)} if name in self._conditions and name not in seen:
                return self._holds(self._conditions[name], seen | {name})
            case {"Fn::Equals": [one, other]}:
                texts = [self._text(each) for each in (one, other)]
                return None if None in texts else texts[0] == texts[1]
            case {"Fn::Not": [inner]}:
                holds = self._holds(inner, seen)
                return None if holds is None else not holds
            case {"Fn::And": [*inner]}:
                return _all([self._holds(each, seen) for each in inner])
            case {"Fn::Or": [*inner]}:
                none = _all([None if (holds := self._holds(each, seen)) is None else not holds for each in inner])
                return None if none is None else not none
            case _:
                return None

    def _text(self, value: Any) -> str | None:
        filled = self.filled(value)
        return str(filled) if isinstance(filled, str | int | float) else None


def _all(truths: list[bool | None]) -> bool | None:
    return False if False in truths else None if None in truths else True


def _default(body: Any) -> str | None:
    default = at(body, "Default")
    return None if default is None else str(default)


def _is_plain(template: Template, name: str) -> bool:
    """Tell whether the value of a parameter is the one text that a reference to it gives."""
    kind = at(section(template, "Parameters"), name, "Type")
    return kind in ("String", "Number") and not is_secret(template, name)


def _redefined(side: Side, other: Side) -> set[str]:
    """Return conditions and mappings defined otherwise than before, and the parameters with another value.

    Where values are unknown, another default counts as another value.
    """
    found = {
        name
        for kind in ("Mappings", "Conditions")
        for before, now in [(section(other.template, kind), section(side.template, kind))]
        for name in now
        if name in before and before[name] != now[name]
    }
    if None in (side.parameters, other.parameters):
        values, others = ({name: _default(body) for name, body in _parameters(each)} for each in (side, other))
    else:
        values, others = dict(side.values()), dict(other.values())
    found |= {name for name in values if name in others and values[name] != others[name]}
    conditions = section(side.template, "Conditions")
    while more := {name for name, body in conditions.items() if not found.isdisjoint(_mentioned(body))} - found:
        found |= more
    return found


def _parameters(side: Side) -> Iterable[tuple[str, Any]]:
    return section(side.template, "Parameters").items()


def _mentioned(condition: Any) -> Iterator[str]:
    """Yield the parameters and conditions that a condition refers to."""
    if isinstance(condition, dict | list):
        for key, below in condition.items() if isinstance(condition, dict) else enumerate(condition):
            if key in ("Ref", "Condition") and isinstance(below, str):
                yield below
            yield from _mentioned(below)
