from __future__ import annotations

import json
from typing import Any

import pytest

from ceap.cfn.template import parse_template
from ceap.policy.checks.states_in_order import check
from tests.policy.checks.support import told

PASS = {"Type": "Pass"}
PLACE = "/Resources/Machine/Properties/DefinitionString/States"


def found(states: Any, start: str = "A") -> list[tuple[str, str]]:
    definition = json.dumps({"StartAt": start, "States": states})
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"DefinitionString": definition}}
    findings = check(parse_template(json.dumps({"Resources": {"Machine": machine}}), "t.json"))
    return [(told(finding), finding.place.removeprefix(PLACE)) for finding in findings]


def test_a_chain_of_states_is_fine() -> None:
    assert found({"A": PASS | {"Next": "B"}, "B": PASS | {"Next": "C"}, "C": PASS | {"End": True}}) == []


def test_a_state_to_which_no_way_leads_is_found() -> None:
    states = {"A": PASS | {"Next": "C"}, "B": PASS | {"Next": "C"}, "C": PASS | {"End": True}}
    cure = "fix: name it in the Next of the state before it, or remove it"
    assert found(states) == [(f"no state leads to B | {cure}", "/B")]


def test_a_way_back_is_found_where_it_begins() -> None:
    states = {"A": PASS | {"Next": "B"}, "B": PASS | {"Next": "C"}, "C": PASS | {"Next": "B"}}
    cure = "fix: set Next to the state that follows, or End true"
    assert found(states) == [(f"the execution loops back to B | {cure}", "/C/Next")]


def test_every_way_of_states_of_other_types_counts() -> None:
    choice = {"Type": "Choice", "Choices": [{"Next": "B"}], "Default": "A"}
    task = {"Type": "Task", "Catch": [{"Next": "C"}], "Next": "Choose"}
    assert found({"A": task, "Choose": choice, "B": PASS | {"End": True}, "C": {"Type": "Fail"}}) == []


@pytest.mark.parametrize("states", [{}, [], None, {"B": PASS}, {"A": "Pass"}])
def test_a_start_that_is_no_state_is_left_to_others(states: Any) -> None:
    assert found(states) == []
