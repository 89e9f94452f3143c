"""Reactive: tells other systems of each candidate, once."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from handlers.needs import Needs, Publish, Table


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a candidate is not announced again, in seconds.

    `window_s`: after any event of the candidate. `redelivery_s`: after an event of the same version; past the longest
    redelivery of a message, 3 receives x the visibility timeout. `lease_s`: for how long a claim of an execution that
    may have died keeps others away; at least the step's timeout.
    """

    window_s: Annotated[int, Meta(ge=0)] = 300
    redelivery_s: Annotated[int, Meta(ge=0)] = 5400
    lease_s: Annotated[int, Meta(ge=1)] = 900


# Key {customer}:{subject type}:{subject id}:{program}:{marketplace}.
EVENT_DEDUPLICATION = Table(name="event_deduplication", partition_key="deduplicationKey", ttl="ttl")
NEEDS = Needs(
    settings=Settings,
    tables={EVENT_DEDUPLICATION: ("UpdateItem",)},
    events=Publish(source="ceap.workflow", detail_type="CandidateReady"),
)
