from __future__ import annotations

import json
from typing import Any

import pytest

from ceap.cfn.template import parse_template
from ceap.policy.checks.no_transform import check

INCLUDE = {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/k.yaml"}}


def found(transform: Any, **properties: Any) -> list[tuple[str, str]]:
    topic = {"Type": "AWS::SNS::Topic", "Properties": properties}
    data = {"Transform": transform, "Resources": {"Topic": topic}}
    return [(each.place, each.what) for each in check(parse_template(json.dumps(data), "t.json"))]


@pytest.mark.parametrize(
    ("transform", "names"),
    [
        ("Ours", ["Ours"]),
        ("AWS::Serverless-2016-10-31", ["AWS::Serverless-2016-10-31"]),
        (["AWS::LanguageExtensions", {"Name": "Ours"}], ["AWS::LanguageExtensions", "Ours"]),
        (INCLUDE, ["AWS::Include"]),
        ([{"Parameters": {}}, 5], ["a transform", "a transform"]),
    ],
)
def test_every_transform_is_found_also_those_of_aws(transform: Any, names: list[str]) -> None:
    assert [what.partition(" writes")[0] for _, what in found(transform)] == names


def test_a_transform_inside_a_resource_is_found_once() -> None:
    [(place, message)] = found([], **{"Fn::Transform": INCLUDE})
    assert place == "/Resources/Topic/Properties/Fn::Transform"
    assert "AWS::Include writes this part" in message


def test_a_module_is_found() -> None:
    template = parse_template(json.dumps({"Resources": {"M": {"Type": "My::S3::Bucket::MODULE"}}}), "t.json")
    [finding] = check(template)
    assert finding.place == "/Resources/M/Type"


def test_a_template_without_any_is_fine() -> None:
    assert found([]) == []
