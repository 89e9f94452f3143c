from __future__ import annotations

import json

import pytest

from tests.policy.broken import said
from tests.policy.changes import Change, imports, of
from tests.policy.handler_mutants import TOKENS, VARIABLES
from tests.policy.samples import Json

RULE = "WIRE10_IMPORTS"
EXPORT = "ceap-foundation-${Environment}-"


@pytest.mark.parametrize(
    ("change", "name", "right", "place"),
    [
        (
            of("TakeFunction", "Code", "S3Bucket", imports("WorkflowBucket")),
            f"{EXPORT}WorkflowBucket",
            "ArtifactBucket",
            "TakeFunction/Properties/Code/S3Bucket",
        ),
        (
            of("StateMachine", TOKENS, "WorkflowBucket", imports("ArtifactBucket")),
            f"{EXPORT}ArtifactBucket",
            "WorkflowBucket",
            "StateMachine/Properties/DefinitionSubstitutions/WorkflowBucket",
        ),
        (
            of("QueueAgeAlarm", "AlarmActions", [{"Fn::ImportValue": "alerts"}]),
            "alerts",
            "AlertTopic",
            "QueueAgeAlarm/Properties/AlarmActions/0",
        ),
        (
            of("FailureRule", "Targets", 0, "Arn", imports("WorkflowBucket")),
            f"{EXPORT}WorkflowBucket",
            "AlertTopic",
            "FailureRule/Properties/Targets/0/Arn",
        ),
    ],
)
def test_an_import_that_belongs_elsewhere_is_found(change: Change, name: str, right: str, place: str) -> None:
    message = f"{name} is the wrong import here | fix: import {EXPORT}{right}"
    assert said(RULE, "standard", change) == [(message, f"/Resources/{place}")]


def test_an_import_that_the_foundation_does_not_export_is_found() -> None:
    change = of("RateFunction", *VARIABLES, "TABLE_RATINGS", imports("RatingTableName"))
    [(message, place)] = said(RULE, "express", change)
    assert message.startswith(f"{EXPORT}RatingTableName is the wrong import here | fix: import {EXPORT} and one of")
    assert place == "/Resources/RateFunction/Properties/Environment/Variables/TABLE_RATINGS"


def test_imports_from_other_stacks_stand_beside_ours() -> None:
    subnets = [{"Fn::ImportValue": {"Fn::Sub": "network-${Environment}-SubnetId"}}]
    assert said(RULE, "express", of("TakeFunction", "VpcConfig", {"SubnetIds": subnets})) == []


def test_a_template_that_imports_nothing_of_ours_is_left_alone() -> None:
    def change(data: Json) -> None:
        text = json.dumps(data).replace("ceap-foundation-", "base-").replace("base-${Environment}-AlertTopic", "alerts")
        data.clear()
        data.update(json.loads(text))

    assert said(RULE, "express", change) == []
