"""A value of DefinitionSubstitutions cannot change what the definition says around its token.

CloudFormation puts it into the JSON text as it is, after the definition was judged: with a quotation mark in it, it may
add states, a Catch or a grant. Source: AWS::StepFunctions::StateMachine, DefinitionSubstitutions.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from ceap.cfn.lookup import at, items
from ceap.cfn.substitution import PLAIN, TOKEN, literal
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault

RULE: Final = "ASL06_VALUES_ARE_PLAIN"
ENTRY: Final = Entry(
    title="A value of DefinitionSubstitutions cannot change the definition around its token",
    why=(
        "CloudFormation puts the value into the JSON as it is. With a quotation mark in it, a value can add "
        "states or a Catch that nobody judged."
    ),
    fix=(
        "Use `!Ref` or `!GetAtt` of a resource, `!ImportValue`, `!Sub` of those, or a text of letters, digits "
        "and `_ . : / @ + * # -`."
    ),
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-stepfunctions-statemachine.html",
)

_SIGNS: Final = "letters, digits, spaces and _ . : / @ + * # -"
_FIX: Final = f"!Ref or !GetAtt of a resource, !ImportValue, or !Sub of those; texts hold {_SIGNS} alone"
_CLASS: Final = r"\[(?:[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9]|\\[dw.:/*+-]|[A-Za-z0-9_.:/@+*# ])+-?\]"
_PATTERN: Final = re.compile(rf"\^(?:[A-Za-z0-9_:/@+*#?()|-]|\\[dw.:/*+-]|{_CLASS}|\{{[0-9,]+\}})*\$")
"""Patterns of parameters that match nothing but plain texts; others that do are not recognized."""


def check(template: Template) -> Iterator[Fault]:
    for path in template.written_definitions:
        machine = path.split("/")[2]
        values = template.data["Resources"][machine]["Properties"].get("DefinitionSubstitutions", {})
        place = path.removesuffix("DefinitionString") + "DefinitionSubstitutions"
        if not isinstance(values, dict) or any(key.startswith("Fn::") for key in values):
            yield Fault(place, "what replaces the tokens is not known", f"name each token, with {_FIX}")
            continue
        for key, value in values.items():
            if what := _fault(template, value):
                yield Fault(f"{place}/{key}", f"{what}, so the definition that runs may not be the one judged", _FIX)


def _fault(template: Template, value: Any) -> str:
    """Return what may be wrong with a value; nothing if it is plain whenever the stack is deployed."""
    if (text := literal(value)) is not None:
        return "" if PLAIN.fullmatch(text) else "the text may end the JSON string around its token"
    match value:
        case {"Ref": str(name)}:
            return _reference_fault(template, name)
        case {"Fn::GetAtt": _} | {"Fn::ImportValue": _}:
            return ""
        case {"Fn::Sub": str(text)}:
            return _text_fault(template, text, {})
        case {"Fn::Sub": [str(text), dict(names)]}:
            return next(filter(None, (_fault(template, each) for each in names.values())), "") or _text_fault(
                template, text, names
            )
        case _:
            return "the value is known only when the stack is deployed"


def _text_fault(template: Template, text: str, names: dict[str, Any]) -> str:
    if not PLAIN.fullmatch(TOKEN.sub("", text)):
        return "the text may end the JSON string around its token"
    references = (token for token in TOKEN.findall(text) if token not in names and "." not in token)
    return next(filter(None, (_reference_fault(template, name) for name in references)), "")


def _reference_fault(template: Template, name: str) -> str:
    """A parameter may hold anything, if its type, pattern or list of values does not say otherwise."""
    parameter = at(template.data.get("Parameters"), name)
    if name in template.data["Resources"] or not isinstance(parameter, dict):
        return ""
    values = items(parameter.get("AllowedValues"))
    pattern = str(parameter.get("AllowedPattern", "."))
    if parameter.get("Type") == "Number" or _PATTERN.fullmatch(pattern):
        return ""
    if values and all(PLAIN.fullmatch(literal(each) or '"') for each in values):
        return ""
    return f"the parameter {name} accepts any text when the stack is deployed"
