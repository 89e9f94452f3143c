from __future__ import annotations

import json
from typing import Any

import pytest

from ceap.cfn.substitution import substitute
from ceap.cfn.template import parse_template

DEFINITION = '{"A": "${Token}", "B": "x-${Token}-${Other}"}'


@pytest.mark.parametrize(("value", "text"), [("arn:aws:a", "arn:aws:a"), (7, "7"), (True, "true"), (1.5, "1.5")])
def test_a_value_that_the_template_states_takes_the_place_of_its_token(value: Any, text: str) -> None:
    assert substitute(DEFINITION, {"Token": value}) == DEFINITION.replace("${Token}", text)


@pytest.mark.parametrize("value", [{"Ref": "A"}, 'a","B":"', "a\\", "a\nb", "${Other}", "{% x %}", None, ["a"]])
def test_a_value_that_is_not_stated_or_not_plain_leaves_its_token(value: Any) -> None:
    assert substitute(DEFINITION, {"Token": value}) == DEFINITION


@pytest.mark.parametrize("substitutions", [None, [], "a", {"Fn::If": ["C", {}, {}]}])
def test_what_names_no_tokens_leaves_them(substitutions: Any) -> None:
    assert substitute(DEFINITION, substitutions) == DEFINITION


def test_what_is_judged_is_the_text_after_substitution() -> None:
    properties = {"DefinitionString": DEFINITION, "DefinitionSubstitutions": {"Token": "a", "Other": {"Ref": "M"}}}
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    template = parse_template(json.dumps({"Resources": {"M": machine}}), "t.json")
    judged = '{"A": "a", "B": "x-a-${Other}"}'
    path = "/Resources/M/Properties/DefinitionString"
    assert template.data["Resources"]["M"]["Properties"]["DefinitionString"] == judged
    assert template.definitions == {path: judged}
    assert template.written_definitions == {path: DEFINITION}
