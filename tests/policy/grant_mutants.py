"""Wrong grants: changes to roles, and to what uses them, that leave the one without the other."""

from __future__ import annotations

from typing import Any

from tests.policy.changes import Change, Mutant, arn, data_arn, imports, inner, of, put, rename, state, sub, without
from tests.policy.samples import Json

BUCKET = "arn:${AWS::Partition}:s3:::${WorkflowBucket}"
VENDOR = "arn:${AWS::Partition}:s3:::vendor-files"
SECRET = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:"
PARAMETER = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/"
ARTIFACTS = "arn:${AWS::Partition}:s3:::${ArtifactBucket}"
TRUST = ("AssumeRolePolicyDocument", "Statement", 0)
KEY_POLICY = ("Policies", 1, "Fn::If", 1, "PolicyDocument", "Statement", 0)


def statements(data: Json, resource: str) -> list[Json]:
    """Return the statements of a role's own policy, or of a resource policy."""
    properties = data["Resources"][resource]["Properties"]
    found: list[Json] = properties.get("Policies", [properties])[0]["PolicyDocument"]["Statement"]
    return found


def grant(resource: str, sid: str, *place: Any) -> Change:
    """Return the change of a statement: the keys that lead to a value, then the value."""

    def change(data: Json) -> None:
        put(*place)(next(each for each in statements(data, resource) if each.get("Sid") == sid))

    return change


def revoke(resource: str, sid: str, *keys: Any) -> Change:
    """Return the change that removes a statement, or something in it."""

    def change(data: Json) -> None:
        found = statements(data, resource)
        statement = next(each for each in found if each.get("Sid") == sid)
        if keys:
            del inner(statement, keys[:-1])[keys[-1]]
        else:
            found.remove(statement)

    return change


def compare_by_the_letter(data: Json) -> None:
    statement = next(each for each in statements(data, "SiftFunctionRole") if "Condition" in each)
    rename(statement["Condition"], "StringLike", "StringEquals")


def attach(data: Json) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": data_arn("/*")}],
    }
    properties = {"PolicyName": "more", "PolicyDocument": policy, "Roles": [{"Ref": "PipeRole"}]}
    data["Resources"]["More"] = {"Type": "AWS::IAM::Policy", "Properties": properties}


def always_encrypt(data: Json) -> None:
    policies = data["Resources"]["KeepFunctionRole"]["Properties"]["Policies"]
    policies[1] = policies[1]["Fn::If"][1]


def swap_branches(data: Json) -> None:
    branches = data["Resources"]["KeepFunctionRole"]["Properties"]["Policies"][1]["Fn::If"]
    branches[1], branches[2] = branches[2], branches[1]


def add(resource: str, action: str, *arns: Any) -> Change:
    """Return the change that adds a statement to a role's own policy."""
    return lambda data: statements(data, resource).append({"Effect": "Allow", "Action": [action], "Resource": [*arns]})


def almost(bucket: str) -> Json:
    """Return the variable for a bucket of an export whose name has the text `Environment`, not the environment's."""
    return {bucket: {"Fn::ImportValue": f"ceap-foundation-Environment-{bucket}"}}


ALMOST = sub("ceap-foundation-Environment-WorkflowBucket")
USES = "P42_GRANTS_ARE_USES"
INVOKE = "lambda:InvokeFunction"
OTHER = sub("arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:other")
TAKE, RATE = {"Ref": "TakeFunctionArn"}, {"Ref": "RateFunctionArn"}
LEGACY_CHANGES: dict[str, Change] = {
    "any function": grant("TakeFunctionRole", "InvokeLegacyFunction", "Resource", ["*"]),
    "any function by its name": grant(
        "TakeFunctionRole", "InvokeLegacyFunction", "Resource", 0, sub(OTHER["Fn::Sub"].replace("other", "*"))
    ),
    "another function": grant("TakeFunctionRole", "InvokeLegacyFunction", "Resource", 0, OTHER),
    "a function of the workflow": grant("TakeFunctionRole", "InvokeLegacyFunction", "Resource", 0, arn("SiftFunction")),
    "a second statement": add("TakeFunctionRole", INVOKE, OTHER),
    "a second statement for any function": add("TakeFunctionRole", INVOKE, "*"),
    "two functions": grant("TakeFunctionRole", "InvokeLegacyFunction", "Resource", [TAKE, RATE]),
    "every version": grant("TakeFunctionRole", "InvokeLegacyFunction", "Resource", 0, sub("${TakeFunctionArn}:*")),
    "every name that begins so": grant(
        "TakeFunctionRole", "InvokeLegacyFunction", "Resource", 0, sub("${TakeFunctionArn}*")
    ),
    "without the version": grant(
        "TakeFunctionRole",
        "InvokeLegacyFunction",
        "Resource",
        0,
        {"Fn::Sub": ["${Name}", {"Name": {"Fn::Select": [6, {"Fn::Split": [":", TAKE]}]}}]},
    ),
    "not filled in": grant("TakeFunctionRole", "InvokeLegacyFunction", "Resource", 0, "${TakeFunctionArn}"),
    "the other step's": grant("TakeFunctionRole", "InvokeLegacyFunction", "Resource", 0, RATE),
    "the other step's in the environment": of("TakeFunction", "Environment", "Variables", "LEGACY_FUNCTION_ARN", RATE),
    "every call": grant("TakeFunctionRole", "InvokeLegacyFunction", "Action", ["lambda:*"]),
    "one call more": grant("TakeFunctionRole", "InvokeLegacyFunction", "Action", [INVOKE, "lambda:InvokeAsync"]),
    "its code": grant("TakeFunctionRole", "InvokeLegacyFunction", "Action", [INVOKE, "lambda:UpdateFunctionCode"]),
    "another call": grant("TakeFunctionRole", "InvokeLegacyFunction", "Action", ["lambda:GetFunction"]),
    "no call": revoke("TakeFunctionRole", "InvokeLegacyFunction"),
    "no call is allowed": grant("TakeFunctionRole", "InvokeLegacyFunction", "Effect", "Deny"),
    "under a condition": grant(
        "TakeFunctionRole", "InvokeLegacyFunction", "Condition", {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}
    ),
    "a handler that calls none": add("SiftFunctionRole", INVOKE, TAKE),
    "another handler": of("TakeFunction", "Handler", "handlers.sift.handler"),
    "the state machine, too": add("StateMachineRole", INVOKE, TAKE),
}
"""Of the function that calls an existing one: what else it, or somebody else, may call."""

GRANT_MUTANTS = [
    Mutant(
        USES,
        "express",
        "another stage's output",
        grant(
            "SiftFunctionRole",
            "ReadPreviousStage",
            "Resource",
            0,
            "Fn::Sub",
            0,
            f"{BUCKET}/executions/*/KeepStage/output.json",
        ),
    ),
    Mutant(USES, "express", "no input", revoke("SiftFunctionRole", "ReadPreviousStage")),
    Mutant(USES, "express", "denied", grant("SiftFunctionRole", "ReadPreviousStage", "Effect", "Deny")),
    Mutant(USES, "express", "whole bucket listed", revoke("SiftFunctionRole", "TellMissingFromForbidden", "Condition")),
    Mutant(USES, "express", "listed by the letter", compare_by_the_letter),
    Mutant(
        USES,
        "express",
        "below another's prefix",
        grant("KeepFunctionRole", "WriteOwnStage", "Resource", 0, "Fn::Sub", 0, f"{BUCKET}/executions/*/TakeStage/*"),
    ),
    Mutant(
        USES,
        "express",
        "into another bucket",
        grant("KeepFunctionRole", "WriteOwnStage", "Resource", 0, "Fn::Sub", 1, "WorkflowBucket", imports("Bucket")),
    ),
    Mutant(USES, "express", "upload not aborted", revoke("KeepFunctionRole", "WriteOwnStage", "Action", 1)),
    Mutant(USES, "express", "no writing to the table", revoke("RateFunctionRole", "UseRatingsTable", "Action", 1)),
    Mutant(
        USES,
        "express",
        "deleting items",
        grant("KeepFunctionRole", "UseRecordsTable", "Action", ["dynamodb:UpdateItem", "dynamodb:DeleteItem"]),
    ),
    Mutant(
        USES,
        "express",
        "another table",
        grant(
            "RateFunctionRole",
            "UseRatingsTable",
            "Resource",
            0,
            "Fn::Sub",
            1,
            "RatingsTableName",
            {"Fn::ImportValue": {"Fn::Sub": "ceap-foundation-${Environment}-RecordsTableName"}},
        ),
    ),
    Mutant(
        USES,
        "express",
        "another stage's table in the environment",
        of("RateFunction", "Environment", "Variables", "TABLE_RATINGS", "records"),
    ),
    Mutant(USES, "express", "any event", revoke("TellFunctionRole", "PublishEvents", "Condition")),
    Mutant(
        USES,
        "express",
        "other events",
        grant("TellFunctionRole", "PublishEvents", "Condition", "StringEquals", "events:detail-type", "Other"),
    ),
    Mutant(
        USES,
        "express",
        "another bus",
        grant(
            "TellFunctionRole",
            "PublishEvents",
            "Resource",
            0,
            "Fn::Sub",
            "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/other",
        ),
    ),
    Mutant(
        USES,
        "express",
        "another's log group",
        grant("TakeFunctionRole", "WriteLogs", "Resource", 0, "Fn::GetAtt", 0, "PipeLogGroup"),
    ),
    Mutant(USES, "express", "no traces", revoke("TakeFunctionRole", "Trace")),
    Mutant(
        USES,
        "express",
        "a bucket of the settings without its grant",
        of("TakeFunction", "Environment", "Variables", "SETTINGS", '{"source_bucket": "incoming"}'),
    ),
    Mutant(USES, "express", "another handler", of("RateFunction", "Handler", "handlers.keep.handler")),
    Mutant(
        USES,
        "express",
        "another previous stage",
        state("RateStage", "Parameters", "Payload", "previousStage", "TakeStage"),
    ),
    Mutant(USES, "express", "key used always", always_encrypt),
    Mutant(USES, "express", "key used where there is none", swap_branches),
    Mutant(USES, "express", "no data keys", of("TakeFunctionRole", *KEY_POLICY, "Action", ["kms:Decrypt"])),
    Mutant(USES, "express", "any key", of("TakeFunctionRole", *KEY_POLICY, "Resource", ["*"])),
    Mutant(USES, "express", "a policy beside the role", attach),
    Mutant(USES, "express", "one function less", revoke("StateMachineRole", "InvokeFunctions", "Resource", 2)),
    Mutant(USES, "express", "log delivery incomplete", revoke("StateMachineRole", "DeliverLogs", "Action", 5)),
    Mutant(
        USES,
        "express",
        "starts and does not wait",
        grant("PipeRole", "StartExecutions", "Action", 0, "states:StartExecution"),
    ),
    Mutant(
        USES,
        "express",
        "dead letters",
        grant("PipeRole", "TakeMessages", "Resource", 0, "Fn::GetAtt", 0, "DeadLetterQueue"),
    ),
    Mutant(USES, "standard", "never deletes", revoke("PipeRole", "TakeMessages", "Action", 1)),
    Mutant(USES, "standard", "waits", grant("PipeRole", "StartExecutions", "Action", 0, "states:StartSyncExecution")),
    Mutant(USES, "standard", "cannot list runs", revoke("StateMachineRole", "RunJobs", "Action", 2)),
    Mutant(
        USES,
        "standard",
        "another job",
        grant(
            "StateMachineRole",
            "RunJobs",
            "Resource",
            0,
            "Fn::Sub",
            "arn:${AWS::Partition}:glue:${AWS::Region}:${AWS::AccountId}:job/ceap-standard-${Environment}-Other",
        ),
    ),
    Mutant(
        USES,
        "standard",
        "every script",
        grant(
            "HeavyJobRole",
            "ReadScript",
            "Resource",
            0,
            "Fn::Sub",
            0,
            f"{ARTIFACTS}/${{GluePrefix}}*",
        ),
    ),
    Mutant(
        USES,
        "express",
        "lists a bucket of an export that is called almost the same",
        grant("SiftFunctionRole", "TellMissingFromForbidden", "Resource", 0, "Fn::Sub", 1, almost("WorkflowBucket")),
    ),
    Mutant(
        USES,
        "standard",
        "a script of an export that is called almost the same",
        grant("HeavyJobRole", "ReadScript", "Resource", 0, "Fn::Sub", 1, almost("ArtifactBucket")),
    ),
    Mutant(
        USES,
        "standard",
        "parts of an export that is called almost the same",
        grant("HeavyJobRole", "ListParts", "Resource", 0, "Fn::Sub", 1, "WorkflowBucket", "Fn::ImportValue", ALMOST),
    ),
    Mutant(USES, "standard", "no library", revoke("HeavyJobRole", "ReadScript", "Resource", 1)),
    Mutant(
        USES,
        "standard",
        "every library",
        grant("HeavyJobRole", "ReadScript", "Resource", 1, "Fn::Sub", 0, f"{ARTIFACTS}/*lib.zip"),
    ),
    Mutant(
        USES,
        "standard",
        "a library that is not granted",
        of("HeavyJob", "DefaultArguments", "--extra-py-files", sub("s3://elsewhere/${GluePrefix}lib.zip")),
    ),
    Mutant(USES, "standard", "no use for a library", without("HeavyJob", "DefaultArguments", "--extra-py-files")),
    Mutant(
        USES,
        "standard",
        "deletes its output",
        grant("HeavyJobRole", "ComposeOutput", "Resource", 0, "Fn::Sub", 0, f"{BUCKET}/executions/*/HeavyStage/*"),
    ),
    Mutant(
        USES,
        "standard",
        "lists another's parts",
        grant("HeavyJobRole", "ListParts", "Condition", "StringLike", "s3:prefix", "executions/*/X/_parts/"),
    ),
    Mutant(USES, "standard", "errors not logged", revoke("HeavyJobRole", "WriteLogs", "Resource", 1)),
    Mutant(USES, "outside", "no secret", revoke("AskFunctionRole", "ReadSecrets", "Resource", 0)),
    Mutant(USES, "outside", "every secret", grant("AskFunctionRole", "ReadSecrets", "Resource", 1, sub(f"{SECRET}*"))),
    Mutant(
        USES,
        "outside",
        "a longer name",
        grant("AskFunctionRole", "ReadSecrets", "Resource", 1, sub(f"{SECRET}vendor-api-key-*")),
    ),
    Mutant(
        USES,
        "outside",
        "writes the secret",
        grant("AskFunctionRole", "ReadSecrets", "Action", ["secretsmanager:PutSecretValue"]),
    ),
    Mutant(USES, "outside", "no parameter", revoke("AskFunctionRole", "ReadParameters")),
    Mutant(
        USES,
        "outside",
        "all parameters of a path",
        grant("AskFunctionRole", "ReadParameters", "Action", 0, "ssm:GetParametersByPath"),
    ),
    Mutant(
        USES,
        "outside",
        "another environment's",
        grant("AskFunctionRole", "ReadParameters", "Resource", 0, sub(f"{PARAMETER}vendor/prod/url")),
    ),
    Mutant(USES, "outside", "no grant", revoke("AskFunctionRole", "Granted1")),
    Mutant(USES, "outside", "half a grant", revoke("AskFunctionRole", "Granted1", "Action", 1)),
    Mutant(
        USES,
        "outside",
        "reads the vendor's files",
        grant("AskFunctionRole", "Granted2", "Action", ["s3:PutObject", "s3:GetObject"]),
    ),
    Mutant(
        USES,
        "outside",
        "every file of the vendor",
        grant("AskFunctionRole", "Granted2", "Resource", 0, sub(f"{VENDOR}/*")),
    ),
    Mutant(
        USES,
        "outside",
        "more of a service",
        grant("AskFunctionRole", "Granted3", "Action", 0, "textract:AnalyzeDocument"),
    ),
    Mutant(
        USES,
        "outside",
        "another name in the environment",
        of("AskFunction", "Environment", "Variables", "SECRET_VENDOR_API_KEY_NAME", "other"),
    ),
    Mutant(
        USES,
        "job_first",
        "another object as input",
        grant("StateMachineRole", "WriteStageInput", "Resource", 0, "Fn::Sub", 0, f"{BUCKET}/executions/*/output.json"),
    ),
    *(Mutant(USES, "legacy", name, change) for name, change in LEGACY_CHANGES.items()),
]
