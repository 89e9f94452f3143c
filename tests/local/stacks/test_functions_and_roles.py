"""Functions, roles and policies: what the APIs of the engine answer after CloudFormation changed them."""

from __future__ import annotations

import json

import pytest

from ceap.archive import build_zip
from ceap.local.stack_models import ResourceError
from ceap.local.stacks.resources import create, delete, find, update
from tests.local.stacks.by_hand import TRUST, Resources, is_refused, policy

GLUE_TRUST = json.loads(json.dumps(TRUST).replace("lambda", "glue"))


def test_a_role_has_the_policies_and_the_trust_that_its_properties_now_say(resources: Resources) -> None:
    boundary, _ = resources.made("AWS::IAM::ManagedPolicy", PolicyDocument=policy("s3:*"))
    arn = str(boundary.physical_resource_id)
    before = {
        "RoleName": "role",
        "AssumeRolePolicyDocument": TRUST,
        "Policies": [
            {"PolicyName": "kept", "PolicyDocument": policy("s3:GetObject")},
            {"PolicyName": "gone", "PolicyDocument": policy("s3:PutObject")},
        ],
        "ManagedPolicyArns": [arn],
    }
    after = {
        "RoleName": "role",
        "Description": "new",
        "AssumeRolePolicyDocument": GLUE_TRUST,
        "Policies": [{"PolicyName": "kept", "PolicyDocument": policy("sqs:SendMessage")}],
        "PermissionsBoundary": arn,
    }
    model, given = resources.made("AWS::IAM::Role", **before)
    iam = resources.client("iam")
    assert [each["PolicyArn"] for each in iam.list_attached_role_policies(RoleName="role")["AttachedPolicies"]] == [arn]
    update(model, given._replace(properties=after))
    role = iam.get_role(RoleName="role")["Role"]
    assert role["AssumeRolePolicyDocument"] == GLUE_TRUST
    assert (role["Description"], role["PermissionsBoundary"]["PermissionsBoundaryArn"]) == ("new", arn)
    assert iam.list_role_policies(RoleName="role")["PolicyNames"] == ["kept"]
    kept = iam.get_role_policy(RoleName="role", PolicyName="kept")["PolicyDocument"]
    assert kept == policy("sqs:SendMessage")
    assert iam.list_attached_role_policies(RoleName="role")["AttachedPolicies"] == []
    assert find(given, {"RoleName": "role"}) is model
    delete(model, given)
    assert is_refused(iam, "get_role", RoleName="role")


def test_a_role_that_cannot_be_judged_is_left_as_it_was(resources: Resources) -> None:
    model, given = resources.made("AWS::IAM::Role", RoleName="judged", AssumeRolePolicyDocument=TRUST)
    odd = {"AssumeRolePolicyDocument": {"Statement": []}, "RoleName": "judged", "Description": "new"}
    with pytest.raises(ResourceError, match="Thing, AssumeRolePolicyDocument: Statement: must be a statement"):
        update(model, given._replace(properties=odd))
    role = resources.client("iam").get_role(RoleName="judged")["Role"]
    assert (role["AssumeRolePolicyDocument"], role.get("Description", "")) == (TRUST, "")


def test_a_role_that_is_refused_leaves_nothing_behind(resources: Resources) -> None:
    odd = {"AssumeRolePolicyDocument": {"Statement": []}, "RoleName": "refused"}
    with pytest.raises(ResourceError):
        resources.made("AWS::IAM::Role", **odd)
    assert is_refused(resources.client("iam"), "get_role", RoleName="refused")


def test_a_managed_policy_gets_a_new_version_and_moves_with_its_roles(resources: Resources) -> None:
    for name in ("r1", "r2"):
        resources.made("AWS::IAM::Role", RoleName=name, AssumeRolePolicyDocument=TRUST)
    first = {"ManagedPolicyName": "shared", "PolicyDocument": policy("s3:GetObject"), "Roles": ["r1"]}
    model, given = resources.made("AWS::IAM::ManagedPolicy", **first)
    iam, arn = resources.client("iam"), str(model.physical_resource_id)
    assert arn == f"arn:aws:iam::{resources.engine.account}:policy/shared"
    for number in range(6):
        changed = {**first, "PolicyDocument": policy(f"s3:Get{number}"), "Roles": ["r2"]}
        model = update(model, given := given._replace(properties=changed))
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    assert document == policy("s3:Get5")
    attached = {name: iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] for name in ("r1", "r2")}
    assert {name: len(listed) for name, listed in attached.items()} == {"r1": 0, "r2": 1}
    delete(find(given, {"PolicyArn": arn}), given)
    assert is_refused(iam, "get_policy", PolicyArn=arn)


def test_a_provider_of_identities_is_changed_found_and_deleted(resources: Resources) -> None:
    url = "https://token.actions.githubusercontent.com"
    model, given = resources.made("AWS::IAM::OIDCProvider", Url=url, ClientIdList=["old"])
    iam, arn = resources.client("iam"), str(model.physical_resource_id)
    assert arn.endswith(":oidc-provider/token.actions.githubusercontent.com")
    update(model, given._replace(properties={"Url": url, "ClientIdList": ["sts.amazonaws.com"]}))
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert found["ClientIDList"] == ["sts.amazonaws.com"]
    delete(find(given, {"Arn": arn}), given)
    assert is_refused(iam, "get_open_id_connect_provider", OpenIDConnectProviderArn=arn)


def test_a_function_has_the_code_and_settings_that_its_properties_now_say(resources: Resources) -> None:
    variables = {"Environment": {"Variables": {"A": "1"}}}
    before = resources.function("function", "1", MemorySize=256, Timeout=9, ReservedConcurrentExecutions=2, **variables)
    model, given = resources.made("AWS::Lambda::Function", **before)
    client = resources.client("lambda")
    old = client.get_function(FunctionName="function")["Configuration"]["CodeSha256"]
    after = resources.function("function", "2", MemorySize=512, TracingConfig={"Mode": "Active"})
    model = update(model, given._replace(properties=after))
    found = client.get_function(FunctionName="function")
    configuration = found["Configuration"]
    assert (configuration["MemorySize"], configuration["Timeout"]) == (512, 3)
    assert configuration["TracingConfig"] == {"Mode": "Active"}
    assert "Environment" not in configuration
    assert "Concurrency" not in found
    assert configuration["CodeSha256"] != old
    assert find(given, {"FunctionName": "function"}) is model
    with pytest.raises(ResourceError, match="'AWS::Lambda::Function' with identifier 'function' already exists"):
        create(given)
    delete(model, given)
    assert is_refused(client, "get_function", FunctionName="function")


def test_each_setting_of_a_function_can_be_changed_and_left_out_again(resources: Resources) -> None:
    own = {
        "Description": "of a team",
        "MemorySize": 256,
        "Timeout": 9,
        "EphemeralStorage": {"Size": 1024},
        "TracingConfig": {"Mode": "Active"},
        "Architectures": ["arm64"],
        "Tags": [{"Key": "team", "Value": "data"}],
    }
    model, given = resources.made("AWS::Lambda::Function", **resources.function("settings", "1"))
    client = resources.client("lambda")

    def settings() -> list[object]:
        found = client.get_function(FunctionName="settings")
        configuration = {**found["Configuration"], "Tags": found.get("Tags", {})}
        return [configuration[name] for name in own]

    defaults = settings()
    model = update(model, given._replace(properties=resources.function("settings", "1", **own)))
    assert settings() == [*list(own.values())[:-1], {"team": "data"}]
    update(model, given)
    assert settings() == defaults
    assert defaults == ["", 128, 3, {"Size": 512}, {"Mode": "PassThrough"}, ["x86_64"], {}]


def test_a_changed_function_is_published_as_a_new_version_and_one_that_did_not_change_is_not(
    resources: Resources,
) -> None:
    model, given = resources.made("AWS::Lambda::Function", **resources.function("told", "1"))
    client = resources.client("lambda")

    def version() -> str:
        return str(client.publish_version(FunctionName="told")["Version"])

    first, *_ = version(), version()  # moto notes only at the second that nothing has changed since
    unchanged = version()
    update(model, given._replace(properties=resources.function("told", "1", Timeout=5)))
    changed = version()
    assert (first, unchanged, changed, version()) == ("1", "2", "3", "3")


def test_other_bytes_under_the_same_key_are_not_taken_as_new_code(resources: Resources) -> None:
    client, s3 = resources.client("lambda"), resources.client("s3")
    s3.put_object(Bucket="code", Key="same.zip", Body=build_zip({"app.py": b"1"}))
    model, given = resources.made("AWS::Lambda::Function", **resources.function("same", "same"))
    old = client.get_function(FunctionName="same")["Configuration"]["CodeSha256"]
    s3.put_object(Bucket="code", Key="same.zip", Body=build_zip({"app.py": b"2"}))
    update(model, given._replace(properties=resources.function("same", "same", Timeout=5)))
    assert client.get_function(FunctionName="same")["Configuration"]["CodeSha256"] == old


def test_a_function_whose_new_code_is_not_there_is_left_as_it_was(resources: Resources) -> None:
    model, given = resources.made("AWS::Lambda::Function", **resources.function("left", "1", Timeout=5))
    with pytest.raises(ResourceError, match=r"^Error occurred while GetObject\. S3 Error Code: NoSuchKey\."):
        update(model, given._replace(properties=resources.function("left", "none", Timeout=6)))
    assert resources.client("lambda").get_function(FunctionName="left")["Configuration"]["Timeout"] == 5
