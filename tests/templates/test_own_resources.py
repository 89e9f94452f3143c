from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from templates.config import load_workflow
from templates.errors import ConfigError
from templates.stacks import workflow_stack
from tests.strategies import workflow_of

STEPS = "steps:\n  - {stage: TakeStage, handler: take}\n"
OWN = """\
Parameters:
  Pager: {Type: String, Default: ''}
Conditions:
  HasPager: !Not [!Equals [!Ref Pager, '']]
Resources:
  Uploads:
    Type: AWS::S3::Bucket
    Metadata: {ceap: {waivers: [{rule: P38_NAMES, reason: one for all}]}}
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Condition: HasPager
    Properties: {Dimensions: [{Name: QueueName, Value: !GetAtt Queue.QueueName}]}
Outputs:
  UploadsName: {Value: !Ref Uploads}
"""


@pytest.fixture
def template(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "own.yaml").write_text(OWN)
    (tmp_path / "orders.yaml").write_text(f"name: orders\ntype: EXPRESS\nresources: own.yaml\n{STEPS}")
    return workflow_stack(load_workflow(tmp_path / "orders.yaml"))


PLAIN = workflow_stack(
    workflow_of({"name": "orders", "type": "EXPRESS", "steps": [{"stage": "TakeStage", "handler": "take"}]})
)


def test_resources_of_a_team_s_own_are_added_with_a_mark(template: dict[str, Any]) -> None:
    added = {name: body for name, body in template["Resources"].items() if name not in PLAIN["Resources"]}
    assert added == {
        "Uploads": {
            "Type": "AWS::S3::Bucket",
            "Metadata": {"ceap": {"waivers": [{"rule": "P38_NAMES", "reason": "one for all"}], "own": True}},
        },
        "Alarm": {
            "Type": "AWS::CloudWatch::Alarm",
            "Condition": "HasPager",
            "Properties": {"Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["Queue", "QueueName"]}}]},
            "Metadata": {"ceap": {"own": True}},
        },
    }


def test_an_own_resource_is_changed_in_its_file(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN)
    overridden = f"name: orders\ntype: EXPRESS\nresources: own.yaml\noverrides: {{Uploads: {{BucketName: a}}}}\n{STEPS}"
    (tmp_path / "orders.yaml").write_text(overridden)
    with pytest.raises(ConfigError, match=r"overrides\.Uploads is a resource of your own; change it in its file$"):
        load_workflow(tmp_path / "orders.yaml")


def test_nothing_of_ceap_changes(template: dict[str, Any]) -> None:
    for section in ("Parameters", "Conditions", "Resources", "Outputs"):
        kept = {name: template[section][name] for name in PLAIN[section]}
        assert kept == PLAIN[section]


def test_entries_of_other_sections_are_listed_in_the_template_s_metadata(template: dict[str, Any]) -> None:
    assert template["Metadata"]["ceap"] == {
        "own": {"Parameters": ["Pager"], "Conditions": ["HasPager"], "Outputs": ["UploadsName"]}
    }
    assert "ceap" not in PLAIN["Metadata"]


def test_the_console_shows_their_parameters_in_a_group(template: dict[str, Any]) -> None:
    [*_, last] = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert last == {"Label": {"default": "Resources of your own"}, "Parameters": ["Pager"]}
