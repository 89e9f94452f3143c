from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ceap.cfn.forms import unify
from ceap.cfn.template import Template, load_template, parse_template
from ceap.policy.verdict import judge
from tests.policy.samples import KINDS, Json, golden, rules


@pytest.mark.parametrize(
    ("written", "one"),
    [
        ({"Fn::Sub": "${Queue}"}, {"Ref": "Queue"}),
        ({"Fn::Sub": "${AWS::AccountId}"}, {"Ref": "AWS::AccountId"}),
        ({"Fn::Sub": "${Nested.Outputs.Arn}"}, {"Fn::GetAtt": ["Nested", "Outputs.Arn"]}),
        ({"Fn::Sub": "${Queue}-${Environment}"}, {"Fn::Sub": "${Queue}-${Environment}"}),
        ({"Fn::Sub": "${!Queue}"}, {"Fn::Sub": "${!Queue}"}),
        ({"Fn::Sub": ["${A}", {"A": "b"}]}, {"Fn::Sub": ["${A}", {"A": "b"}]}),
        ({"Fn::Sub": "${A}", "Other": 1}, {"Fn::Sub": "${A}", "Other": 1}),
        ([{"a": [{"Fn::Sub": "${B}"}]}], [{"a": [{"Ref": "B"}]}]),
        (
            {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "NotAction": "a:B", "NotResource": {"Ref": "C"}}},
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Deny", "NotAction": ["a:B"], "NotResource": [{"Ref": "C"}]}],
            },
        ),
        (
            {"Effect": "Allow", "Action": "a:B", "Resource": ["*"], "Condition": {"StringEquals": {"k": ["v"]}}},
            {"Effect": "Allow", "Action": ["a:B"], "Resource": ["*"], "Condition": {"StringEquals": {"k": "v"}}},
        ),
        (
            {"Effect": "Allow", "Action": [], "Condition": {"StringEquals": {"k": ["v", "w"]}, "Bool": "odd"}},
            {"Effect": "Allow", "Action": [], "Condition": {"StringEquals": {"k": ["v", "w"]}, "Bool": "odd"}},
        ),
        (
            {"Effect": "Allow", "Action": "a:B", "Condition": "odd"},
            {"Effect": "Allow", "Action": ["a:B"], "Condition": "odd"},
        ),
        ({"Effect": "odd", "Action": "a:B"}, {"Effect": "odd", "Action": "a:B"}),
        ({"Statement": {"Condition": "odd"}}, {"Statement": {"Condition": "odd"}}),
    ],
)
def test_what_means_the_same_is_read_in_one_form(written: Any, one: Any) -> None:
    assert unify(written) == one
    assert unify(one) == one


def _loosely(value: Any) -> Any:
    """Return a template's content with policies and references in the forms that people use too."""
    if isinstance(value, list):
        return [_loosely(below) for below in value]
    if not isinstance(value, dict):
        return value
    if list(value) == ["Fn::GetAtt"]:
        return {"Fn::Sub": f"${{{'.'.join(value['Fn::GetAtt'])}}}"}
    if list(value) == ["Ref"] and value["Ref"] != "AWS::NoValue":
        return {"Fn::Sub": f"${{{value['Ref']}}}"}
    loose = {key: _loosely(below) for key, below in value.items()}
    for key in ("Action", "Resource", "Statement"):
        if isinstance(loose.get(key), list) and len(loose[key]) == 1:
            [loose[key]] = loose[key]
    if "Effect" in loose and isinstance(loose.get("Condition"), dict):
        loose["Condition"] = {
            operator: {key: [wanted] for key, wanted in tests.items()} if isinstance(tests, dict) else tests
            for operator, tests in loose["Condition"].items()
        }
    if "Service" in loose and isinstance(loose["Service"], str):
        loose["Service"] = [loose["Service"]]
    return loose


def _findings(*templates: Template) -> list[list[str]]:
    judgements = judge(templates, rules(), lint=False)
    return [[finding.rule for finding in judgement.findings] for judgement in judgements]


def test_no_rule_and_no_check_asks_for_one_of_two_forms_that_mean_the_same() -> None:
    loose = {kind: json.dumps(_loosely(golden(kind).data)) for kind in KINDS}
    assert [loose[kind] == json.dumps(golden(kind).data) for kind in KINDS] == [False] * len(KINDS)
    assert _findings(*(parse_template(text, f"{kind}.json") for kind, text in loose.items())) == [[]] * len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_how_a_file_is_written_is_no_matter(kind: str, tmp_path: Path) -> None:
    text = golden(kind).text
    compact: Json = json.loads(json.dumps(golden(kind).data))
    for body in compact["Resources"].values():
        if "DefinitionString" in body["Properties"]:
            body["Properties"]["DefinitionString"] = json.dumps(json.loads(body["Properties"]["DefinitionString"]))
    files = {
        "windows.yaml": "\ufeff" + text.replace("\n", "\r\n"),
        "short.yaml": text.replace("Fn::GetAtt: [", "!GetAtt ["),
        "tabs.json": "\ufeff" + json.dumps(golden(kind).data, indent="\t"),
        "compact.json": json.dumps(compact),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content.encode())
    assert _findings(*(load_template(tmp_path / name) for name in files)) == [[], [], [], []]
