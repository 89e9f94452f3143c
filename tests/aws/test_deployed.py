from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ceap.aws.deployed import DeployedStack, difference_from
from ceap.aws.workflow import deployed_workflow
from ceap.cfn.template import parse_template
from ceap.deploy.smoke.expectations import (
    LogLines,
    NoDeadLetters,
    QuietAlarm,
    StageObject,
    Succeeds,
    TableItems,
    Traced,
    expectations,
)
from ceap.errors import UsageError
from templates.render import render
from tests.local.support import standard_template

TEMPLATE = """
Resources:
  Work: {Type: AWS::Lambda::Function, Properties: {}}
  Queue: {Type: AWS::SQS::Queue}
"""
STACK = DeployedStack(
    name="ceap-a-dev",
    template=parse_template(TEMPLATE, "a"),
    parameters={"Environment": "dev"},
    physical={"Work": "ceap-a-dev-Work", "Queue": "https://sqs/1/queue"},
    exports={"ceap-foundation-dev-Table": "items"},
    account="123456789012",
    region="eu-central-1",
    partition="aws",
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", "text"),
        ({"Ref": "Environment"}, "dev"),
        ({"Ref": "Queue"}, "https://sqs/1/queue"),
        ({"Ref": "AWS::Region"}, "eu-central-1"),
        ({"Fn::GetAtt": ["Work", "Arn"]}, "arn:aws:lambda:eu-central-1:123456789012:function:ceap-a-dev-Work"),
        ({"Fn::GetAtt": ["Queue", "QueueName"]}, None),
        ({"Fn::Sub": "a-${Environment}-${AWS::AccountId}"}, "a-dev-123456789012"),
        ({"Fn::Sub": "a-${Unknown}"}, None),
        ({"Fn::ImportValue": {"Fn::Sub": "ceap-foundation-${Environment}-Table"}}, "items"),
        ({"Fn::Sub": ["t/${N}", {"N": {"Fn::ImportValue": "ceap-foundation-dev-Table"}}]}, "t/items"),
        ({"Fn::ImportValue": "nobody's"}, None),
        ({"Fn::If": ["HasKey", "a", "b"]}, None),
    ],
)
def test_a_value_is_what_the_stack_makes_of_it_or_unknown(value: object, expected: str | None) -> None:
    assert STACK.value(value) == expected


def test_a_committed_template_that_is_deployed_needs_no_note(tmp_path: Path) -> None:
    file = tmp_path / "a.template.yaml"
    file.write_text(f"# another comment\n{TEMPLATE}", encoding="utf-8")
    assert difference_from(STACK, file) is None


@pytest.mark.parametrize(
    ("text", "what"),
    [(None, "a template, but there is no"), (TEMPLATE + "  More: {Type: AWS::SQS::Queue}\n", "another template than")],
)
def test_a_committed_template_that_is_not_deployed_is_told(tmp_path: Path, text: str | None, what: str) -> None:
    file = tmp_path / "generated" / "a.template.yaml"
    file.parent.mkdir()
    if text:
        file.write_text(text, encoding="utf-8")
    assert difference_from(STACK, file) == (
        f"stack ceap-a-dev has {what} generated/a.template.yaml; smoke judges what is deployed: see "
        "`ceap diff generated/a.template.yaml --deployed --env dev`"
    )


def test_a_stack_that_is_no_workflow_is_refused() -> None:
    with pytest.raises(UsageError, match="stack foundation has no pipe from a queue to a state machine"):
        deployed_workflow(msgspec.structs.replace(STACK, name="foundation"), "foundation", "dev")


def test_a_workflow_promises_what_its_template_holds() -> None:
    data = standard_template("HeavyGlueStage", "KeepStage")
    template = parse_template(render(data), "standard")
    stack = msgspec.structs.replace(
        STACK,
        template=template,
        physical={name: f"the-{name}" for name in template.data["Resources"]},
        exports={
            "ceap-foundation-dev-WorkflowBucket": "bucket",
            "ceap-foundation-dev-RecordsTableName": "records",
        },
    )
    workflow = deployed_workflow(stack, "standard", "dev")
    expected = expectations(workflow)
    alarms = [check for check in expected.checks if isinstance(check, QuietAlarm)]
    assert [check for check in expected.checks[1:] if check not in alarms] == [
        Succeeds("the-StateMachine", "the-Pipe"),
        StageObject("bucket", "initial"),
        StageObject("bucket", "HeavyGlueStage"),
        StageObject("bucket", "KeepStage"),
        TableItems("records", ("KeepStage",)),
        LogLines("HeavyGlueStage", "/aws-glue/jobs/ceap-standard-dev-HeavyGlue/output", "the-HeavyGlueJob"),
        LogLines("KeepStage", "the-KeepFunctionLogGroup"),
        NoDeadLetters("the-DeadLetterQueue"),
        Traced("the-StateMachine", ("the-KeepFunctionLogGroup",)),
    ]
    assert len(alarms) == sum(resource["Type"] == "AWS::CloudWatch::Alarm" for resource in data["Resources"].values())
    assert (expected.publishers, workflow.is_express) == ((), False)
