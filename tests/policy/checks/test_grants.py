from __future__ import annotations

import json
import re

import pytest

from ceap.cfn.template import parse_template
from ceap.policy.checks.grants import check
from handlers.runtime.needs import Index, Needs, Table
from templates import discovery
from templates.errors import ConfigError
from tests.policy.changes import Change, arn, data_arn, drop, imports, of, state, sub
from tests.policy.checks.support import told
from tests.policy.grant_mutants import add, grant, revoke, statements, swap_branches
from tests.policy.samples import Json, changed

BUCKET = "arn:${AWS::Partition}:s3:::${import ceap-foundation-Environment-WorkflowBucket}"
INPUT = "executions/*/TakeStage/output.json"
WHOLE = data_arn("")
NEEDS = {handler: discovery.load_needs(handler) for handler in ("take", "sift", "rate", "keep", "tell")}


def found(data: Json) -> list[tuple[str, str]]:
    """Return path and message of each finding, both without what all have."""
    findings = check(parse_template(json.dumps(data), "t.json"))
    return [(each.place.removeprefix("/Resources/"), told(each)) for each in findings]


def test_what_is_granted_too_much_is_named_at_its_resource_and_what_too_little_at_the_statement() -> None:
    key = "/executions/*/KeepStage/output.json"
    other = f"{BUCKET}{key}"
    place = "SiftFunctionRole/Properties/Policies/0/PolicyDocument/Statement/0"
    assert found(changed("express", grant("SiftFunctionRole", "ReadPreviousStage", "Resource", [data_arn(key)]))) == [
        (
            f"{place}/Resource/0",
            f"SiftFunction does not use s3:GetObject on {other} | fix: grant it only on what is used, or declare it in "
            "NEEDS of the handler",
        ),
        (place, f"SiftFunction uses s3:GetObject on {BUCKET}/{INPUT}, which is not granted | fix: grant it"),
    ]


def test_an_action_that_is_not_used_at_all_is_named_itself() -> None:
    actions = ["dynamodb:UpdateItem", "dynamodb:DeleteItem"]
    [(path, message)] = found(changed("express", grant("KeepFunctionRole", "UseRecordsTable", "Action", actions)))
    assert path == "KeepFunctionRole/Properties/Policies/0/PolicyDocument/Statement/3/Action/1"
    cure = "remove the action, or declare it in NEEDS of the handler"
    assert message == f"KeepFunction does not use dynamodb:DeleteItem at all | fix: {cure}"


def test_a_grant_without_its_condition_is_named_with_the_condition() -> None:
    [(path, message)] = found(changed("express", revoke("SiftFunctionRole", "TellMissingFromForbidden", "Condition")))
    assert path == "SiftFunctionRole/Properties/Policies/0/PolicyDocument/Statement/1"
    assert message.endswith(f"s3:ListBucket on {BUCKET} | fix: grant it under StringLike s3:prefix {INPUT}")


def test_a_grant_under_another_condition_is_too_much_and_too_little() -> None:
    other = grant("SiftFunctionRole", "TellMissingFromForbidden", "Condition", {"StringLike": {"s3:prefix": "x"}})
    assert [message.partition(" | ")[0] for _, message in found(changed("express", other))] == [
        f"SiftFunction does not use s3:ListBucket on {BUCKET} under StringLike s3:prefix x",
        f"SiftFunction uses s3:ListBucket on {BUCKET}, which is not granted",
    ]


def test_a_grant_without_a_key_is_too_much_and_too_little() -> None:
    [wrong, missing] = found(changed("express", swap_branches))
    assert wrong[1].endswith("on ${KmsKeyArn} with Fn::If !HasKmsKey | fix: grant it with Fn::If HasKmsKey")
    assert missing[1].endswith("on ${KmsKeyArn}, which is not granted | fix: grant it with Fn::If HasKmsKey")


def test_a_wider_grant_is_too_much_and_lacks_nothing() -> None:
    wide = grant("SiftFunctionRole", "ReadPreviousStage", "Resource", [data_arn("/*")])
    assert [message.partition(" | ")[0] for _, message in found(changed("express", wide))] == [
        f"SiftFunction does not use s3:GetObject on {BUCKET}/*"
    ]
    every = grant("PipeRole", "TakeMessages", "Action", ["sqs:*"])
    assert [message.partition(" | ")[0] for _, message in found(changed("express", every))] == [
        "Pipe does not use sqs:* at all"
    ]


def test_a_role_without_policies_is_named_for_all_that_it_lacks() -> None:
    places = found(changed("express", lambda data: data["Resources"]["PipeRole"]["Properties"].pop("Policies")))
    assert {path for path, _ in places} == {"PipeRole/Properties/Policies"}
    assert [message.partition(" on ")[0] for _, message in places] == [
        "Pipe uses kms:Decrypt, kms:GenerateDataKey",
        "Pipe uses logs:CreateLogStream, logs:PutLogEvents",
        "Pipe uses sqs:DeleteMessage, sqs:GetQueueAttributes, sqs:ReceiveMessage",
        "Pipe uses states:StartSyncExecution",
    ]


def rewrite(data: Json) -> None:
    """Write the same grants in other forms."""
    take, start, _ = statements(data, "PipeRole")
    queue = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:ceap-express-${Environment}-queue"
    take.update(
        Resource={"Fn::Sub": queue}, Action=["SQS:receivemessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    )
    start.update(Resource={"Fn::Sub": "${StateMachine}"}, Action=start["Action"][0])
    listing = next(each for each in statements(data, "SiftFunctionRole") if "Condition" in each)
    listing["Resource"] = {"Fn::Join": ["", [sub("arn:${AWS::Partition}:s3:::"), imports("WorkflowBucket")]]}
    listing["Condition"]["StringLike"]["s3:prefix"] = [INPUT]


def move(data: Json) -> None:
    """Move a role's grants into a policy of its own."""
    own, encryption = data["Resources"]["PipeRole"]["Properties"]["Policies"]
    data["Resources"]["PipeRole"]["Properties"]["Policies"] = [encryption]
    data["Resources"]["Moved"] = {"Type": "AWS::IAM::Policy", "Properties": own | {"Roles": [{"Ref": "PipeRole"}]}}


@pytest.mark.parametrize("change", [rewrite, move])
def test_the_same_grants_in_another_form_are_fine(change: Change) -> None:
    assert found(changed("express", change)) == []


def test_an_arn_without_its_sub_is_another() -> None:
    def forget(data: Json) -> None:
        [write] = [each for each in statements(data, "TakeFunctionRole") if each["Sid"] == "WriteOwnStage"]
        write["Resource"] = [write["Resource"][0]["Fn::Sub"][0]]

    assert [message.partition(" on ")[0] for _, message in found(changed("express", forget))] == [
        "TakeFunction does not use s3:PutObject, s3:AbortMultipartUpload",
        "TakeFunction uses s3:AbortMultipartUpload, s3:PutObject",
    ]


def test_a_resource_that_no_action_of_its_statement_takes_is_too_much() -> None:
    [found_there] = found(
        changed("express", lambda data: statements(data, "KeepFunctionRole")[2]["Resource"].append(WHOLE))
    )
    assert found_there == (
        "KeepFunctionRole/Properties/Policies/0/PolicyDocument/Statement/2/Resource/1",
        f"KeepFunction does not use s3:PutObject, s3:AbortMultipartUpload on {BUCKET} "
        "| fix: remove the resource, it grants nothing",
    )


def test_an_action_that_does_not_exist_is_not_blamed_here() -> None:
    data = changed("express", lambda data: statements(data, "KeepFunctionRole")[2]["Action"].append("s3:Put"))
    assert found(data) == []


def of_another_project(data: Json) -> None:
    data["Resources"]["TakeFunction"]["Properties"]["Handler"] = "app.handler"


def not_run_by_a_task(data: Json) -> None:
    substitutions = data["Resources"]["StateMachine"]["Properties"]["DefinitionSubstitutions"]
    substitutions["TakeFunction"] = substitutions["SiftFunction"]


def shared_with_something_else(data: Json) -> None:
    role = {"Fn::GetAtt": ["TakeFunctionRole", "Arn"]}
    data["Resources"]["Project"] = {"Type": "AWS::CodeBuild::Project", "Properties": {"ServiceRole": role}}


def shared_by_a_text(data: Json) -> None:
    shared_with_something_else(data)
    role = {"Fn::Sub": ["${Role}", {"Role": {"Fn::GetAtt": ["TakeFunctionRole", "Arn"]}}]}
    data["Resources"]["Project"]["Properties"]["ServiceRole"] = role


@pytest.mark.parametrize(
    "change", [of_another_project, not_run_by_a_task, shared_with_something_else, shared_by_a_text]
)
def test_a_role_whose_use_is_not_known_is_not_judged(change: Change) -> None:
    data = changed("express", change)
    statements(data, "TakeFunctionRole").clear()
    assert [path for path, _ in found(data) if path.startswith("TakeFunctionRole")] == []


@pytest.mark.parametrize(
    "mention",
    [
        of("Queue", "Tags", [{"Key": "role", "Value": {"Ref": "TakeFunctionRole"}}]),
        of("Pipe", "Tags", {"Role": {"Ref": "TakeFunctionRole"}}),
        of("SiftFunction", "Description", {"Ref": "TakeFunctionRole"}),
        of("SiftFunction", "Environment", "Variables", "OtherRoleArn", arn("TakeFunctionRole")),
        of("SiftFunction", "Description", {"Fn::Sub": ["${OtherRole}x", {"OtherRole": arn("TakeFunctionRole")}]}),
        of("StateMachine", "DefinitionSubstitutions", "OtherRole", arn("TakeFunctionRole")),
    ],
    ids=["tag", "tag of a pipe", "description", "variable", "in a text", "token"],
)
def test_a_text_that_names_a_role_does_not_keep_it_from_being_judged(mention: Change) -> None:
    """It would be the way to let a role invoke any function, which no other rule compares with what is used."""
    data = changed("express", mention)
    other = sub("arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:other")
    add("TakeFunctionRole", "lambda:InvokeFunction", other)(data)
    assert [message.partition(" | ")[0] for _, message in found(data)] == [
        "TakeFunction does not use lambda:InvokeFunction at all"
    ]


def test_a_state_machine_with_other_integrations_is_not_judged() -> None:
    data = changed("express", state("TakeStage", "Resource", "arn:aws:states:::sns:publish"))
    statements(data, "StateMachineRole").append({"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"})
    assert [path for path, _ in found(data) if path.startswith("StateMachineRole")] == []


def test_what_managed_policies_grant_is_not_known_so_nothing_is_missing() -> None:
    data = changed("express", revoke("PipeRole", "TakeMessages"))
    data["Resources"]["PipeRole"]["Properties"]["ManagedPolicyArns"] = ["arn:aws:iam::aws:policy/x"]
    assert found(data) == []


def test_without_a_key_of_our_own_grants_on_keys_are_not_judged() -> None:
    data = changed("express", drop("Parameters", "KmsKeyArn"))
    data["Resources"]["PipeRole"]["Properties"]["Policies"].pop()
    assert found(data) == []


def test_functions_that_share_a_role_may_do_what_both_use() -> None:
    data = changed("express", of("KeepFunction", "Role", "Fn::GetAtt", 0, "TakeFunctionRole"))
    statements(data, "TakeFunctionRole").extend(statements(data, "KeepFunctionRole"))
    assert found(data) == []


def test_a_pipe_that_does_not_log_needs_no_log_group() -> None:
    data = changed("express", revoke("PipeRole", "WriteLogs"))
    assert len(found(data)) == 1
    del data["Resources"]["Pipe"]["Properties"]["LogConfiguration"]
    assert found(data) == []


def test_needs_that_are_wrong_are_an_error_and_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(handler: str) -> Needs:
        raise ConfigError(f"handlers/{handler}.py: NEEDS is wrong")

    monkeypatch.setattr(discovery, "load_needs", fail)
    with pytest.raises(ConfigError, match=re.escape("handlers/take.py: NEEDS is wrong")):
        found(changed("express", lambda data: None))


def test_a_query_may_use_the_indexes_of_its_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The generator grants all actions on both; those that an index does not take grant nothing there."""
    table = Table("records", "id", indexes=(Index("by_day", "day", "id"),))
    needs = Needs(settings=NEEDS["keep"].settings, tables={table: ("Query", "UpdateItem")})
    monkeypatch.setattr(discovery, "load_needs", lambda handler: needs if handler == "keep" else NEEDS[handler])
    data = changed("express", lambda data: None)
    use = next(each for each in statements(data, "KeepFunctionRole") if each["Sid"] == "UseRecordsTable")
    assert [message.partition(" on ")[0] for _, message in found(data)] == ["KeepFunction uses dynamodb:Query"] * 2
    [arn] = use["Resource"]
    use["Action"].append("dynamodb:Query")
    use["Resource"].append({"Fn::Sub": [arn["Fn::Sub"][0] + "/index/*", arn["Fn::Sub"][1]]})
    assert found(data) == []
