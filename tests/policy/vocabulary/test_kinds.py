import pytest

from ceap.cfn.template import parse_template
from ceap.policy.vocabulary.kinds import StackKind, is_workflow, kind_of
from tests.policy.broken import base
from tests.policy.changes import Change, drop, of, put
from tests.policy.samples import KINDS, golden
from tests.policy.vocabulary.support import changed, whats
from tests.policy.vocabulary_mutants import ELSEWHERE


@pytest.mark.parametrize("kind", KINDS)
def test_each_template_that_ceap_makes_is_of_its_kind(kind: str) -> None:
    assert kind_of(golden(kind)) == kind


@pytest.mark.parametrize(
    "change",
    [
        drop("Parameters"),
        drop("Resources", "Pipe"),
        drop("Resources", "StateMachine"),
        drop("Resources", "Queue"),
        of("Pipe", "Source", ELSEWHERE),
        of("StateMachine", "StateMachineName", "theirs"),
        of("TakeFunction", "Handler", "index.handler"),
        of("StateMachine", "DefinitionString", {"Ref": "Definition"}),
        put("Resources", "Fn::ForEach::More", []),
    ],
)
def test_a_workflow_stays_one_when_a_part_of_it_is_taken_away(change: Change) -> None:
    assert kind_of(changed("express", change)) in (StackKind.EXPRESS, StackKind.STANDARD)


@pytest.mark.parametrize(
    "change",
    [
        drop("Outputs"),
        drop("Resources", "AlertTopic"),
        of("WorkflowBucket", "BucketName", "theirs"),
        put("Resources", "StateMachine", {"Type": "AWS::StepFunctions::StateMachine"}),
    ],
)
def test_the_foundation_stays_one_when_a_part_of_it_is_changed(change: Change) -> None:
    assert kind_of(changed("foundation", change)) is StackKind.FOUNDATION


OWN = """
Resources:
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties: {AlarmActions: [!ImportValue {'Fn::Sub': 'ceap-foundation-${Environment}-AlertTopic'}]}
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: ceap-own, DelaySeconds: 900}}
"""
STREAM = """
Resources:
  Table: {Type: AWS::DynamoDB::Table}
  Queue: {Type: AWS::SQS::Queue}
  Pipe:
    Type: AWS::Pipes::Pipe
    Properties: {Source: !GetAtt Table.StreamArn, Target: !GetAtt Queue.Arn}
"""


@pytest.mark.parametrize("text", [OWN, STREAM, "Resources: {Bucket: {Type: AWS::S3::Bucket}}"])
def test_a_template_of_another_kind_is_not_judged(text: str) -> None:
    assert kind_of(parse_template(text, "own.yaml")) is None
    assert whats(parse_template(text, "own.yaml")) == []


def test_a_workflow_of_existing_functions_alone_is_one_of_ceap() -> None:
    template = base("legacy")
    assert kind_of(template) is StackKind.EXPRESS
    assert is_workflow(template)


MACHINE = "M: {Type: AWS::StepFunctions::StateMachine, Properties: {StateMachineName: theirs}}"
PIPE = "P: {Type: AWS::Pipes::Pipe}"
DRIVEN = (
    "{Q: {Type: AWS::SQS::Queue}, "
    "P: {Type: AWS::Pipes::Pipe, Properties: {Source: !GetAtt Q.Arn, Target: !Ref M}}, " + MACHINE + "}"
)
NAMED = "N: {Type: AWS::Glue::Job, Properties: {Name: ceap-orders-dev-Heavy}}"
HANDLER = "F: {Type: AWS::Lambda::Function, Properties: {Handler: handlers.take.handler}}"


@pytest.mark.parametrize(
    "text",
    [
        f"Resources: {DRIVEN}",
        f"Resources: {{{MACHINE}, {PIPE}, {NAMED}}}",
        f"Resources: {{{MACHINE}, {PIPE}, {HANDLER}}}",
        f"Parameters: {{HandlersPrefix: {{Type: String}}}}\nResources: {{{MACHINE}, {NAMED}}}",
        f"Resources: {{{MACHINE}, {NAMED}}}\nOutputs: {{O: {{Value: 'ceap-foundation-${{Environment}}-Topic'}}}}",
    ],
)
def test_three_marks_make_a_template_one_of_ceap_and_two_do_not(text: str) -> None:
    assert kind_of(parse_template(text, "t.yaml")) is StackKind.STANDARD
    assert kind_of(parse_template(text.replace("StepFunctions::StateMachine", "X::Y"), "t.yaml")) is None


def test_a_pipe_that_does_not_wait_says_that_the_type_of_the_machine_is_wrong() -> None:
    place = ("TargetParameters", "StepFunctionStateMachineParameters", "InvocationType")
    assert kind_of(changed("express", of("Pipe", *place, "FIRE_AND_FORGET"))) is StackKind.STANDARD
