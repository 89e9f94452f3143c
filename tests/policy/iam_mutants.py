"""Wrong policies: what AWS would ignore in silence, or refuse when the stack is deployed."""

from __future__ import annotations

from tests.policy.changes import Mutant, inner, of, rename, sub
from tests.policy.grant_mutants import BUCKET, KEY_POLICY, TRUST, compare_by_the_letter, grant, statements
from tests.policy.samples import Json

DOCUMENT = ("PolicyDocument", "Statement", 0)


def get_item_of_index(data: Json) -> None:
    index = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/t/index/i"
    statement = {"Effect": "Allow", "Action": ["dynamodb:GetItem"], "Resource": [{"Fn::Sub": index}]}
    statements(data, "KeepFunctionRole").append(statement)


def any_object(data: Json) -> None:
    statements(data, "KeepFunctionRole").append({"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["*"]})


def traces_and_reads(data: Json) -> None:
    statements(data, "TakeFunctionRole")[-1]["Action"].append("s3:GetObject")


def misspell(data: Json) -> None:
    rename(
        inner(data["Resources"]["TakeFunctionRole"]["Properties"], TRUST)["Condition"]["StringEquals"],
        "aws:SourceAccount",
        "aws:SourceAcount",
    )


def forget_prefix(data: Json) -> None:
    rename(
        inner(data["Resources"]["TakeFunctionRole"]["Properties"], TRUST)["Condition"]["StringEquals"],
        "aws:SourceAccount",
        "SourceAccount",
    )


def of_another_service(data: Json) -> None:
    rename(statements(data, "AlertTopicPolicy")[0]["Condition"]["ArnLike"], "aws:SourceArn", "sourcearn:arn")


def leave_variables(data: Json) -> None:
    document = data["Resources"]["QueuePolicy"]["Properties"]["PolicyDocument"]
    del document["Version"]
    document["Statement"][0]["Condition"]["StringNotEquals"] = {"aws:userid": {"Fn::Sub": "${!aws:userid}"}}


def arn_of(resource: str) -> Json:
    return {"Fn::GetAtt": [resource, "Arn"]}


EXIST, TAKE, MATCH = "IAM01_ACTIONS_EXIST", "IAM02_ACTIONS_TAKE_RESOURCES", "IAM03_CONDITIONS_MATCH"
VERSION, OWN, NAMED = "IAM04_POLICY_VERSION", "IAM05_POLICY_OF_ITS_RESOURCE", "IAM07_RESOURCES_NAMED"
IAM_MUTANTS = [
    Mutant(EXIST, "express", "misspelt", grant("SiftFunctionRole", "ReadPreviousStage", "Action", 0, "s3:GetObjects")),
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
        grant("SiftFunctionRole", "ReadPreviousStage", "Resource", 0, "Fn::Sub", 0, BUCKET),
    ),
    Mutant(
        TAKE,
        "express",
        "the bucket's action on objects",
        grant("SiftFunctionRole", "TellMissingFromForbidden", "Resource", 0, "Fn::Sub", 0, f"{BUCKET}/*"),
    ),
    Mutant(TAKE, "express", "the queue's URL", grant("PipeRole", "TakeMessages", "Resource", 0, {"Ref": "Queue"})),
    Mutant(TAKE, "express", "another type", grant("PipeRole", "TakeMessages", "Resource", 0, {"Ref": "StateMachine"})),
    Mutant(
        TAKE,
        "express",
        "one more, of another service",
        grant("PipeRole", "TakeMessages", "Resource", [arn_of("Queue"), arn_of("PipeLogGroup")]),
    ),
    Mutant(TAKE, "express", "tracing on a resource", grant("TakeFunctionRole", "Trace", "Resource", [arn_of("Queue")])),
    Mutant(
        TAKE,
        "express",
        "a log group without its streams",
        grant(
            "TakeFunctionRole",
            "WriteLogs",
            "Resource",
            0,
            sub("arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${TakeFunctionLogGroup}"),
        ),
    ),
    Mutant(TAKE, "express", "an item's action on an index", get_item_of_index),
    Mutant(
        TAKE,
        "express",
        "a bucket with a Region",
        grant(
            "SiftFunctionRole",
            "TellMissingFromForbidden",
            "Resource",
            0,
            sub("arn:${AWS::Partition}:s3:${AWS::Region}:${AWS::AccountId}:acme-${Environment}"),
        ),
    ),
    Mutant(
        TAKE,
        "express",
        "a queue without an account",
        grant("QueuePolicy", "TlsOnly", "Resource", ["arn:aws:sqs:eu-west-1::ceap-express-dev-queue"]),
    ),
    Mutant(
        TAKE,
        "standard",
        "a trust that assumes nothing",
        of("HeavyJobRole", *TRUST, "Action", ["sts:GetCallerIdentity"]),
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
    Mutant(NAMED, "express", "any object", any_object),
    Mutant(NAMED, "express", "any function", grant("StateMachineRole", "InvokeFunctions", "Resource", ["*"])),
    Mutant(NAMED, "express", "traces and reads", traces_and_reads),
    Mutant(NAMED, "standard", "logs of others", grant("StateMachineRole", "WriteLogs", "Resource", ["*"])),
]
