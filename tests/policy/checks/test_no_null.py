from __future__ import annotations

import pytest

from ceap.cfn.template import parse_template
from ceap.policy.checks.no_null import check
from tests.policy.samples import golden


def test_every_null_is_found_with_its_line() -> None:
    queue = "    Type: AWS::SQS::Queue\n    Properties:\n      Tags: [~, 1]\n      Name:\n"
    text = f"Resources:\n  Queue:\n{queue}Outputs: null\n"
    template = parse_template(text, "t.yaml")
    found = [(template.line(fault.place), fault.place) for fault in check(template)]
    assert found == [
        (5, "/Resources/Queue/Properties/Tags/0"),
        (6, "/Resources/Queue/Properties/Name"),
        (7, "/Outputs"),
    ]


@pytest.mark.parametrize("kind", ["foundation", "express"])
def test_the_committed_templates_hold_none_and_the_null_in_the_definition_is_text(kind: str) -> None:
    assert [*check(golden(kind))] == []
    assert '"ResultPath": null' in golden("express").text
