"""The page on resources of one's own: its declaration and its file make a template in which nothing is found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ceap.cfn.template import parse_template
from ceap.policy.checks.own_resources import RULE
from ceap.policy.verdict import judge, load_all_rules
from ceap.project import ROOT
from templates.config import load_workflow
from templates.render import render
from templates.stacks import workflow_stack
from tests.policy.engines import FASTEST

PAGE = (ROOT / "docs/how-to/add-own-resources.md").read_text(encoding="utf-8")


@pytest.fixture
def workflows(tmp_path: Path) -> Path:
    """A folder with the page's declaration and its file of resources."""
    blocks = re.findall(r"```yaml\n# workflows/(\S+)\n(.*?)```", PAGE, re.DOTALL)
    assert [path for path, _ in blocks] == ["orders.yaml", "resources/orders.yaml"]
    for path, block in blocks:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(block.replace("handler: etl", "handler: take"), encoding="utf-8")
    return tmp_path


def rules_found(workflows: Path) -> list[str]:
    template = parse_template(render(workflow_stack(load_workflow(workflows / "orders.yaml"))), "orders.template.yaml")
    [judgement] = judge([template], load_all_rules(), engine=FASTEST)
    return [finding.rule for finding in judgement.findings]


def test_the_resources_of_the_page_need_no_waiver(workflows: Path) -> None:
    assert rules_found(workflows) == []


def test_the_bucket_of_the_page_must_tell_eventbridge_of_new_objects(workflows: Path) -> None:
    file = workflows / "resources" / "orders.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("{EventBridgeEnabled: true}", "{EventBridgeEnabled: false}"), encoding="utf-8")
    assert rules_found(workflows) == [RULE]


def test_the_subscription_of_the_page_needs_its_waiver(workflows: Path) -> None:
    [more] = re.findall(r"```yaml\n(  Archive:\n.*?)```", PAGE, re.DOTALL)
    file = workflows / "resources" / "orders.yaml"
    parameter = "Parameters:\n  ArchiveArn: {Type: String}\n"
    file.write_text(parameter + file.read_text(encoding="utf-8").replace("Resources:\n", f"Resources:\n{more}"))
    assert rules_found(workflows) == [RULE]
