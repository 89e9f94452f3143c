"""The text that a state machine runs: its definition once CloudFormation has replaced the tokens that it can.

CloudFormation replaces `${Token}` by the value as it is: a quotation mark in it ends the JSON string around the token.
Source: AWS::StepFunctions::StateMachine, DefinitionSubstitutions.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

TOKEN: Final = re.compile(r"\$\{([^}]*)\}")
PLAIN: Final = re.compile(r"[A-Za-z0-9 _.:/@+*#-]*")
"""What a name, a number or an ARN is made of: whatever stands around the token, it stays what it was."""


def literal(value: Any) -> str | None:
    """Return the text of a value that the template states itself, None for one that only the deployed stack knows."""
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value)
        case _:
            return None


def substitute(definition: str, substitutions: Any) -> str:
    """Return a definition with the tokens replaced whose values the template states, if they are plain."""
    if not isinstance(substitutions, Mapping):
        return definition
    known = {key: text for key, value in substitutions.items() if (text := literal(value)) and PLAIN.fullmatch(text)}
    return TOKEN.sub(lambda token: known.get(token[1], token[0]), definition)
