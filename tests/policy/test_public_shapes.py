"""Shapes of templates that others publish: what is found in them is true, and each fault is found once."""

from __future__ import annotations

import pytest

from ceap.cfn.template import parse_template
from ceap.policy.verdict import judge
from tests.policy.samples import rules

FROM_STREAM = """
Resources:
  Sales: {Type: AWS::Kinesis::Stream, Properties: {ShardCount: 1}}
  Inbox: {Type: AWS::SQS::Queue, DeletionPolicy: Retain, UpdateReplacePolicy: Retain}
  Forward:
    Type: AWS::Pipes::Pipe
    Properties:
      RoleArn: !Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:role/forward
      Source: !GetAtt Sales.Arn
      SourceParameters:
        KinesisStreamParameters: {StartingPosition: LATEST, BatchSize: 100}
        FilterCriteria: {Filters: [{Pattern: '{"data": {"kind": ["sale"]}}'}]}
      Target: !GetAtt Inbox.Arn
      LogConfiguration: {Level: ERROR, CloudwatchLogsLogDestination: {LogGroupArn: !GetAtt Logs.Arn}}
  Logs: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 14}}
"""

FROM_TABLE = """
Resources:
  Carts:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
  Changes:
    Type: AWS::Pipes::Pipe
    Properties:
      RoleArn: !Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:role/changes
      Source: !GetAtt Carts.StreamArn
      Target: !Sub arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/carts
      LogConfiguration: {Level: ERROR, CloudwatchLogsLogDestination: {LogGroupArn: !GetAtt Logs.Arn}}
  Logs: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 14}}
"""

DEFAULTS = """
Resources:
  Inbox: {Type: AWS::SQS::Queue, DeletionPolicy: Retain, UpdateReplacePolicy: Retain}
  Logs: {Type: AWS::Logs::LogGroup, Properties: {RetentionInDays: 14}}
  HostRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: ['sts:AssumeRole']}]
      Policies:
      - PolicyName: agent
        PolicyDocument:
          Version: '2012-10-17'
          Statement:
          - Effect: Allow
            Action: ['ecr:GetAuthorizationToken', 'ec2:DescribeInstances', 'sqs:ListQueues', 'cloudwatch:PutMetricData']
            Resource: ['*']
  Profile: {Type: AWS::IAM::InstanceProfile, Properties: {Roles: [!Ref HostRole]}}
  Reader:
    Type: AWS::Glue::Job
    Properties:
      Role: !Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:role/reader
      GlueVersion: '6.0'
      WorkerType: G.1X
      NumberOfWorkers: 2
      Timeout: 60
      MaxRetries: 0
      ExecutionProperty: {MaxConcurrentRuns: 2}
      Command: {Name: glueetl, PythonVersion: '3', ScriptLocation: 's3://scripts/reader.py'}
"""

SAM = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Tick:
    Type: AWS::Serverless::Function
    Properties: {Handler: tick.run, Runtime: python3.13, CodeUri: src/, Policies: [AdministratorAccess]}
"""

MISSPELT = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement:
        - Effect: Allow
          Principal: {Service: lambda.amazonaws.com}
          Action: ['sts:AssumeRole']
          Condition: {StringEquals: {'aws:SourceAccount': !Ref AWS::AccountId}}
      Policies:
      - PolicyName: write
        PolicyDocument:
          Version: '2012-10-17'
          Statement:
          - {Effect: Allow, Action: ['dynamodb:CreateItem'], Resource: [!GetAtt Carts.Arn]}
  Carts: {Type: AWS::DynamoDB::GlobalTable, DeletionPolicy: Retain, UpdateReplacePolicy: Retain}
Outputs:
  Role: {Value: !GetAtt Role.Arn}
"""

ACTION = "/Resources/Role/Properties/Policies/0/PolicyDocument/Statement/0/Action/0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(FROM_STREAM, [("P41_PIPE", "/Resources/Forward/Properties/Source")], id="from a stream"),
        pytest.param(FROM_TABLE, [("P41_PIPE", "/Resources/Changes/Properties/Source")], id="from a table"),
        pytest.param(DEFAULTS, [], id="what AWS does by default"),
        pytest.param(SAM, [("CFN04_NO_TRANSFORM", "/Transform")], id="a transform"),
        pytest.param(MISSPELT, [("IAM01_ACTIONS_EXIST", ACTION)], id="a misspelt action"),
    ],
)
def test_a_public_template_has_the_findings_that_are_true_of_it(text: str, expected: list[tuple[str, str]]) -> None:
    [judgement] = judge([parse_template(text, "shape.yaml")], rules(), lint=False)
    found = [(finding.rule, finding.path) for finding in judgement.findings if finding.rule != "GEN03_JUDGED"]
    assert found == expected
