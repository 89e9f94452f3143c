"""`${...}` in texts of declarations and of NEEDS: what CloudFormation fills in when a stack is deployed."""

import re
from collections.abc import Mapping
from typing import Final

from troposphere import Sub

from templates.naming import ENVIRONMENT_MAX

PLACEHOLDERS: Final = ("Environment", "AWS::AccountId", "AWS::Region")
PARTITION: Final = "AWS::Partition"

LONGEST: Final = {
    "Environment": "x" * ENVIRONMENT_MAX,
    "AWS::AccountId": "123456789012",
    "AWS::Region": "us-isof-south-1",
    PARTITION: "aws-us-gov",
}
"""Values as long as any, of the characters that such values have."""

_PLACEHOLDER: Final = re.compile(r"\$\{([^{}]*)(\}?)")
_LITERAL: Final = re.compile(rf"\$\{{(?!(?:{'|'.join(PLACEHOLDERS)})\}})")


def unknown_placeholder(text: str, known: tuple[str, ...] = PLACEHOLDERS) -> str | None:
    """Return the first `${...}` of a text that is not filled in; None if all are."""
    for found in _PLACEHOLDER.finditer(text):
        if found[1] not in known or not found[2]:
            return found[0]
    return None


def placeholder_problem(text: str, known: tuple[str, ...] = PLACEHOLDERS) -> str | None:
    """Return which `${...}` of a text is not filled in, with the cure; None if all are."""
    unknown = unknown_placeholder(text, known)
    if unknown is None:
        return None
    return f"holds {unknown}, which no deployment fills in; allowed: {', '.join(f'${{{name}}}' for name in known)}"


def substituted(text: str) -> str | Sub:
    """Return a text as a template holds it: with `Fn::Sub` if it has placeholders."""
    return Sub(text) if "${" in text else text


def substituted_json(text: str) -> str | Sub:
    """Return JSON as a template holds it, with `Fn::Sub` if it has placeholders; any other `${` in it stays as it is.

    That one is a JSON escape there: readers of `${!`, the escape of `Fn::Sub`, differ about where it ends.
    """
    return Sub(_LITERAL.sub(r"\\u0024{", text)) if has_placeholder(text) else text


def has_placeholder(text: str) -> bool:
    """Tell whether a text holds a placeholder that a deployment fills in."""
    return any(f"${{{name}}}" in text for name in PLACEHOLDERS)


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return a text as it is after deployment; `values` are those of the placeholders by name, others stay."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]) if found[2] else found[0], text)


def longest(text: str) -> str:
    """Return a text as it may be after deployment, no shorter than it can be."""
    return fill(text, LONGEST)
