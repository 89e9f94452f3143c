"""Wrong policies: grants that are not what is used, and what IAM would ignore in silence."""

from __future__ import annotations

from typing import Any

from tests.policy.changes import Change, Mutant, inner, of, put, rename, state
from tests.policy.samples import Json

BUCKET = "arn:${AWS::Partition}:s3:::ceap-workflow-${Environment}-${AWS::AccountId}"
TRUST = ("AssumeRolePolicyDocument", "Statement", 0)
KEY_POLICY = ("Policies", 1, "Fn::If", 1, "PolicyDocument", "Statement", 0)
DOCUMENT = ("PolicyDocument", "Statement", 0)


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


def get_item_of_index(data: Json) -> None:
    index = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/t/index/i"
    statement = {"Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": [{"Fn::Sub": index}]}
    statements(data, "StoreFunctionRole").append(statement)


def misspell(data: Json) -> None:
    rename(
        inner(data["Resources"]["ETLFunctionRole"]["Properties"], TRUST)["Condition"]["StringEquals"],
        "aws:SourceAccount",
        "aws:SourceAcount",
    )


def forget_prefix(data: Json) -> None:
    rename(
        inner(data["Resources"]["ETLFunctionRole"]["Properties"], TRUST)["Condition"]["StringEquals"],
        "aws:SourceAccount",
        "SourceAccount",
    )


def of_another_service(data: Json) -> None:
    rename(statements(data, "AlertTopicPolicy")[0]["Condition"]["ArnLike"], "aws:SourceArn", "sourcearn:arn")


def compare_by_the_letter(data: Json) -> None:
    statement = next(each for each in statements(data, "FilterFunctionRole") if "Condition" in each)
    rename(statement["Condition"], "StringLike", "StringEquals")


def attach(data: Json) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": {"Fn::Sub": f"{BUCKET}/*"}}],
    }
    properties = {"PolicyName": "more", "PolicyDocument": policy, "Roles": [{"Ref": "PipeRole"}]}
    data["Resources"]["More"] = {"Type": "AWS::IAM::Policy", "Properties": properties}


def always_encrypt(data: Json) -> None:
    policies = data["Resources"]["StoreFunctionRole"]["Properties"]["Policies"]
    policies[1] = policies[1]["Fn::If"][1]


def swap_branches(data: Json) -> None:
    branches = data["Resources"]["StoreFunctionRole"]["Properties"]["Policies"][1]["Fn::If"]
    branches[1], branches[2] = branches[2], branches[1]


def leave_variables(data: Json) -> None:
    document = data["Resources"]["QueuePolicy"]["Properties"]["PolicyDocument"]
    del document["Version"]
    document["Statement"][0]["Condition"]["StringNotEquals"] = {"aws:userid": {"Fn::Sub": "${!aws:userid}"}}


def arn_of(resource: str) -> Json:
    return {"Fn::GetAtt": [resource, "Arn"]}


USES = "P42_GRANTS_ARE_USES"
GRANT_MUTANTS = [
    Mutant(
        USES,
        "express",
        "another stage's output",
        grant(
            "FilterFunctionRole",
            "ReadPreviousStage",
            "Resource",
            0,
            "Fn::Sub",
            f"{BUCKET}/executions/*/StoreStage/output.json",
        ),
    ),
    Mutant(USES, "express", "no input", revoke("FilterFunctionRole", "ReadPreviousStage")),
    Mutant(USES, "express", "denied", grant("FilterFunctionRole", "ReadPreviousStage", "Effect", "Deny")),
    Mutant(
        USES, "express", "whole bucket listed", revoke("FilterFunctionRole", "TellMissingFromForbidden", "Condition")
    ),
    Mutant(USES, "express", "listed by the letter", compare_by_the_letter),
    Mutant(
        USES,
        "express",
        "below another's prefix",
        grant("StoreFunctionRole", "WriteOwnStage", "Resource", 0, "Fn::Sub", f"{BUCKET}/executions/*/ETLStage/*"),
    ),
    Mutant(USES, "express", "upload not aborted", revoke("StoreFunctionRole", "WriteOwnStage", "Action", 1)),
    Mutant(USES, "express", "no writing to the table", revoke("ScoreFunctionRole", "UseScoreCacheTable", "Action", 1)),
    Mutant(
        USES,
        "express",
        "deleting items",
        grant("StoreFunctionRole", "UseCandidatesTable", "Action", ["dynamodb:UpdateItem", "dynamodb:DeleteItem"]),
    ),
    Mutant(
        USES,
        "express",
        "another table",
        grant(
            "ScoreFunctionRole",
            "UseScoreCacheTable",
            "Resource",
            0,
            "Fn::Sub",
            1,
            "ScoreCacheTableName",
            {"Fn::ImportValue": {"Fn::Sub": "ceap-foundation-${Environment}-CandidatesTableName"}},
        ),
    ),
    Mutant(
        USES,
        "express",
        "another stage's table in the environment",
        of("ScoreFunction", "Environment", "Variables", "TABLE_SCORE_CACHE", "candidates"),
    ),
    Mutant(USES, "express", "any event", revoke("ReactiveFunctionRole", "PublishEvents", "Condition")),
    Mutant(
        USES,
        "express",
        "other events",
        grant("ReactiveFunctionRole", "PublishEvents", "Condition", "StringEquals", "events:detail-type", "Other"),
    ),
    Mutant(
        USES,
        "express",
        "another bus",
        grant(
            "ReactiveFunctionRole",
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
        grant("ETLFunctionRole", "WriteLogs", "Resource", 0, "Fn::GetAtt", 0, "PipeLogGroup"),
    ),
    Mutant(USES, "express", "no traces", revoke("ETLFunctionRole", "Trace")),
    Mutant(
        USES,
        "express",
        "a bucket of the settings without its grant",
        of("ETLFunction", "Environment", "Variables", "SETTINGS", '{"source_bucket": "incoming"}'),
    ),
    Mutant(USES, "express", "another handler", of("ScoreFunction", "Handler", "handlers.store.handler")),
    Mutant(
        USES,
        "express",
        "another previous stage",
        state("ScoreStage", "Parameters", "Payload", "previousStage", "ETLStage"),
    ),
    Mutant(USES, "express", "key used always", always_encrypt),
    Mutant(USES, "express", "key used where there is none", swap_branches),
    Mutant(USES, "express", "no data keys", of("ETLFunctionRole", *KEY_POLICY, "Action", ["kms:Decrypt"])),
    Mutant(USES, "express", "any key", of("ETLFunctionRole", *KEY_POLICY, "Resource", ["*"])),
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
            "arn:${AWS::Partition}:glue:${AWS::Region}:${AWS::AccountId}:job/ceap-batch-${Environment}-Other",
        ),
    ),
    Mutant(
        USES,
        "standard",
        "every script",
        grant(
            "HeavyETLJobRole",
            "ReadScript",
            "Resource",
            0,
            "Fn::Sub",
            "arn:${AWS::Partition}:s3:::ceap-artifacts-${Environment}-${AWS::AccountId}/${GluePrefix}*",
        ),
    ),
    Mutant(
        USES,
        "standard",
        "deletes its output",
        grant("HeavyETLJobRole", "ComposeOutput", "Resource", 0, "Fn::Sub", f"{BUCKET}/executions/*/HeavyETLStage/*"),
    ),
    Mutant(
        USES,
        "standard",
        "lists another's parts",
        grant("HeavyETLJobRole", "ListParts", "Condition", "StringLike", "s3:prefix", "executions/*/X/_parts/"),
    ),
    Mutant(USES, "standard", "errors not logged", revoke("HeavyETLJobRole", "WriteLogs", "Resource", 1)),
    Mutant(
        USES,
        "job_first",
        "another object as input",
        grant("StateMachineRole", "WriteStageInput", "Resource", 0, "Fn::Sub", f"{BUCKET}/executions/*/output.json"),
    ),
]

EXIST, TAKE, MATCH = "IAM01_ACTIONS_EXIST", "IAM02_ACTIONS_TAKE_RESOURCES", "IAM03_CONDITIONS_MATCH"
VERSION, OWN = "IAM04_POLICY_VERSION", "IAM05_POLICY_OF_ITS_RESOURCE"
POLICY_MUTANTS = [
    Mutant(
        EXIST, "express", "misspelt", grant("FilterFunctionRole", "ReadPreviousStage", "Action", 0, "s3:GetObjects")
    ),
    Mutant(EXIST, "express", "no service", grant("PipeRole", "TakeMessages", "Action", 1, "DeleteMessage")),
    Mutant(EXIST, "express", "unknown service", grant("PipeRole", "TakeMessages", "Action", 1, "queue:DeleteMessage")),
    Mutant(EXIST, "express", "in a trust", of("PipeRole", *TRUST, "Action", ["sts:AssumesRole"])),
    Mutant(EXIST, "express", "in a queue's policy", grant("QueuePolicy", "TlsOnly", "Action", ["sqs:Sends*"])),
    Mutant(EXIST, "foundation", "in a topic's policy", grant("AlertTopicPolicy", "Alarms", "Action", ["sns:Notify"])),
    Mutant(
        EXIST,
        "standard",
        "in the key's policy",
        of("PipeRole", *KEY_POLICY, "Action", ["kms:Decrypt", "kms:GenerateDataKeys"]),
    ),
    Mutant(
        TAKE,
        "express",
        "an object's action on the bucket",
        grant("FilterFunctionRole", "ReadPreviousStage", "Resource", 0, "Fn::Sub", BUCKET),
    ),
    Mutant(
        TAKE,
        "express",
        "the bucket's action on objects",
        grant("FilterFunctionRole", "TellMissingFromForbidden", "Resource", 0, "Fn::Sub", f"{BUCKET}/*"),
    ),
    Mutant(TAKE, "express", "the queue's URL", grant("PipeRole", "TakeMessages", "Resource", 0, {"Ref": "Queue"})),
    Mutant(TAKE, "express", "another type", grant("PipeRole", "TakeMessages", "Resource", 0, {"Ref": "StateMachine"})),
    Mutant(
        TAKE,
        "express",
        "one more, of another service",
        grant("PipeRole", "TakeMessages", "Resource", [arn_of("Queue"), arn_of("PipeLogGroup")]),
    ),
    Mutant(TAKE, "express", "tracing on a resource", grant("ETLFunctionRole", "Trace", "Resource", [arn_of("Queue")])),
    Mutant(
        TAKE,
        "express",
        "a log group without its streams",
        grant(
            "ETLFunctionRole",
            "WriteLogs",
            "Resource",
            0,
            {"Fn::Sub": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${ETLFunctionLogGroup}"},
        ),
    ),
    Mutant(TAKE, "express", "an item's action on an index", get_item_of_index),
    Mutant(
        TAKE,
        "express",
        "a bucket with a Region",
        grant(
            "FilterFunctionRole",
            "TellMissingFromForbidden",
            "Resource",
            0,
            "Fn::Sub",
            BUCKET.replace(":::", ":${AWS::Region}:${AWS::AccountId}:"),
        ),
    ),
    Mutant(
        TAKE,
        "express",
        "a queue without an account",
        grant("QueuePolicy", "TlsOnly", "Resource", ["arn:aws:sqs:eu-west-1::ceap-realtime-dev-queue"]),
    ),
    Mutant(
        TAKE,
        "standard",
        "a trust that assumes nothing",
        of("HeavyETLJobRole", *TRUST, "Action", ["sts:GetCallerIdentity"]),
    ),
    Mutant(
        TAKE,
        "foundation",
        "a queue's action in a bucket's policy",
        grant("WorkflowBucketPolicy", "TlsOnly", "Action", ["sqs:*"]),
    ),
    Mutant(
        TAKE,
        "foundation",
        "a name for the ARN",
        grant("ArtifactBucketPolicy", "TlsOnly", "Resource", 0, {"Ref": "ArtifactBucket"}),
    ),
    Mutant(MATCH, "express", "misspelt key", misspell),
    Mutant(MATCH, "express", "key without a prefix", forget_prefix),
    Mutant(MATCH, "express", "pattern compared by the letter", compare_by_the_letter),
    Mutant(MATCH, "foundation", "unknown prefix", of_another_service),
    Mutant(
        MATCH,
        "standard",
        "any account by the letter",
        of("PipeRole", *TRUST, "Condition", "StringEquals", "aws:SourceAccount", ["1234*"]),
    ),
    Mutant(VERSION, "express", "older", of("PipeRole", "Policies", 0, "PolicyDocument", "Version", "2008-10-17")),
    Mutant(VERSION, "standard", "unknown", of("StateMachineRole", "AssumeRolePolicyDocument", "Version", "2012-10-18")),
    Mutant(
        VERSION, "foundation", "of this template", of("WorkflowBucketPolicy", "PolicyDocument", "Version", "2010-09-09")
    ),
    Mutant(
        VERSION,
        "express",
        "a variable by the letter",
        leave_variables,
    ),
    Mutant(OWN, "express", "attached to another", of("QueuePolicy", "Queues", [{"Ref": "DeadLetterQueue"}])),
    Mutant(OWN, "express", "another's ARN", of("QueuePolicy", *DOCUMENT, "Resource", [arn_of("DeadLetterQueue")])),
    Mutant(
        OWN,
        "foundation",
        "another bucket's objects",
        of("WorkflowBucketPolicy", *DOCUMENT, "Resource", 1, "Fn::Join", 1, 0, arn_of("ArtifactBucket")),
    ),
    Mutant(
        OWN, "foundation", "attached to another bucket", of("ArtifactBucketPolicy", "Bucket", {"Ref": "WorkflowBucket"})
    ),
    Mutant(
        OWN,
        "foundation",
        "another topic",
        of(
            "AlertTopicPolicy",
            *DOCUMENT,
            "Resource",
            [{"Fn::Sub": "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:ceap-other"}],
        ),
    ),
]

IAM_MUTANTS = [*GRANT_MUTANTS, *POLICY_MUTANTS]
