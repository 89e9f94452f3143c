from __future__ import annotations

import json

import pytest

from ceap.aws.history import Retained
from ceap.cfn.template import parse_template
from ceap.deploy.adopt import Origin, import_parameters, import_template, retained_of, wanted_of
from tests.policy.samples import KINDS, golden

TEXT = """
Parameters:
  Environment: {Type: String}
Conditions:
  IsProd: !Equals [!Ref Environment, prod]
Resources:
  DeadLetterQueue:
    Type: AWS::SQS::Queue
    DeletionPolicy: RetainExceptOnCreate
    Properties:
      QueueName: !Sub ceap-x-${Environment}-dead-letter-queue
  Queue:
    Type: AWS::SQS::Queue
    Condition: IsProd
    DependsOn: Role
    DeletionPolicy: RetainExceptOnCreate
    UpdateReplacePolicy: Retain
    Properties:
      QueueName: !Sub ceap-x-${Environment}-queue
      RedrivePolicy: {deadLetterTargetArn: !GetAtt DeadLetterQueue.Arn, maxReceiveCount: 3}
  Role:
    Type: AWS::IAM::Role
Outputs:
  QueueUrl: {Value: !Ref Queue}
"""
QUEUE = Retained(logical_id="Queue", type="AWS::SQS::Queue", identifier={"QueueUrl": "https://sqs/1/ceap-x-dev-queue"})
DEAD_LETTERS = Retained(
    logical_id="DeadLetterQueue", type="AWS::SQS::Queue", identifier={"QueueUrl": "https://sqs/1/d"}
)
ORIGIN = Origin(template=parse_template(TEXT, "x"), parameters={}, retained=(QUEUE, DEAD_LETTERS))


def test_an_import_holds_what_stayed_as_it_was_and_nothing_else() -> None:
    imported = json.loads(import_template(ORIGIN, (QUEUE, DEAD_LETTERS)))
    assert sorted(imported) == ["Conditions", "Parameters", "Resources"]
    assert sorted(imported["Resources"]) == ["DeadLetterQueue", "Queue"]
    assert imported["Resources"]["Queue"] == {
        "Type": "AWS::SQS::Queue",
        "DeletionPolicy": "RetainExceptOnCreate",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "QueueName": {"Fn::Sub": "ceap-x-${Environment}-queue"},
            "RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}, "maxReceiveCount": 3},
        },
    }


def test_what_refers_to_a_resource_that_has_gone_is_left_for_the_update() -> None:
    imported = json.loads(import_template(ORIGIN, (QUEUE,)))
    assert imported["Resources"]["Queue"]["Properties"] == {"QueueName": {"Fn::Sub": "ceap-x-${Environment}-queue"}}


def test_only_what_is_wanted_again_as_the_same_type_is_imported() -> None:
    wanted = parse_template(
        "Resources:\n  Queue: {Type: 'AWS::SQS::Queue'}\n  DeadLetterQueue: {Type: 'AWS::SNS::Topic'}\n", "new"
    )
    assert wanted_of(ORIGIN, wanted) == (QUEUE,)


@pytest.mark.parametrize("name", KINDS)
def test_every_resource_of_the_templates_that_stays_can_be_imported_or_is_made_anew(name: str) -> None:
    resources = golden(name).data["Resources"]
    stays = {key: body for key, body in resources.items() if "Retain" in body.get("DeletionPolicy", "")}
    cannot = {body["Type"] for key, body in stays.items() if retained_of(key, body["Type"], "id") is None}
    assert stays
    assert cannot <= {"AWS::SQS::QueuePolicy"}  # SetQueueAttributes writes over what is there


def test_an_import_names_a_resource_by_its_primary_identifier() -> None:
    assert retained_of("Queue", "AWS::SQS::Queue", "https://sqs/1/q") == Retained(
        logical_id="Queue", type="AWS::SQS::Queue", identifier={"QueueUrl": "https://sqs/1/q"}
    )


def test_no_asterisks_are_imported_as_the_value_of_a_secret() -> None:
    parameters = "{Word: {Type: String, NoEcho: true}, Size: {Type: String}}"
    text = f"Parameters: {parameters}\nResources: {{T: {{Type: 'AWS::SNS::Topic'}}}}\n"
    origin = Origin(template=parse_template(text, "x"), parameters={"Word": "****", "Size": "1"}, retained=())
    assert import_parameters(origin, {"Word": "sesame", "Size": "2"}) == {"Word": "sesame", "Size": "1"}
    assert import_parameters(origin, {}) == {"Size": "1"}
