from __future__ import annotations

import json
import re

import pytest

from ceap.cfn.template import parse_template
from ceap.policy.checks.grants import check
from handlers.runtime.needs import Index, Needs, Table
from handlers.store import Settings
from templates import discovery
from templates.errors import ConfigError
from tests.policy.changes import Change, drop, of, state
from tests.policy.grant_mutants import grant, revoke, statements, swap_branches
from tests.policy.samples import Json, changed

BUCKET = "arn:${AWS::Partition}:s3:::ceap-workflow-${Environment}-${AWS::AccountId}"
INPUT = "executions/*/ETLStage/output.json"
WHOLE = {"Fn::Sub": BUCKET}
NEEDS = {handler: discovery.load_needs(handler) for handler in ("etl", "filter", "score", "store", "reactive")}


def found(data: Json) -> list[tuple[str, str]]:
    """Return path and message of each finding, both without what all have."""
    findings = check(parse_template(json.dumps(data), "t.json"))
    return [(each.path.removeprefix("/Resources/"), each.message.removeprefix("[P42] ")) for each in findings]


def test_what_is_granted_too_much_is_named_at_its_resource_and_what_too_little_at_the_statement() -> None:
    other = f"{BUCKET}/executions/*/StoreStage/output.json"
    place = "FilterFunctionRole/Properties/Policies/0/PolicyDocument/Statement/0"
    assert found(
        changed("express", grant("FilterFunctionRole", "ReadPreviousStage", "Resource", [{"Fn::Sub": other}]))
    ) == [
        (
            f"{place}/Resource/0",
            f"FilterFunction does not use s3:GetObject on {other} | fix: grant it on what is used alone",
        ),
        (place, f"FilterFunction uses s3:GetObject on {BUCKET}/{INPUT}, which is not granted | fix: grant it"),
    ]


def test_an_action_that_is_not_used_at_all_is_named_itself() -> None:
    actions = ["dynamodb:UpdateItem", "dynamodb:DeleteItem"]
    [(path, message)] = found(changed("express", grant("StoreFunctionRole", "UseCandidatesTable", "Action", actions)))
    assert path == "StoreFunctionRole/Properties/Policies/0/PolicyDocument/Statement/3/Action/1"
    assert message == "StoreFunction does not use dynamodb:DeleteItem at all | fix: remove the action"


def test_a_grant_without_its_condition_is_named_with_the_condition() -> None:
    [(path, message)] = found(changed("express", revoke("FilterFunctionRole", "TellMissingFromForbidden", "Condition")))
    assert path == "FilterFunctionRole/Properties/Policies/0/PolicyDocument/Statement/1"
    assert message.endswith(f"s3:ListBucket on {BUCKET} | fix: grant it under StringLike s3:prefix {INPUT}")


def test_a_grant_under_another_condition_is_too_much_and_too_little() -> None:
    other = grant("FilterFunctionRole", "TellMissingFromForbidden", "Condition", {"StringLike": {"s3:prefix": "x"}})
    assert [message.partition(" | ")[0] for _, message in found(changed("express", other))] == [
        f"FilterFunction does not use s3:ListBucket on {BUCKET} under StringLike s3:prefix x",
        f"FilterFunction uses s3:ListBucket on {BUCKET}, which is not granted",
    ]


def test_a_grant_without_a_key_is_too_much_and_too_little() -> None:
    [wrong, missing] = found(changed("express", swap_branches))
    assert wrong[1].endswith("on ${KmsKeyArn} with Fn::If !HasKmsKey | fix: grant it with Fn::If HasKmsKey")
    assert missing[1].endswith("on ${KmsKeyArn}, which is not granted | fix: grant it with Fn::If HasKmsKey")


def test_a_wider_grant_is_too_much_and_lacks_nothing() -> None:
    wide = grant("FilterFunctionRole", "ReadPreviousStage", "Resource", [{"Fn::Sub": f"{BUCKET}/*"}])
    assert [message.partition(" | ")[0] for _, message in found(changed("express", wide))] == [
        f"FilterFunction does not use s3:GetObject on {BUCKET}/*"
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
    queue = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:ceap-realtime-${Environment}-queue"
    take.update(
        Resource={"Fn::Sub": queue}, Action=["SQS:receivemessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    )
    start.update(Resource={"Fn::Sub": "${StateMachine}"}, Action=start["Action"][0])
    listing = next(each for each in statements(data, "FilterFunctionRole") if "Condition" in each)
    listing["Resource"] = {
        "Fn::Join": ["", [{"Fn::Sub": BUCKET.removesuffix("${AWS::AccountId}")}, {"Ref": "AWS::AccountId"}]]
    }
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
        [write] = [each for each in statements(data, "ETLFunctionRole") if each["Sid"] == "WriteOwnStage"]
        write["Resource"] = [write["Resource"][0]["Fn::Sub"]]

    assert [message.partition(" on ")[0] for _, message in found(changed("express", forget))] == [
        "ETLFunction does not use s3:PutObject, s3:AbortMultipartUpload",
        "ETLFunction uses s3:AbortMultipartUpload, s3:PutObject",
    ]


def test_a_resource_that_no_action_of_its_statement_takes_is_too_much() -> None:
    [found_there] = found(
        changed("express", lambda data: statements(data, "StoreFunctionRole")[2]["Resource"].append(WHOLE))
    )
    assert found_there == (
        "StoreFunctionRole/Properties/Policies/0/PolicyDocument/Statement/2/Resource/1",
        f"StoreFunction does not use s3:PutObject, s3:AbortMultipartUpload on {BUCKET} "
        "| fix: remove the resource, it grants nothing",
    )


def test_an_action_that_does_not_exist_is_not_blamed_here() -> None:
    data = changed("express", lambda data: statements(data, "StoreFunctionRole")[2]["Action"].append("s3:Put"))
    assert found(data) == []


def of_another_project(data: Json) -> None:
    data["Resources"]["ETLFunction"]["Properties"]["Handler"] = "app.handler"


def not_run_by_a_task(data: Json) -> None:
    substitutions = data["Resources"]["StateMachine"]["Properties"]["DefinitionSubstitutions"]
    substitutions["ETLFunction"] = substitutions["FilterFunction"]


def shared_with_something_else(data: Json) -> None:
    role = {"Fn::GetAtt": ["ETLFunctionRole", "Arn"]}
    data["Resources"]["Project"] = {"Type": "AWS::CodeBuild::Project", "Properties": {"ServiceRole": role}}


@pytest.mark.parametrize("change", [of_another_project, not_run_by_a_task, shared_with_something_else])
def test_a_role_whose_use_is_not_known_is_not_judged(change: Change) -> None:
    data = changed("express", change)
    statements(data, "ETLFunctionRole").clear()
    assert [path for path, _ in found(data) if path.startswith("ETLFunctionRole")] == []


def test_a_state_machine_with_other_integrations_is_not_judged() -> None:
    data = changed("express", state("ETLStage", "Resource", "arn:aws:states:::sns:publish"))
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
    data = changed("express", of("StoreFunction", "Role", "Fn::GetAtt", 0, "ETLFunctionRole"))
    statements(data, "ETLFunctionRole").extend(statements(data, "StoreFunctionRole"))
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
    with pytest.raises(ConfigError, match=re.escape("handlers/etl.py: NEEDS is wrong")):
        found(changed("express", lambda data: None))


def test_a_query_may_use_the_indexes_of_its_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The generator grants all actions on both; those that an index does not take grant nothing there."""
    table = Table("candidates", "customerId", indexes=(Index("by_day", "day", "customerId"),))
    needs = Needs(settings=Settings, tables={table: ("Query", "UpdateItem")})
    monkeypatch.setattr(discovery, "load_needs", lambda handler: needs if handler == "store" else NEEDS[handler])
    data = changed("express", lambda data: None)
    use = next(each for each in statements(data, "StoreFunctionRole") if each["Sid"] == "UseCandidatesTable")
    assert [message.partition(" on ")[0] for _, message in found(data)] == ["StoreFunction uses dynamodb:Query"] * 2
    [arn] = use["Resource"]
    use["Action"].append("dynamodb:Query")
    use["Resource"].append({"Fn::Sub": [arn["Fn::Sub"][0] + "/index/*", arn["Fn::Sub"][1]]})
    assert found(data) == []
