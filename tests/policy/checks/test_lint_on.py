from __future__ import annotations

import json
from typing import Any

import pytest

from ceap.cfn.template import parse_template
from ceap.policy.checks.lint_on import check
from tests.policy.checks.support import told

PLACE = "Metadata/cfn-lint/config/ignore_checks"


def ignoring(checks: Any) -> dict[str, Any]:
    return {"Metadata": {"cfn-lint": {"config": {"ignore_checks": checks}}}}


def found(data: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each.place, told(each)) for each in check(parse_template(json.dumps(data), "t.json"))]


@pytest.mark.parametrize("ignored", ["E", "E3", "", "W"])
def test_the_beginning_of_ids_is_found(ignored: str) -> None:
    topic = {"Type": "AWS::SNS::Topic"}
    message = f"{ignored!r} turns off many rules of cfn-lint | fix: name the one, e.g. E3012"
    assert found({"Resources": {"Topic": topic}} | ignoring(["E3012", ignored])) == [(f"/{PLACE}/1", message)]
    assert found({"Resources": {"Topic": topic | ignoring([ignored])}}) == [(f"/Resources/Topic/{PLACE}/0", message)]


@pytest.mark.parametrize("checks", [["E3012", "W2001"], [], None, 5, [{"Ref": "A"}]])
def test_rules_that_are_named_are_fine(checks: Any) -> None:
    assert found({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"} | ignoring(checks)}}) == []
