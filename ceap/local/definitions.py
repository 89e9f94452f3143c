"""Checks of a definition when its state machine is created: what AWS refuses, and what the local engine does not model.

Source: recordings (`docs/reference/conformance.md`).
"""

from collections.abc import Mapping
from typing import Any, Final

from templates.definition import KINDS, PUT_OBJECT

STATE_TYPES: Final = frozenset({"Task", "Pass", "Wait", "Choice", "Succeed", "Fail"})
INTEGRATIONS: Final = frozenset({*KINDS, PUT_OBJECT})
UNMODELLED: Final = frozenset(
    {
        "Arguments",
        "Assign",
        "Credentials",
        "HeartbeatSeconds",
        "HeartbeatSecondsPath",
        "Output",
        "QueryLanguage",
        "TimeoutSecondsPath",
    }
)
"""Fields of states that no template here has, and whose evaluation nobody compared with AWS."""


class DefinitionError(ValueError):
    """A definition that AWS refuses or the local engine does not model; the message says where, what, and the cure."""


def check_definition(definition: Mapping[str, Any], kind: str) -> None:
    """Check the definition of an EXPRESS or STANDARD machine; raises DefinitionError."""
    if definition.get("QueryLanguage", "JSONPath") != "JSONPath":
        raise DefinitionError(f"the local engine does not model QueryLanguage {definition['QueryLanguage']}")
    for name, state in definition["States"].items():
        place = f"/States/{name}"
        resource = state.get("Resource", "")
        if kind == "EXPRESS" and (reason := _not_for_express(resource)):
            reason = f"SCHEMA_VALIDATION_FAILED: Express state machine does not support {reason} at {place}/Resource"
            raise DefinitionError(f"Invalid State Machine Definition: '{reason}'")
        if state["Type"] not in STATE_TYPES:
            raise DefinitionError(f"{place}: the local engine does not run {state['Type']} states")
        if state["Type"] == "Task" and resource not in INTEGRATIONS:
            known = ", ".join(sorted(INTEGRATIONS))
            raise DefinitionError(f"{place}: the local engine does not model the task {resource}; known: {known}")
        if strange := sorted(state.keys() & UNMODELLED):
            raise DefinitionError(f"{place}: the local engine does not model {', '.join(strange)} of a state")


def _not_for_express(resource: str) -> str | None:
    if resource.endswith(".waitForTaskToken"):
        return "'.waitForTaskToken' service integration "  # AWS has a space too many there
    if ".sync" in resource:
        return "'.sync' service integration"
    return "Activity ARN" if ":activity:" in resource else None
