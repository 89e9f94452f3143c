from __future__ import annotations

import json
from typing import Any

import pytest

from ceap.cfn.template import parse_template
from ceap.policy.checks.no_macro import check

INCLUDE = {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/k.yaml"}}


def found(transform: Any, **properties: Any) -> list[tuple[str, str]]:
    topic = {"Type": "AWS::SNS::Topic", "Properties": properties}
    data = {"Transform": transform, "Resources": {"Topic": topic}}
    return [(each.path, each.message) for each in check(parse_template(json.dumps(data), "t.json"))]


def changing(name: str) -> str:
    return f"[CFN04] {name} changes the template after it was judged | fix: write out what it makes"


@pytest.mark.parametrize(
    ("transform", "name"),
    [("Ours", "Ours"), (["AWS::LanguageExtensions", {"Name": "Ours"}], "Ours"), (INCLUDE, "AWS::Include")],
)
def test_a_macro_and_an_include_are_found(transform: Any, name: str) -> None:
    assert [message for _, message in found(transform)] == [changing(name)]


def test_an_include_inside_a_resource_is_found() -> None:
    place = "/Resources/Topic/Properties/Fn::Transform/Name"
    assert found([], **{"Fn::Transform": INCLUDE}) == [(place, changing("AWS::Include"))]


@pytest.mark.parametrize("transform", ["AWS::Serverless-2016-10-31", ["AWS::LanguageExtensions"], 5, [None]])
def test_what_aws_itself_makes_of_a_template_is_fine(transform: Any) -> None:
    assert found(transform) == []
