from __future__ import annotations

import json
from typing import Any

import pytest

from ceap.cfn.template import Template, parse_template
from ceap.iam.arn import resolve, split_arn
from ceap.iam.matching import matches

RESOURCES = {
    "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "q-${Environment}"}}},
    "Nameless": {"Type": "AWS::SQS::Queue"},
    "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "alerts"}},
    "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Fn::Join": ["-", ["b", {"Ref": "Queue2"}]]}}},
    "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/x"}},
    "Job": {"Type": "AWS::Glue::Job", "Properties": {"Name": "job"}},
    "Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": {"Fn::GetAtt": ["Role", "Arn"]}}},
    "Other": {"Type": "Custom::Other"},
}
HERE = "${AWS::Region}:${AWS::AccountId}"


def template() -> Template:
    return parse_template(json.dumps({"Resources": RESOURCES}), "t.json")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("arn:aws:s3:::b", "arn:aws:s3:::b"),
        ("arn:${AWS::Partition}:s3:::b", "arn:$${AWS::Partition}:s3:::b"),
        (5, "5"),
        (True, "true"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, f"arn:${{AWS::Partition}}:sqs:{HERE}:q-${{Environment}}"),
        ({"Fn::Sub": "${Queue.Arn}"}, f"arn:${{AWS::Partition}}:sqs:{HERE}:q-${{Environment}}"),
        ({"Ref": "Queue"}, "https://sqs.${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}/q-${Environment}"),
        ({"Fn::GetAtt": ["Nameless", "Arn"]}, f"arn:${{AWS::Partition}}:sqs:{HERE}:${{Nameless}}"),
        ({"Fn::GetAtt": ["Queue", "QueueUrl"]}, "${Queue.QueueUrl}"),
        ({"Ref": "Topic"}, f"arn:${{AWS::Partition}}:sns:{HERE}:alerts"),
        ({"Fn::Join": ["", [{"Fn::GetAtt": ["Bucket", "Arn"]}, "/*"]]}, "arn:${AWS::Partition}:s3:::b-${Queue2}/*"),
        ({"Fn::GetAtt": ["Group", "Arn"]}, f"arn:${{AWS::Partition}}:logs:{HERE}:log-group:/x:*"),
        ({"Ref": "Job"}, "job"),
        ({"Fn::GetAtt": ["Job", "Arn"]}, "${Job.Arn}"),
        ({"Ref": "Other"}, "${Other}"),
        ({"Fn::Sub": ["a-${B}-${!C}", {"B": {"Ref": "Job"}}]}, "a-job-$${C}"),
        ({"Fn::ImportValue": {"Fn::Sub": "x-${Environment}-Y"}}, "${import x-Environment-Y}"),
        ({"Fn::Select": [0, ["a", "b"]]}, "${Fn Select 0 a b}"),
    ],
)
def test_a_value_becomes_the_text_it_comes_to(value: Any, text: str) -> None:
    assert resolve(template(), value) == text


def test_a_name_that_refers_to_itself_ends() -> None:
    account = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/"
    assert resolve(template(), {"Fn::GetAtt": ["Role", "Arn"]}) == f"{account}${{Role.Arn}}"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("arn:${AWS::Partition}:s3:::b/k:1", ["arn", "${AWS::Partition}", "s3", "", "", "b/k:1"]),
        ("arn:aws:s3", None),
        ("${Bucket.Arn}/*", None),
        ("https://sqs.eu-west-1.amazonaws.com:443/1/a:b:c:d:e", None),
    ],
)
def test_an_arn_has_six_parts(text: str, parts: list[str] | None) -> None:
    assert split_arn(text) == parts


@pytest.mark.parametrize(("text", "fits"), [("s3:GetObject", True), ("s3:GetObject.", False), ("s3.GetObject", False)])
def test_only_star_and_question_mark_are_wildcards(text: str, fits: bool) -> None:
    assert matches("s3:Get*c?", text) is fits
