"""Wrong grants: changes to the roles of a golden template that a rule must notice."""

from __future__ import annotations

from typing import Any

from tests.policy.changes import Change, Mutant, data_arn, drop, imports, in_bucket, inner, of, put, state, sub, without
from tests.policy.samples import Json

FIRST = ("Policies", 0, "PolicyDocument", "Statement")
JOB_ARN = "arn:${AWS::Partition}:glue:${AWS::Region}:${AWS::AccountId}:job/"
PREFIX = ("Condition", "StringLike", "s3:prefix")
ALL_CODE = in_bucket("ArtifactBucket", "arn:${AWS::Partition}:s3:::${ArtifactBucket}/${GluePrefix}*")
CODE_BUCKET = ("Fn::Sub", 1, "WorkflowBucket", imports("ArtifactBucket"))
DATA_BUCKET = ("Fn::Sub", 1, "ArtifactBucket", imports("WorkflowBucket"))
ELSEWHERE = {"Fn::Sub": "arn:${AWS::Partition}:s3:::elsewhere/*"}
READ_ELSEWHERE = {"Sid": "ReadSource", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [ELSEWHERE]}

READ_IMPORTED = READ_ELSEWHERE | {"Resource": [data_arn("/*")]}


def workflow_object(key: str) -> Json:
    """Return the ARN of objects in the workflow bucket, below executions/."""
    return data_arn(f"/executions/{key}")


def grant(role: str, number: int, *place: Any) -> Change:
    """Return the change of one statement of a role's first policy."""
    return of(role, *FIRST, number, *place)


def ungrant(role: str, number: int) -> Change:
    return without(role, *FIRST, number)


def append(role: str, *place: Any) -> Change:
    """Return the change that appends to a list of a role's: the keys that lead to it, then what is added."""
    *keys, value = place
    return lambda data: inner(data["Resources"][role]["Properties"], keys).append(value)


P42_NO_WILDCARDS = [
    Mutant("P42_NO_WILDCARDS", kind, name, change)
    for kind, name, change in (
        ("express", "all of S3", grant("TakeFunctionRole", 0, "Action", ["s3:*"])),
        ("express", "every action that writes", grant("TakeFunctionRole", 0, "Action", 0, "s3:Put*")),
        ("express", "everything", grant("RateFunctionRole", 2, "Action", ["*"])),
        ("express", "any service", grant("TakeFunctionRole", 1, "Resource", [{"Fn::Sub": "arn:${AWS::Partition}:*"}])),
        (
            "express",
            "any bucket",
            grant("TakeFunctionRole", 0, "Resource", [{"Fn::Sub": "arn:${AWS::Partition}:s3:::*"}]),
        ),
        (
            "express",
            "any bucket, beside an import",
            grant("KeepFunctionRole", 0, "Resource", 0, "Fn::Sub", 0, "arn:${AWS::Partition}:s3:::*${WorkflowBucket}"),
        ),
        ("express", "all but some", grant("PipeRole", 0, "NotAction", ["sqs:DeleteQueue"])),
        ("express", "fixed ARN", grant("PipeRole", 0, "Resource", ["arn:aws:sqs:*:*:*"])),
        ("standard", "managed policy", of("HeavyJobRole", "ManagedPolicyArns", ["arn:aws:iam::aws:policy/Admin"])),
        (
            "standard",
            "any use of the key",
            of(
                "HeavyJobRole",
                *("Policies", 1, "Fn::If", 1, "PolicyDocument", "Statement", 0, "Action"),
                ["kms:*"],
            ),
        ),
        (
            "standard",
            "a policy outside",
            put("Resources", "Extra", {"Type": "AWS::IAM::Policy", "Properties": {"PolicyName": "extra"}}),
        ),
        ("standard", "actions as text", grant("HeavyJobRole", 0, "Action", "*")),
        ("standard", "conditional otherwise", of("PipeRole", "Policies", 1, "Fn::If", 2, {"PolicyName": "other"})),
    )
]

P42_STATE_MACHINE_GRANTS = [
    Mutant("P42_STATE_MACHINE_GRANTS", kind, name, change)
    for kind, name, change in (
        ("express", "a function not granted", without("StateMachineRole", *FIRST, 0, "Resource", 2)),
        ("express", "no function granted", ungrant("StateMachineRole", 0)),
        (
            "express",
            "a function that is not called",
            append("StateMachineRole", *FIRST, 0, "Resource", {"Fn::GetAtt": ["PipeLogGroup", "Arn"]}),
        ),
        (
            "express",
            "a task of another's function",
            state("RateStage", "Parameters", "FunctionName", "${KeepFunction}"),
        ),
        ("express", "deletes functions too", append("StateMachineRole", *FIRST, 0, "Action", "lambda:DeleteFunction")),
        ("express", "no role of its own", of("StateMachine", "RoleArn", {"Fn::GetAtt": ["PipeLogGroup", "Arn"]})),
        ("express", "runs jobs", append("StateMachineRole", *FIRST, 0, "Action", "glue:StartJobRun")),
        ("standard", "no job granted", ungrant("StateMachineRole", 1)),
        (
            "standard",
            "another job",
            grant("StateMachineRole", 1, "Resource", [sub(JOB_ARN + "ceap-standard-${Environment}-Other")]),
        ),
        (
            "standard",
            "one job more",
            append("StateMachineRole", *FIRST, 1, "Resource", sub(JOB_ARN + "ceap-standard-${Environment}-Other")),
        ),
        ("standard", "any job", grant("StateMachineRole", 1, "Resource", [{"Fn::Sub": JOB_ARN + "*"}])),
        ("standard", "cannot start", without("StateMachineRole", *FIRST, 1, "Action", 0)),
        ("standard", "cannot wait", without("StateMachineRole", *FIRST, 1, "Action", 1)),
        ("standard", "cannot stop", without("StateMachineRole", *FIRST, 1, "Action", 3)),
        ("standard", "puts objects", append("StateMachineRole", *FIRST, 2, "Action", "s3:PutObject")),
        ("standard", "its role gone", drop("Resources", "StateMachineRole")),
    )
]

P40_FUNCTION_GRANTS = [
    Mutant("P40_FUNCTION_GRANTS", kind, name, change)
    for kind, name, change in (
        ("express", "writes every stage", grant("RateFunctionRole", 2, "Resource", [workflow_object("*")])),
        (
            "express",
            "writes another stage",
            grant("RateFunctionRole", 2, "Resource", [workflow_object("*/KeepStage/*")]),
        ),
        ("express", "writes its output elsewhere", grant("TakeFunctionRole", 0, "Resource", [ELSEWHERE])),
        ("express", "writes into the bucket with the code", grant("TakeFunctionRole", 0, "Resource", 0, *CODE_BUCKET)),
        ("express", "reads from the bucket with the code", grant("KeepFunctionRole", 0, "Resource", 0, *CODE_BUCKET)),
        ("express", "a source that is an import", append("TakeFunctionRole", *FIRST, READ_IMPORTED)),
        ("express", "reads every output", grant("KeepFunctionRole", 0, "Resource", [workflow_object("*")])),
        (
            "express",
            "reads the stage before the previous",
            append("KeepFunctionRole", *FIRST, 0, "Resource", workflow_object("*/SiftStage/output.json")),
        ),
        (
            "express",
            "reads the whole stage",
            grant("KeepFunctionRole", 0, "Resource", [workflow_object("*/RateStage/*")]),
        ),
        ("express", "lists the bucket", without("SiftFunctionRole", *FIRST, 1, "Condition")),
        ("express", "lists executions", grant("SiftFunctionRole", 1, *PREFIX, "executions/*")),
        ("express", "deletes", append("SiftFunctionRole", *FIRST, 2, "Action", "s3:DeleteObject")),
        ("express", "reads versions", append("SiftFunctionRole", *FIRST, 0, "Action", "s3:GetObjectVersion")),
        ("express", "cannot read", ungrant("TellFunctionRole", 0)),
        ("express", "cannot write", ungrant("TakeFunctionRole", 0)),
        ("express", "a source that no setting names", append("TakeFunctionRole", *FIRST, READ_ELSEWHERE)),
        ("express", "another's role", of("KeepFunction", "Role", {"Fn::GetAtt": ["RateFunctionRole", "Arn"]})),
        (
            "standard",
            "a stage put between",
            state("SiftStage", "Parameters", "Payload", "previousStage", "HeavyStage"),
        ),
    )
]

P40_JOB_GRANTS = [
    Mutant("P40_JOB_GRANTS", "standard", name, change)
    for name, change in (
        ("writes every stage", grant("HeavyJobRole", 2, "Resource", [workflow_object("*")])),
        ("reads every output", grant("HeavyJobRole", 1, "Resource", [workflow_object("*/*/output.json")])),
        ("reads another stage", grant("HeavyJobRole", 1, "Resource", [workflow_object("*/TakeStage/output.json")])),
        ("cannot read its library", without("HeavyJobRole", *FIRST, 0, "Resource", 1)),
        ("reads all that the package holds", grant("HeavyJobRole", 0, "Resource", 1, ALL_CODE)),
        ("reads beside its script", append("HeavyJobRole", *FIRST, 0, "Resource", ELSEWHERE)),
        ("reads its input from the bucket with the code", grant("HeavyJobRole", 1, "Resource", 0, *CODE_BUCKET)),
        ("reads its script from the bucket of workflows", grant("HeavyJobRole", 0, "Resource", 0, *DATA_BUCKET)),
        ("composes in the bucket with the code", grant("HeavyJobRole", 3, "Resource", 0, *CODE_BUCKET)),
        ("deletes outputs", grant("HeavyJobRole", 3, "Resource", [workflow_object("*/HeavyStage/*")])),
        ("deletes another's parts", grant("HeavyJobRole", 3, "Resource", [workflow_object("*/TakeStage/_parts/*")])),
        ("lists the bucket", without("HeavyJobRole", *FIRST, 4, "Condition")),
        ("lists its stage", grant("HeavyJobRole", 4, *PREFIX, "executions/*/HeavyStage/")),
        ("sets rights", append("HeavyJobRole", *FIRST, 2, "Action", "s3:PutObjectAcl")),
        ("cannot read", ungrant("HeavyJobRole", 1)),
        ("cannot write", ungrant("HeavyJobRole", 2)),
        ("a function's role", of("HeavyJob", "Role", {"Fn::GetAtt": ["TakeFunctionRole", "Arn"]})),
    )
]

ROLE_MUTANTS = [*P42_NO_WILDCARDS, *P42_STATE_MACHINE_GRANTS, *P40_FUNCTION_GRANTS, *P40_JOB_GRANTS]
