from __future__ import annotations

import json

import pytest

from ceap.cfn.template import Template, parse_template
from ceap.policy.checks.definition_json import check
from tests.policy.checks.support import told
from tests.policy.samples import golden


def template(definition: object) -> Template:
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"DefinitionString": definition}}
    return parse_template(json.dumps({"Resources": {"Machine": machine}}), "t.json")


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("", "the definition is not JSON: Expecting value in its line 1, column 1"),
        ('{"a": 1,\n}', "the definition is not JSON: "),
        ("{a: 1}", "the definition is not JSON: "),
        ("[]", "the definition is not a JSON object"),
        ('"text"', "the definition is not a JSON object"),
        ('{"States": {"A": {}, "A": {}}}', "the definition is not valid: the key 'A' stands twice in one object"),
        ('{"a": NaN}', "the definition is not valid: NaN is not JSON"),
        ('{"a":' * 100_000, "the definition is not valid: nested deeper than 100 levels"),
    ],
)
def test_a_definition_that_is_no_json_object_is_found(definition: str, message: str) -> None:
    [finding] = check(template(definition))
    assert told(finding).startswith(f"{message}")
    assert told(finding).endswith("so no Guard rule was evaluated | fix: write one JSON object")
    assert finding.place == "/Resources/Machine/Properties/DefinitionString"


def test_a_definition_that_is_an_intrinsic_is_left_to_guard() -> None:
    assert [*check(template({"Fn::Sub": "{"}))] == []


def test_the_committed_definition_is_fine() -> None:
    assert [*check(golden("express"))] == []
