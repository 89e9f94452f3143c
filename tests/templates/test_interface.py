from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from templates.interface import METADATA_KEY, interface
from templates.model import Workflow
from templates.stacks import foundation_stack, workflow_stack
from tests.strategies import all_workflows


def shown(template: dict[str, Any]) -> dict[str, Any]:
    metadata: dict[str, Any] = template["Metadata"][METADATA_KEY]
    return metadata


def test_the_console_shows_the_foundation_s_parameters_in_groups() -> None:
    metadata = shown(foundation_stack())
    groups = {group["Label"]["default"]: group["Parameters"] for group in metadata["ParameterGroups"]}
    tables = groups.pop("Existing tables to adopt")
    assert groups == {
        "Environment": ["Environment"],
        "Existing buckets to adopt": ["WorkflowBucketName", "ArtifactBucketName"],
        "Encryption": ["KmsKeyArn"],
        "Alerts": ["AlertTopicArn", "AlertEmail"],
    }
    assert "RecordsTableName" in tables
    assert metadata["ParameterLabels"]["RecordsTableName"] == {"default": "records"}


@given(workflow=all_workflows())
def test_every_parameter_stands_in_one_group_and_has_a_label(workflow: Workflow) -> None:
    template = workflow_stack(workflow)
    groups = [name for group in shown(template)["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(groups) == sorted(template["Parameters"])
    assert set(shown(template)["ParameterLabels"]) == set(template["Parameters"])


def test_a_parameter_without_a_label_is_an_error() -> None:
    with pytest.raises(LookupError, match=r"^the parameter Spare has no label; add it to a group of templates/"):
        interface(["Environment", "Spare"])
