"""How an operation of CloudFormation ended, told from its events."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ceap.aws.pace import Pace
from ceap.aws.session import Aws
from ceap.deploy.progress import Ended, Progress, follow

STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/ceap-orders-dev/1"


class Told:
    """CloudFormation with a stack whose last operations told statuses, the oldest first."""

    def __init__(self, *statuses: str) -> None:
        self._statuses = statuses

    def client(self, _: str) -> Any:
        return self

    def describe_stacks(self, **_: str) -> Any:
        return {"Stacks": [{"StackStatus": self._statuses[-1], "StackStatusReason": "last"}]}

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, **_: str) -> Any:
        events = [
            {
                "EventId": str(number),
                "StackId": STACK,
                "PhysicalResourceId": STACK,
                "LogicalResourceId": "ceap-orders-dev",
                "ResourceStatus": status,
                "ResourceStatusReason": f"reason {number}",
            }
            for number, status in enumerate(self._statuses)
        ]
        return [{"StackEvents": events[::-1]}]


def ended(*statuses: str) -> Ended:
    """Return how what began after the first status ended."""
    aws = cast("Aws", Told(*statuses))
    return follow(aws, STACK, "0", lambda _: None, Pace(lambda _: None), is_begun=False)


@pytest.mark.parametrize(
    ("statuses", "is_done"),
    [
        (("REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"), True),
        (("REVIEW_IN_PROGRESS", "IMPORT_IN_PROGRESS", "IMPORT_COMPLETE"), True),
        (("CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"), True),
        (("UPDATE_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"), True),
        (("CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"), False),
        (("REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "ROLLBACK_COMPLETE"), False),
        (("REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"), False),
    ],
)
def test_an_operation_is_done_if_it_ends_as_it_began(statuses: tuple[str, ...], is_done: bool) -> None:
    assert ended(*statuses).is_done is is_done


def test_a_deletion_that_cloudformation_refuses_to_begin_is_not_done() -> None:
    refused = ended("UPDATE_COMPLETE", "UPDATE_COMPLETE")
    assert (refused.status, refused.is_done) == ("UPDATE_COMPLETE", False)


def test_the_operation_of_another_deployer_that_follows_is_not_taken_for_this_one() -> None:
    failed = ended(
        *("CREATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"),
        *("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"),
    )
    assert (failed.status, failed.reason, failed.is_done) == ("UPDATE_ROLLBACK_COMPLETE", "reason 3", False)


def test_what_needed_no_change_is_counted_at_the_end() -> None:
    about = {"StackId": STACK, "PhysicalResourceId": STACK, "LogicalResourceId": "ceap-orders-dev"}
    updated = {"ResourceStatus": "UPDATE_COMPLETE"}
    progress = Progress(3)
    queue = {**about, **updated, "PhysicalResourceId": "url", "LogicalResourceId": "Queue", "ResourceType": "Q"}
    assert progress.take(queue) == "  1 of 3  Queue (Q) updated"
    assert progress.take({**about, **updated}) == "  2 of 3 needed no change"
    assert Progress().take({**about, **updated}) is None
