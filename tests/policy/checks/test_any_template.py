"""Every check on templates of any shape: it may find something or nothing, and never fails."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceap.cfn.forms import malformed
from ceap.cfn.template import parse_template
from ceap.errors import UsageError
from ceap.policy.checks import load_checks
from tests.policy.samples import KINDS, golden

CHECKS = load_checks()
# What stands where something else is expected: other shapes, intrinsics, numbers that cannot be counted with.
ODD: tuple[Any, ...] = (
    None,
    [],
    {},
    "",
    "x",
    "${",
    "${A}",
    True,
    -1,
    10**400,
    1e300,
    [[]],
    [{}],
    [None, "x"],
    {"": {}},
    {"Ref": "Queue"},
    {"Ref": ["Queue"]},
    {"Ref": "AWS::NoValue"},
    {"Fn::GetAtt": []},
    {"Fn::GetAtt": "Queue.Arn"},
    {"Fn::GetAtt": ["Queue", {"Ref": "A"}]},
    {"Fn::If": ["HasKmsKey", "a", "b"]},
    {"Fn::If": []},
    {"Fn::If": [["HasKmsKey"], {}, []]},
    {"Fn::Sub": ["${A}", {"A": 1}]},
    {"Fn::Sub": []},
    {"Fn::ImportValue": {"Fn::Sub": "${A}"}},
    {"Fn::ImportValue": [1]},
    {"Condition": "HasKmsKey"},
    {"Fn::Transform": {"Name": "X"}},
    {"Fn::Join": ["", ["arn:", {"Ref": "Queue"}, {}]]},
    {"Statement": [{"Effect": {}, "Action": [{}], "Resource": 5, "Condition": {"StringEquals": {"a": {}}}}]},
)
TEXTS = {kind: json.dumps(golden(kind).data) for kind in KINDS}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in pairs:
        yield from places(below, (*path, key))


def replace(data: Any, draw: st.DrawFn) -> None:
    *keys, last = draw(st.sampled_from(list(places(data))))
    for key in keys:
        data = data[key]
    data[last] = copy.deepcopy(draw(st.sampled_from(ODD)))


@st.composite
def odd_templates(draw: st.DrawFn) -> str:
    """A committed template in which some values, also some of the definition's, are replaced by odd ones."""
    data = json.loads(TEXTS[draw(st.sampled_from(KINDS))])
    machine = data["Resources"].get("StateMachine", {}).get("Properties", {})
    if "DefinitionString" in machine:
        definition = json.loads(machine["DefinitionString"])
        for _ in range(draw(st.integers(0, 3))):
            replace(definition, draw)
        machine["DefinitionString"] = json.dumps(definition)
    for _ in range(draw(st.integers(0, 4))):
        replace(data, draw)
    resources = data["Resources"]
    if not isinstance(resources, dict) or not resources:
        data["Resources"] = {"Queue": {}}
    for name in list(data["Resources"]):
        if not isinstance(data["Resources"][name], dict | list):
            data["Resources"][name] = {}
    return json.dumps(data)


@settings(deadline=None, max_examples=300)
@given(text=odd_templates())
def test_a_check_never_fails_and_says_where(text: str) -> None:
    if any(malformed(json.loads(text))):
        with pytest.raises(UsageError, match=r"odd\.json:1: Fn::(Sub|If) has "):
            parse_template(text, "odd.json")
        return
    template = parse_template(text, "odd.json")
    for check in CHECKS:
        for finding in check.check(template):
            assert finding.rule == check.rule
            assert finding.path.startswith("/")
            assert finding.what
            assert finding.fix


FOREIGN = """\
Parameters:
  Stage: {Type: String, Default: dev}
  Suffix: {Type: String, Default: ''}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  HasSuffix: !Not [!Equals [!Ref Suffix, '']]
Resources:
  Fn::ForEach::Topics: [Name, [A, B], {'Topic${Name}': {Type: 'AWS::SNS::Topic'}}]
  Api: {Type: AWS::Serverless::Api, Properties: {StageName: !Ref Stage}}
  Key: {Type: AWS::KMS::Key, Condition: IsProd, Properties: {KeyPolicy: {}}}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Handler: index.handler
      Runtime: nodejs22.x
      Role: !GetAtt Role.Arn
      Timeout: !If [IsProd, 60, 30]
      Code: {ZipFile: 'exports.handler = async () => 1'}
      Environment: {Variables: {TABLE_ORDERS: !Ref Orders, SETTINGS: text, NAME: !Sub 'a${Suffix}'}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          Effect: Allow
          Principal: {Service: [lambda.amazonaws.com, edgelambda.amazonaws.com]}
          Action: sts:AssumeRole
      Policies:
      - PolicyName: own
        PolicyDocument:
          Statement:
          - {Effect: Allow, Action: 'logs:CreateLogGroup', Resource: !Sub 'arn:aws:logs:*:${AWS::AccountId}:*'}
          - Effect: Allow
            Action: ['logs:CreateLogStream', 'logs:PutLogEvents']
            Resource: !Sub 'arn:aws:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/lambda/*'
          - Effect: Allow
            Action: ['dynamodb:Query', 'dynamodb:GetItem']
            Resource: [!GetAtt Orders.Arn, !Sub '${Orders.Arn}/index/*']
          - {Effect: Allow, Action: ['s3:Get*', 's3:List*'], Resource: ['arn:aws:s3:::data', 'arn:aws:s3:::data/*']}
          - Effect: Allow
            Action: 'kms:Decrypt'
            Resource: !GetAtt Key.Arn
            Condition: {StringLike: {'kms:ViaService': 's3.*'}}
          - {Effect: Allow, Action: 'sqs:SendMessage', Resource: !If [IsProd, !GetAtt Queue.Arn, !Ref 'AWS::NoValue']}
          - {Effect: Deny, NotAction: 'iam:*', Resource: '*', Condition: {Bool: {'aws:MultiFactorAuthPresent': false}}}
  Instance: {Type: AWS::IAM::InstanceProfile, Properties: {Roles: [!Ref InstanceRole]}}
  InstanceRole: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}
  NamedRole: {Type: AWS::IAM::Role, Properties: {RoleName: !Sub 'deploy-${Stage}', AssumeRolePolicyDocument: {}}}
  Orders: {Type: AWS::DynamoDB::Table, Properties: {KeySchema: [{AttributeName: id, KeyType: HASH}]}}
  RecordsTable: {Type: AWS::DynamoDB::Table, Properties: {KeySchema: [{AttributeName: id, KeyType: HASH}]}}
  Queue:
    Type: AWS::SQS::Queue
    Properties: {RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 5}}
  Dead: {Type: AWS::SQS::Queue}
  Job: {Type: AWS::Glue::Job, Properties: {Role: !Ref JobRole, Command: {Name: glueetl, ScriptLocation: 's3://b/x.py'}}}
  JobRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: glue.amazonaws.com}, Action: 'sts:AssumeRole'}]
  Poll:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      StateMachineName: !Sub 'poll-${Stage}'
      RoleArn: !ImportValue poll-role
      DefinitionString: |
        {"StartAt": "Wait", "TimeoutSeconds": 600, "States": {
          "Wait": {"Type": "Wait", "Seconds": 5, "Next": "Try"},
          "Try": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"},
                  "TimeoutSeconds": 9, "Retry": [{"ErrorEquals": ["States.ALL"]}],
                  "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}], "Next": "Done?"},
          "Done?": {"Type": "Choice", "Default": "Wait",
                    "Choices": [{"Variable": "$.done", "BooleanEquals": true, "Next": "Keep"}]},
          "Keep": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:putObject", "TimeoutSeconds": 9,
                   "Parameters": {"Bucket": "b", "Key": "k"}, "End": true},
          "Failed": {"Type": "Fail"}}}
  Cpu:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: AWS/EC2
      MetricName: CPUUtilization
      Dimensions: [{Name: InstanceId, Value: i-1}]
      AlarmActions: [!Ref Topic]
  Errors:
    Type: AWS::CloudWatch::Alarm
    Properties: {Namespace: AWS/Lambda, MetricName: Errors, Dimensions: [{Name: FunctionName, Value: !Ref Function}]}
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: !Sub 'a-${Stage}'}}
  Hourly:
    Type: AWS::Events::Rule
    Properties:
      ScheduleExpression: rate(1 hour)
      Targets: [{Id: f, Arn: !GetAtt Function.Arn, DeadLetterConfig: {Arn: !GetAtt Dead.Arn}}]
  DeadPolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Dead]
      PolicyDocument:
        Statement:
          Effect: Allow
          Principal: {Service: events.amazonaws.com}
          Action: sqs:SendMessage
          Resource: '*'
          Condition: {ArnEquals: {'aws:SourceArn': !GetAtt Hourly.Arn}}
Outputs:
  QueueUrl: {Value: !GetAtt Queue.Arn, Export: {Name: !Sub '${AWS::StackName}-queue'}}
"""


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.rule)
def test_a_right_template_that_ceap_did_not_make_is_not_blamed(check: Any) -> None:
    assert check.check(parse_template(FOREIGN, "foreign.yaml")) == []
