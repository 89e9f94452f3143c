from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument

from ceap.cfn.template import Template, parse_template
from ceap.policy.checks.substituted_values import _PATTERN, check
from tests.policy.samples import golden

INJECTED = 'a","Catch":[{"ErrorEquals":["States.ALL"],"Next":"Done"}],"Comment":"'
PLACE = "/Resources/Machine/Properties/DefinitionSubstitutions"
PARAMETERS = {
    "Any": {"Type": "String"},
    "Count": {"Type": "Number"},
    "Name": {"Type": "String", "AllowedPattern": "^[a-z][a-z0-9-]{0,11}$"},
    "Loose": {"Type": "String", "AllowedPattern": "^.*$"},
    "Listed": {"Type": "String", "AllowedValues": ["one", "two"]},
    "ListedOdd": {"Type": "String", "AllowedValues": ["one", INJECTED]},
}


def template(substitutions: Any) -> Template:
    definition = '{"States": {"A": {"Resource": "${Token}"}}}'
    properties = {"DefinitionString": definition, "DefinitionSubstitutions": substitutions}
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    function = {"Type": "AWS::Lambda::Function"}
    data = {"Parameters": PARAMETERS, "Resources": {"Machine": machine, "Work": function}}
    return parse_template(json.dumps(data), "t.json")


@pytest.mark.parametrize("kind", ["express", "standard", "foundation"])
def test_the_generated_templates_are_fine(kind: str) -> None:
    assert list(check(golden(kind))) == []


@pytest.mark.parametrize(
    "value",
    [
        "arn:aws:lambda:eu-west-1:123456789012:function:a-b_c",
        7,
        True,
        {"Fn::GetAtt": ["Work", "Arn"]},
        {"Fn::ImportValue": {"Fn::Sub": "a-${AWS::Region}"}},
        {"Fn::Sub": "arn:${AWS::Partition}:lambda:${AWS::Region}:1:function:${Work}-${Name}"},
        {"Fn::Sub": ["a-${X}", {"X": {"Ref": "Work"}}]},
        *({"Ref": name} for name in ("Work", "AWS::Region", "Count", "Name", "Listed")),
    ],
)
def test_what_cannot_end_the_json_string_around_its_token_is_fine(value: Any) -> None:
    assert list(check(template({"Token": value}))) == []


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (INJECTED, "the text may end the JSON string"),
        ("a\\", "the text may end the JSON string"),
        ("{{resolve:ssm:x}}", "the text may end the JSON string"),
        ("${Other}", "the text may end the JSON string"),
        ({"Fn::Sub": INJECTED}, "the text may end the JSON string"),
        ({"Fn::Sub": ["${X}", {"X": INJECTED}]}, "the text may end the JSON string"),
        ({"Fn::Sub": "a-${Any}"}, "the parameter Any accepts any text"),
        ({"Ref": "Any"}, "the parameter Any accepts any text"),
        ({"Ref": "Loose"}, "the parameter Loose accepts any text"),
        ({"Ref": "ListedOdd"}, "the parameter ListedOdd accepts any text"),
        ({"Fn::Join": ["", ["a", '"']]}, "known only when the stack is deployed"),
        ({"Fn::If": ["C", "a", "b"]}, "known only when the stack is deployed"),
        ({"Fn::FindInMap": ["M", "a", "b"]}, "known only when the stack is deployed"),
        ({"Fn::Transform": {"Name": "X"}}, "known only when the stack is deployed"),
        (["a"], "known only when the stack is deployed"),
        (None, "known only when the stack is deployed"),
    ],
)
def test_what_may_change_the_definition_around_its_token_is_found(value: Any, what: str) -> None:
    [fault] = check(template({"Token": value}))
    assert what in fault.what
    assert fault.place == f"{PLACE}/Token"


@pytest.mark.parametrize("values", [{"Fn::If": ["C", {}, {}]}, {"Fn::Transform": {"Name": "X"}}])
def test_substitutions_that_only_the_deployed_stack_knows_are_found(values: Any) -> None:
    [fault] = check(template(values))
    assert "what replaces the tokens is not known" in fault.what


@given(pattern=st.from_regex(_PATTERN, fullmatch=True), data=st.data())
def test_a_pattern_that_counts_as_plain_matches_no_sign_of_json(pattern: str, data: st.DataObject) -> None:
    try:
        texts = st.from_regex(re.compile(pattern.removesuffix("$") + r"\Z"), fullmatch=True)
        text = data.draw(texts)
    except (re.error, OverflowError, InvalidArgument):
        reject()
    assert not any(sign in text for sign in '"\\\n')


@pytest.mark.parametrize("pattern", ["^[A-z]$", "^[+-z]$", "^[^a]$", "^.$", "^\\\\S$", "^\\\\x22$", "[a-z]", '^"$'])
def test_a_pattern_that_a_quotation_mark_or_a_backslash_may_match_does_not_count(pattern: str) -> None:
    assert _PATTERN.fullmatch(pattern) is None
