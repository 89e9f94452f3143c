"""What changed between two definitions, in words."""

from __future__ import annotations

from typing import Any

from ceap.operate.definition_words import differences


def definition(**states: Any) -> dict[str, Any]:
    return {"StartAt": "A", "TimeoutSeconds": 300, "States": states}


def test_the_same_definition_in_another_order_differs_in_nothing() -> None:
    a = definition(A={"Type": "Task", "Next": "B"}, B={"Type": "Task"})
    b = {"States": {"B": {"Type": "Task"}, "A": {"Next": "B", "Type": "Task"}}, "TimeoutSeconds": 300, "StartAt": "A"}
    assert differences(a, b) == []


def test_each_change_is_named_by_its_state_and_place() -> None:
    old = definition(
        A={"Type": "Task", "Parameters": {"FunctionName": "old", "Payload": {"x": 1}}, "Retry": [1], "Next": "B"},
        B={"Type": "Task", "End": True},
    )
    new = {
        **definition(
            A={"Type": "Task", "Parameters": {"FunctionName": "new", "Payload": {"x": 1}}, "Retry": [2], "Next": "C"},
            C={"Type": "Task", "End": True},
        ),
        "TimeoutSeconds": 600,
        "Comment": "more time",
    }
    assert differences(old, new) == [
        "state C was added",
        "state B was removed",
        "state A: Parameters.FunctionName was 'old', is 'new'",
        "state A: Retry changed",
        "state A: Next was 'B', is 'C'",
        "TimeoutSeconds was 300, is 600",
        "Comment was added",
    ]
    assert differences(definition(A={"Retry": [1]}), definition(A={})) == ["state A: Retry was removed"]
