"""`${...}` in texts of declarations and of NEEDS: what CloudFormation fills in when a stack is deployed."""

import re
from collections.abc import Mapping
from typing import Final

from troposphere import Sub

PLACEHOLDERS: Final = ("Environment", "AWS::AccountId", "AWS::Region")
PARTITION: Final = "AWS::Partition"

_PLACEHOLDER: Final = re.compile(r"\$\{([^{}]*)(\}?)")


def unknown_placeholder(text: str, known: tuple[str, ...] = PLACEHOLDERS) -> str | None:
    """Return the first `${...}` of a text that is not filled in; None if all are."""
    for found in _PLACEHOLDER.finditer(text):
        if found[1] not in known or not found[2]:
            return found[0]
    return None


def substituted(text: str) -> str | Sub:
    """Return a text as a template holds it: with `Fn::Sub` if it has placeholders."""
    return Sub(text) if "${" in text else text


def fill(text: str, values: Mapping[str, str]) -> str:
    """Return a text as it is after deployment; `values` are those of the placeholders by name."""
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)
