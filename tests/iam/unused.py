"""The written list: grants that no run uses which succeeds, each with what needs it. Source: property 42.

A grant is named by its policy, its statement and its action; whatever its resource, no run that succeeds uses it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

Purpose = tuple[str, str, str]


class Need(NamedTuple):
    """Why a grant is needed all the same, and a test in which it is: none where only AWS makes the call."""

    why: str
    proof: str = ""


def _each(policy: str, sid: str, actions: Iterable[str], why: str, proof: str = "") -> dict[Purpose, Need]:
    return {(policy, sid, action): Need(why, proof) for action in actions}


WRITE = ("logs:CreateLogStream", "logs:PutLogEvents")
TRACES = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
DELIVERIES = [f"logs:{verb}LogDelivery" for verb in ("Create", "Get", "Update", "Delete")]
POLICIES = ["logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies"]
ON_INTERFACES = [f"ec2:{verb}" for verb in ("DeleteNetworkInterface", "AssignPrivateIpAddresses")]
FIND = ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets")

NETWORK = "Lambda makes and removes network interfaces as the function's role"
LOGGING = "log delivery: Step Functions sets it up as the role of the state machine"
TRACING = "tracing: the service sends the segments, and the engine has none"

UNUSED: dict[Purpose, Need] = {
    **_each(
        "stage",
        "WriteOwnStage",
        ["s3:AbortMultipartUpload"],
        "failure: a large output that fails on its way is given up",
        "tests/iam/test_removed_grants.py::test_an_upload_that_fails_is_given_up_by_the_grant_for_it",
    ),
    **_each(
        "stage",
        "TellMissingFromForbidden",
        ["s3:ListBucket"],
        "failure: S3 answers 404 instead of 403 where the input is missing",
        "tests/iam/test_removed_grants.py::test_an_input_that_is_missing_is_told_apart_by_the_grant_for_it",
    ),
    **_each("stage", "Trace", TRACES, TRACING),
    **_each("stage", "FindNetwork", FIND, NETWORK),
    **_each("stage", "CreateInterfaces", ["ec2:CreateNetworkInterface"], NETWORK),
    **_each("stage", "ManageInterfaces", [*ON_INTERFACES, "ec2:UnassignPrivateIpAddresses"], NETWORK),
    **_each("state-machine", "Trace", [*TRACES, "xray:GetSamplingRules", "xray:GetSamplingTargets"], TRACING),
    **_each("state-machine", "DeliverLogs", [*DELIVERIES, *POLICIES, "logs:DescribeLogGroups"], LOGGING),
    **_each("state-machine", "WriteLogs", WRITE, "log delivery: AWS lists both beside it, and EXPRESS may need them"),
    **_each("state-machine", "RunJobs", ["glue:GetJobRuns"], "AWS asks for it to wait for the run of a job"),
    **_each(
        "state-machine",
        "RunJobs",
        ["glue:BatchStopJobRun"],
        "failure: a task whose time is up stops the run of its job",
        "tests/local/test_jobs.py::test_a_task_whose_time_is_up_stops_its_run",
    ),
    **_each(
        "pipe",
        "WriteLogs",
        WRITE,
        "failure: the pipe logs a message that it could not deliver",
        "tests/iam/test_removed_grants.py::test_a_run_fails_without_a_grant_that_it_uses",
    ),
    **_each(
        "schedule",
        "KeepUnsent",
        ["sqs:SendMessage"],
        "failure: a message that the queue does not take is kept",
        "tests/iam/test_removed_grants.py::test_a_run_fails_without_a_grant_that_it_uses",
    ),
    **_each("encryption", "UseKey", ["kms:Decrypt", "kms:GenerateDataKey"], "services call KMS as the role"),
}

DEPLOYING = "not in a deployment that succeeds: "
UNUSED_BY_CALLER: dict[tuple[str, str], str] = {
    ("Stacks", "cloudformation:ContinueUpdateRollback"): f"{DEPLOYING}a rollback that failed is taken up again",
    ("Stacks", "cloudformation:TagResource"): "AWS asks for it where a change set has tags",
    ("Stacks", "cloudformation:UntagResource"): "AWS asks for it where a change set has fewer tags",
    ("Stacks", "cloudformation:UpdateTerminationProtection"): "environments that protect their stacks",
    ("StackOfRoles", "cloudformation:DescribeStacks"): "`ceap diff --deployed` looks at these roles, too",
    ("StackOfRoles", "cloudformation:GetTemplate"): "`ceap diff --deployed` looks at these roles, too",
    ("AllStacks", "cloudformation:DescribeStackResources"): f"{DEPLOYING}the owner of a name that is taken is told",
    **{
        ("Buckets", f"s3:{action}"): "a bucket that the foundation adopts is looked at"
        for action in (
            *("GetBucketPublicAccessBlock", "GetBucketVersioning"),
            *("GetEncryptionConfiguration", "GetLifecycleConfiguration"),
        )
    },
    ("Artifacts", "s3:GetObject"): "scripts of Glue jobs: this workflow has none",
    ("Artifacts", "s3:PutObject"): "scripts of Glue jobs: this workflow has none",
    ("Jobs", "glue:GetJob"): "this workflow has no job",
    ("Jobs", "glue:GetJobRuns"): "this workflow has no job",
    ("Rules", "events:DescribeRule"): "this workflow has no rule",
    ("Schedules", "scheduler:GetScheduleGroup"): "this workflow has no schedule",
    ("Pipes", "pipes:StartPipe"): f"{DEPLOYING}a destruction that is given up starts the pipe again",
    ("StateMachines", "states:ListExecutions"): "STANDARD: a destruction waits for executions",
    ("Executions", "states:DescribeExecution"): "STANDARD: a smoke test finds its execution",
    ("Executions", "states:DescribeStateMachineForExecution"): "STANDARD: a smoke test finds its execution",
    ("Queues", "sqs:DeleteMessage"): f"{DEPLOYING}a smoke test takes its dead letter back",
    ("Queues", "sqs:ReceiveMessage"): f"{DEPLOYING}a smoke test takes its dead letter back",
    ("Logs", "logs:DescribeLogStreams"): "this workflow has no job",
    ("Logs", "logs:FilterLogEvents"): "this workflow has no job",
    ("Traces", "xray:BatchGetTraces"): "tracing: the engine has no traces",
}
"""Grants of the caller role, the one that deploys, of which a resource or more is never asked for, while an EXPRESS
workflow is deployed, changed, rolled back, tried and destroyed."""
