from __future__ import annotations

import json
from typing import Any

import pytest

from ceap.cfn.template import parse_template
from ceap.iam.documents import documents, entries
from tests.policy.samples import KINDS, golden

ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": ["a", {"Ref": "AWS::NoValue"}, "b"]}


def found(properties: Any, kind: str = "AWS::IAM::Role") -> list[tuple[str, list[str], bool]]:
    template = parse_template(json.dumps({"Resources": {"X": {"Type": kind, "Properties": properties}}}), "t.json")
    return [
        (each.path.removeprefix("/Resources/X/Properties"), [s.path for s in each.statements], each.is_trust)
        for each in documents(template)
    ]


def test_documents_are_found_wherever_they_stand() -> None:
    policies = [
        {"PolicyDocument": {"Statement": ALLOW}},
        {"Fn::If": ["C", {"Statement": [ALLOW]}, {"Ref": "AWS::NoValue"}]},
    ]
    place = "/Resources/X/Properties"
    assert found({"AssumeRolePolicyDocument": {"Statement": [ALLOW]}, "Policies": policies}) == [
        ("/AssumeRolePolicyDocument", [f"{place}/AssumeRolePolicyDocument/Statement/0"], True),
        ("/Policies/0/PolicyDocument", [f"{place}/Policies/0/PolicyDocument/Statement/0"], False),
        ("/Policies/1/Fn::If/1", [f"{place}/Policies/1/Fn::If/1/Statement/0"], False),
    ]


def test_a_statement_without_an_effect_is_none_of_iam() -> None:
    rule: dict[str, Any] = {"Statement": {"ByteMatchStatement": {"FieldToMatch": {"UriPath": {}}}}}
    assert found({"Rules": [rule]}, "AWS::WAFv2::WebACL") == []


def test_entries_are_those_of_both_branches_with_their_conditions() -> None:
    value = ["a", {"Fn::If": ["C", ["b", {"Ref": "AWS::NoValue"}], {"Fn::If": ["D", "c", "d"]}]}]
    assert [(each.path, each.value, each.when) for each in entries(value, "/X", ("B",))] == [
        ("/X/0", "a", ("B",)),
        ("/X/1/Fn::If/1/0", "b", ("B", "C")),
        ("/X/1/Fn::If/2/Fn::If/1", "c", ("B", "!C", "D")),
        ("/X/1/Fn::If/2/Fn::If/2", "d", ("B", "!C", "!D")),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_every_document_of_the_committed_templates_is_found(kind: str) -> None:
    assert len(list(documents(golden(kind)))) == golden(kind).text.count("Statement:") > 0
