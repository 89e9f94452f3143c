"""Stages killed at each of their requests and run again: what the framework's contract with them makes possible."""

from __future__ import annotations

import pytest

from ceap.testing import Json
from tests.handlers.cloud import Cloud
from tests.handlers.runs import (
    Work,
    again_later,
    assert_a_large_output_appears_whole_or_not_at_all,
    assert_five_runs_leave_what_one_leaves,
    assert_killed_runs_do_no_harm,
)
from tests.handlers.support import AUDIT

RECORDS: list[Json] = [{"id": f"r{number}", "version": number + 1} for number in range(3)]


def told(update: Json) -> str | None:
    if "told" not in update["UpdateExpression"]:
        return None
    key: str = update["Key"]["key"]["S"]
    return key


WORKS = [
    Work("take", [*RECORDS, {}], first=True),
    Work("sift", [*RECORDS, {"id": "r3", "drop": True}]),
    Work("rate", RECORDS * 5),
    Work("keep", [*RECORDS, RECORDS[0]]),
    Work("tell", RECORDS, told=told, audit=AUDIT | {"owner", "told", "published"}),
]
every_stage = pytest.mark.parametrize("work", WORKS, ids=lambda work: work.handler)


@again_later
@every_stage
def test_a_run_after_one_that_was_killed_after_any_request_leaves_what_one_undisturbed_run_leaves(
    cloud: Cloud, work: Work, execution: str, offset: int
) -> None:
    assert_killed_runs_do_no_harm(cloud, work, execution, offset)


@every_stage
def test_five_runs_leave_the_tables_that_one_leaves(cloud: Cloud, work: Work) -> None:
    assert_five_runs_leave_what_one_leaves(cloud, work)


def test_a_large_output_appears_whole_or_not_at_all(cloud: Cloud) -> None:
    records = [{"id": f"r{number}", "text": "x" * 500_000} for number in range(20)]
    assert_a_large_output_appears_whole_or_not_at_all(cloud, Work("sift", records))
