from __future__ import annotations

import json

from ceap.cfn.template import parse_template
from ceap.policy.verdict import judge, load_all_rules
from tests.policy.broken import base
from tests.policy.changes import Change, arn, put
from tests.policy.engines import FASTEST
from tests.policy.own_mutants import MARK, own
from tests.policy.samples import Json


def rules_found(*changes: Change) -> set[str]:
    data: Json = json.loads(json.dumps(base("owned").data))
    for change in changes:
        change(data)
    [judgement] = judge([parse_template(json.dumps(data), "owned.yaml")], load_all_rules(), lint=False, engine=FASTEST)
    return {finding.rule for finding in judgement.findings}


def test_resources_of_a_team_s_own_need_no_waiver() -> None:
    assert rules_found() == set()


def test_how_ceap_builds_its_own_is_not_asked_of_others() -> None:
    pipe = own("AWS::Pipes::Pipe", Source="arn:aws:sqs:us-east-1:123456789012:theirs", Target="a", RoleArn="b")
    group = own("AWS::Logs::LogGroup", RetentionInDays=400, KmsKeyId=arn("UploadsKey"))
    assert rules_found(pipe) == {"SEC05_NAMED", "SEC07_CUSTOMER_KEY"}
    assert rules_found(group) == set()


def test_secure_defaults_hold_for_resources_of_a_team_s_own() -> None:
    assert rules_found(own("AWS::S3::Bucket", BucketName="acme")) >= {
        "P38_NAMES",
        "SEC02_BUCKET_PRIVATE",
        "SEC06_DATA_STAYS",
    }


def test_a_grant_by_a_policy_beside_a_role_of_ceap_is_still_judged() -> None:
    statement = {"Effect": "Allow", "Action": ["s3:DeleteObject"], "Resource": ["arn:aws:s3:::b/k"]}
    change = own("AWS::IAM::Policy", Roles=[{"Ref": "TakeFunctionRole"}], PolicyDocument={"Statement": [statement]})
    assert rules_found(change) >= {"CFN08_OWN_RESOURCES", "P42_GRANTS_ARE_USES"}


def test_a_mark_on_what_is_ceap_s_makes_it_missing() -> None:
    assert rules_found(put("Resources", "Pipe", "Metadata", MARK)) >= {"P41_PIPE"}
    assert rules_found(put("Resources", "Queue", "Metadata", MARK)) >= {"P41_PIPE"}
    assert rules_found(put("Resources", "StateMachine", "Metadata", MARK)) >= {"CFN08_OWN_RESOURCES"}
