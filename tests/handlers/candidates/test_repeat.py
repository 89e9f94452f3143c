"""The sample's stages killed at each of their requests and run again."""

from __future__ import annotations

import pytest

from ceap.testing import Json
from handlers.candidates.candidate_event import event_id
from tests.handlers.candidates.support import AUDIT, candidate, raw
from tests.handlers.cloud import Cloud, Kill
from tests.handlers.runs import (
    KILLED,
    REDELIVERY_S,
    Work,
    again_later,
    assert_five_runs_leave_what_one_leaves,
    assert_killed_runs_do_no_harm,
    events,
)

CANDIDATES = [candidate(f"c{number}", version=number + 1, scores={"quality": 0.5}) for number in range(3)]


def published(update: Json) -> str | None:
    if not update["UpdateExpression"].startswith("SET #state = :published"):
        return None
    event: str = update["ExpressionAttributeValues"][":event"]["S"]
    return event


MESSAGE = [*(raw(f"c{number}", programId="p", marketplace="m") for number in range(3)), {}]
WORKS = [
    Work("etl", MESSAGE, '{"max_error_rate": 0.5}', first=True, audit=AUDIT),
    Work("filter", [*CANDIDATES, candidate("c3", channelEligibility={})], audit=AUDIT),
    Work("score", CANDIDATES * 5, audit=AUDIT),
    Work("store", [*CANDIDATES, CANDIDATES[0]], '{"concurrency": 1}', audit=AUDIT),
    Work("reactive", CANDIDATES, told=published, audit=AUDIT),
]
every_stage = pytest.mark.parametrize("work", WORKS, ids=lambda work: work.handler)


@again_later
@every_stage
def test_a_run_after_one_that_was_killed_after_any_request_leaves_what_one_undisturbed_run_leaves(
    cloud: Cloud, work: Work, execution: str, offset: int
) -> None:
    assert_killed_runs_do_no_harm(cloud, work, execution, offset)


def test_events_are_sent_again_with_their_ids_by_the_run_after_one_that_died_before_it_recorded_them(
    cloud: Cloud,
) -> None:
    cloud.reset()
    work = WORKS[-1]
    assert work.run(cloud) == 0
    publishing = [request.name for request in cloud.requests].index("PutEvents")
    cloud.reset()
    assert work.run(cloud, kill=Kill(publishing, "after")) == KILLED
    assert work.run(cloud, "e2", offset=REDELIVERY_S) == 0
    assert events(cloud.served) == dict.fromkeys(map(event_id, CANDIDATES), 2)


@every_stage
def test_five_runs_leave_the_tables_that_one_leaves(cloud: Cloud, work: Work) -> None:
    assert_five_runs_leave_what_one_leaves(cloud, work)
