"""Reactive: tells other systems of each candidate, once."""

import time
from collections.abc import Iterator
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from handlers.candidates.candidate import Candidate
from handlers.candidates.candidate_event import (
    EVENT_DEDUPLICATION,
    build_detail,
    check_announcement,
    claim_key,
    deduplication_key,
    event_id,
)
from handlers.candidates.candidate_stage import CandidateStage
from handlers.candidates.limits import is_small
from handlers.runtime.context import StageContext
from handlers.runtime.contract import TransientStageError
from handlers.runtime.metrics import Measures
from handlers.runtime.needs import Needs, Publish
from handlers.runtime.tables import Item
from handlers.runtime.tally import Share

if TYPE_CHECKING:
    from concurrent.futures import Executor


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a candidate is not announced again, in seconds.

    `window_s`: after any event of the candidate. `redelivery_s`: after an event of the same version; past the longest
    redelivery of a message, 3 receives x the visibility timeout.
    """

    window_s: Annotated[int, Meta(ge=0)] = 300
    redelivery_s: Annotated[int, Meta(ge=0)] = 5400


NEEDS = Needs(
    settings=Settings,
    tables={EVENT_DEDUPLICATION: ("UpdateItem",)},
    events=Publish(source="ceap.workflow", detail_type="CandidateReady"),
)

# PutEvents takes 10 events a request; a crash between publishing and recording repeats no more than these.
BATCH: Final = 10

_NAMES: Final = {"#owner": "owner", "#state": "state", "#ttl": "ttl"}  # DynamoDB reserves these words
_CLAIM: Final = "SET #owner = :me, #state = :claimed, eventId = :event, leaseUntil = :lease, #ttl = :ttl"
_MAY_CLAIM: Final = (
    "attribute_not_exists(#state) "
    "OR (#state = :claimed AND (#owner = :me OR leaseUntil <= :now)) "
    "OR (#state = :published AND windowUntil <= :now AND (eventId <> :event OR keepUntil <= :now))"
)
_RECORD: Final = "SET #state = :published, windowUntil = :window, keepUntil = :keep, #ttl = :keep REMOVE leaseUntil"
_MAY_RECORD: Final = "#owner = :me AND eventId = :event"


# The clocks of two machines may differ by this much.
CLOCK_SKEW_S: Final = 5


class ReactiveStage(CandidateStage[Candidate, Settings]):
    """Claim, publish, record: an event is never lost, and repeated only by a crash in between, with the same id.

    A claim is leased until its invocation must have ended, which is before its message can be delivered again. If
    another execution holds a running lease, the stage fails transiently: that execution may still publish the event or
    die before it does.
    """

    record_type = Candidate

    def check_record(self, record: Candidate, stage: StageContext[Settings]) -> None:
        if not is_small(record):
            check_announcement(record)

    def process_data(self, records: Iterator[Candidate], stage: StageContext[Settings]) -> Iterator[Candidate]:
        from concurrent.futures import ThreadPoolExecutor  # not at the top, which synth and a cold start load

        claims = Claims(stage)
        with ThreadPoolExecutor(BATCH) as pool:
            for batch in _cut(records):
                refusals = list(pool.map(claims.claim, batch))
                mine = [candidate for candidate, refusal in zip(batch, refusals, strict=True) if refusal is None]
                stage.publish(map(build_detail, mine), taken=partial(claims.record_all, pool, mine))
                _check_leases(batch, refusals)
                for candidate, refusal in zip(batch, refusals, strict=True):
                    published, reason = (True, "PUBLISHED") if refusal is None else claims.explain(candidate, refusal)
                    stage.count("published" if published else "duplicate", record=candidate)
                    yield msgspec.structs.replace(candidate, published=published, reason=reason)

    def measure(self, share: Share) -> Measures:
        return {
            "PublishedCount": share.counts["published"],
            "DuplicateCount": share.counts["duplicate"],
            "RejectedCount": share.rejections.total(),
        }


class Claims:
    """The claims of one execution on the events of candidates."""

    def __init__(self, stage: StageContext[Settings]) -> None:
        self._table = stage.table(EVENT_DEDUPLICATION.name)
        self._me = stage.execution.execution_id
        self._lease_until = ceil(stage.deadline) + CLOCK_SKEW_S
        self._window_s = stage.settings.window_s
        self._keep_s = max(stage.settings.window_s, stage.settings.redelivery_s)

    def claim(self, candidate: Candidate) -> Item | None:
        """Claim the event of a candidate: return None, or the item that prevents it."""
        values = {
            ":me": self._me,
            ":claimed": "claimed",
            ":published": "published",
            ":event": event_id(candidate),
            ":now": int(time.time()),
            ":lease": self._lease_until,
            ":ttl": self._lease_until + self._keep_s,
        }
        return self._table.update(claim_key(candidate), _CLAIM, _MAY_CLAIM, names=_NAMES, values=values)

    def record_all(self, pool: "Executor", candidates: list[Candidate], places: list[int]) -> None:
        list(pool.map(self.record, [candidates[place] for place in places]))

    def record(self, candidate: Candidate) -> None:
        """Record that the event is published; an execution that took the claim over publishes it with the same id."""
        now = int(time.time())
        values = {
            ":me": self._me,
            ":published": "published",
            ":event": event_id(candidate),
            ":window": now + self._window_s,
            ":keep": now + self._keep_s,
        }
        self._table.update(claim_key(candidate), _RECORD, _MAY_RECORD, names=_NAMES, values=values)

    def explain(self, candidate: Candidate, refusal: Item) -> tuple[bool, str]:
        """Return whether an earlier attempt of this stage has published the event, and the reason."""
        if refusal["eventId"] != event_id(candidate):
            return False, "IN_WINDOW"
        return (True, "PUBLISHED") if refusal["owner"] == self._me else (False, "ALREADY_PUBLISHED")


def _check_leases(batch: list[Candidate], refusals: list[Item | None]) -> None:
    held = [item for item in refusals if item and item["state"] == "claimed"]
    if held:
        raise TransientStageError(
            f"{len(held)} of {len(batch)} candidates of a batch are claimed by other executions, "
            "which may still publish them; a later attempt will know",
            {"claims": held},
        )


def _cut(candidates: Iterator[Candidate]) -> Iterator[list[Candidate]]:
    """Yield batches in which no key stands twice: a claim must not meet a claim of its own batch."""
    batch: dict[str, Candidate] = {}
    for candidate in candidates:
        key = deduplication_key(candidate)
        if len(batch) == BATCH or key in batch:
            yield list(batch.values())
            batch = {}
        batch[key] = candidate
    if batch:
        yield list(batch.values())


handler = ReactiveStage(NEEDS)
