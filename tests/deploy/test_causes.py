from __future__ import annotations

from typing import Any

import pytest

from ceap.cfn.template import parse_template
from ceap.deploy.causes import Cause, cure_for, first_cause, plain

TEMPLATE = parse_template("Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n", "generated/x.template.yaml")
STACK_ID = "arn:aws:cloudformation:eu-central-1:123456789012:stack/ceap-x-dev/1"


def event(logical_id: str, status: str, reason: str = "", physical_id: str = "x") -> dict[str, Any]:
    return {
        "StackId": STACK_ID,
        "LogicalResourceId": logical_id,
        "PhysicalResourceId": physical_id,
        "ResourceType": "AWS::SQS::Queue",
        "ResourceStatus": status,
    } | ({"ResourceStatusReason": reason} if reason else {})


def test_the_first_failure_that_no_other_caused_is_the_cause() -> None:
    events = [
        event("Queue", "CREATE_IN_PROGRESS"),
        event("Topic", "CREATE_FAILED", "Resource creation cancelled"),
        event("Queue", "CREATE_FAILED", "the queue already exists"),
        event("Table", "CREATE_FAILED", "another reason"),
        event("ceap-x-dev", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Queue]. ", STACK_ID),
    ]
    assert first_cause(events, TEMPLATE) == Cause(
        "Queue",
        "AWS::SQS::Queue",
        "the queue already exists",
        "generated/x.template.yaml:2",
        "delete what has this name, or import it into the stack, or deploy to another environment",
    )


def test_a_failure_of_the_stack_itself_counts_where_no_resource_failed() -> None:
    cause = first_cause([event("ceap-x-dev", "UPDATE_ROLLBACK_FAILED", "odd", STACK_ID)], TEMPLATE)
    assert str(cause) == "ceap-x-dev (AWS::SQS::Queue): odd"


def test_nothing_that_failed_has_no_cause() -> None:
    assert first_cause([event("Queue", "CREATE_COMPLETE")], TEMPLATE) is None


def test_what_only_support_reads_is_left_out_of_a_reason() -> None:
    reason = (
        'Resource handler returned message: "User: arn:aws:iam::1:user/x is not authorized to perform: sqs:CreateQueue '
        "on resource: arn:aws:sqs:eu-central-1:1:q (Service: Sqs, Status Code: 403, Request ID: 5f) (SDK Attempt "
        'Count: 1)" (RequestToken: 00-1, HandlerErrorCode: AccessDenied)'
    )
    assert plain(reason) == (
        "User: arn:aws:iam::1:user/x is not authorized to perform: sqs:CreateQueue on resource: "
        "arn:aws:sqs:eu-central-1:1:q"
    )


@pytest.mark.parametrize(
    ("reason", "cure"),
    [
        (
            "User: arn:x is not authorized to perform: sqs:CreateQueue on resource: arn:aws:sqs:r:1:q because no "
            "identity-based policy allows the sqs:CreateQueue action",
            "allow sqs:CreateQueue on arn:aws:sqs:r:1:q in the role that deploys: role_arn of ceap.toml, or else "
            "your own",
        ),
        (
            "API: iam:CreateRole User: x is not authorized to perform: iam:CreateRole",
            "allow iam:CreateRole on what it needs in the role that deploys: role_arn of ceap.toml, or else your own",
        ),
        (
            "Export ceap-foundation-dev-AlertTopic cannot be deleted as it is in use by ceap-realtime-dev",
            "first deploy a version of ceap-realtime-dev that does not import ceap-foundation-dev-AlertTopic",
        ),
        (
            "Cannot update export ceap-foundation-dev-AlertTopic as it is in use by ceap-realtime-dev and ceap-x-dev",
            "first deploy a version of ceap-realtime-dev that does not import ceap-foundation-dev-AlertTopic",
        ),
        (
            "No export named ceap-foundation-dev-AlertTopic found. Rollback requested by user.",
            "deploy the foundation of this environment, which exports it",
        ),
        (
            "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename "
            "ceap-x-dev-state-machine and update the stack again.",
            "give the resource another name in the same change, or deploy once without it",
        ),
        (
            "Maximum number of resource policies exceeded: LimitExceededException, limit exceeded: LimitExceeded",
            "ask for a higher limit in Service Quotas, or remove what is no longer used",
        ),
        ("Parameters: [Environment] must have values", "correct it in parameters of ceap.toml"),
        (
            "The bucket you tried to delete is not empty (Service: S3)",
            "empty the bucket, then run this command again",
        ),
        ("Internal Failure", None),
        (
            "Stack:arn:aws:cloudformation:eu-central-1:123456789012:stack/ceap-x-dev/1 is in UPDATE_IN_PROGRESS state "
            "and can not be updated.",
            "somebody else changes the stack; run this command again, which waits for that",
        ),
    ],
)
def test_what_is_known_of_a_reason_is_a_cure(reason: str, cure: str | None) -> None:
    assert cure_for(reason) == cure
