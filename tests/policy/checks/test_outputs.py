from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.policy.broken import said
from tests.policy.changes import Change, arn, drop, of, put, rename, sub
from tests.policy.samples import Json
from tests.policy.stack_mutants import output, swap_outputs

RULE = "WIRE11_OUTPUTS"
EXPORT = "ceap-foundation-${Environment}-"


def renamed_table(data: Json) -> None:
    rename(data["Resources"], "RecordsTable", "People")
    output("RecordsTableName", {"Ref": "People"})(data)


def test_outputs_of_a_workflow_that_are_swapped_are_found() -> None:
    assert said(RULE, "express", swap_outputs) == [
        ("QueueUrl is not that of Queue | fix: !Ref Queue", "/Outputs/QueueUrl/Value"),
        (
            "DeadLetterQueueUrl is not that of DeadLetterQueue | fix: !Ref DeadLetterQueue",
            "/Outputs/DeadLetterQueueUrl/Value",
        ),
    ]


def test_an_output_of_a_step_that_is_another_s_is_found() -> None:
    assert said(RULE, "express", output("TakeFunctionName", {"Ref": "SiftFunction"})) == [
        ("TakeFunctionName is not that of TakeFunction | fix: !Ref TakeFunction", "/Outputs/TakeFunctionName/Value")
    ]
    assert said(RULE, "express", output("PipeArn", {"Ref": "Pipe"})) == [
        ("PipeArn is not that of Pipe | fix: !GetAtt Pipe.Arn", "/Outputs/PipeArn/Value")
    ]


@pytest.mark.parametrize(
    ("export", "value", "cure"),
    [
        (
            "WorkflowBucket",
            {"Ref": "ArtifactBucket"},
            "!Ref of the bucket ceap-workflow-${Environment}-${AWS::AccountId}, or !Ref WorkflowBucketName where one "
            "is adopted",
        ),
        (
            "ArtifactBucket",
            arn("ArtifactBucket"),
            "!Ref of the bucket ceap-artifacts-${Environment}-${AWS::AccountId}, or !Ref ArtifactBucketName where one "
            "is adopted",
        ),
        (
            "AlertTopic",
            {"Fn::GetAtt": ["AlertTopic", "TopicName"]},
            "!Ref of the topic, or !Ref AlertTopicArn where one is adopted",
        ),
        (
            "RecordsTableName",
            {"Ref": "RatingsTable"},
            "!Ref RecordsTable, or !Ref RecordsTableName where a table is adopted",
        ),
    ],
)
def test_an_export_of_something_else_is_found(export: str, value: Json, cure: str) -> None:
    message = f"{export} is not what workflows import by that name | fix: {cure}"
    assert said(RULE, "foundation", output(export, value)) == [(message, f"/Outputs/{export}/Value")]


@pytest.mark.parametrize("export", ["WorkflowBucket", "AlertTopic"])
@pytest.mark.parametrize(
    "value",
    [
        lambda own, parameter: own,
        lambda own, parameter: {"Fn::If": ["CreateArtifactBucket", own, parameter]},
        lambda own, parameter: {"Fn::If": [f"Create{own['Ref']}", parameter, own]},
        lambda own, parameter: {"Fn::If": [f"Create{own['Ref']}", own, {"Ref": "RecordsTableName"}]},
        lambda own, parameter: parameter,
    ],
    ids=["never adopted", "of another's condition", "turned", "of another's parameter", "always adopted"],
)
def test_an_export_is_what_is_made_or_else_what_is_adopted(export: str, value: Callable[[Json, Json], Json]) -> None:
    parameter = {"WorkflowBucket": "WorkflowBucketName", "AlertTopic": "AlertTopicArn"}[export]
    [(message, place)] = said(RULE, "foundation", output(export, value({"Ref": export}, {"Ref": parameter})))
    assert message.startswith(f"{export} is not what workflows import by that name")
    assert place == f"/Outputs/{export}/Value"


def test_a_table_exported_under_the_condition_of_another_is_found() -> None:
    change = put("Outputs", "RecordsTableName", "Value", "Fn::If", 0, "CreateRatingsTable")
    [(_, place)] = said(RULE, "foundation", change)
    assert place == "/Outputs/RecordsTableName/Value"


@pytest.mark.parametrize(
    "change",
    [drop("Outputs", "AlertTopic"), put("Outputs", "AlertTopic", "Export", "Name", sub("alerts-${Environment}"))],
)
def test_an_export_that_workflows_would_miss_is_found(change: Change) -> None:
    message = f"no output exports {EXPORT}AlertTopic, which workflows import | fix: add one"
    assert said(RULE, "foundation", change) == [(message, "/Outputs")]


def test_a_bucket_of_another_name_than_grants_spell_out_is_found() -> None:
    [(_, place)] = said(RULE, "foundation", of("WorkflowBucket", "BucketName", sub("data-${Environment}")))
    assert place == "/Outputs/WorkflowBucket/Value"


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("express", output("StateMachineArn", {"Ref": "StateMachine"})),
        ("express", drop("Outputs", "QueueUrl")),
        ("express", drop("Outputs")),
        ("foundation", output("RecordsTableName", {"Ref": "RecordsTable"})),
        ("foundation", renamed_table),
        ("foundation", put("Outputs", "Spare", {"Value": "x", "Export": {"Name": "spare"}})),
    ],
)
def test_other_outputs_and_other_ways_are_fine(kind: str, change: Change) -> None:
    assert said(RULE, kind, change) == []
