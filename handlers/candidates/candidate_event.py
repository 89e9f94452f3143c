"""The event of a candidate: its id and detail, and the key under which it is announced once."""

import uuid
from typing import Final

from handlers.candidates.candidate import Candidate, join_key
from handlers.runtime.events import check_event
from handlers.runtime.needs import Table
from handlers.runtime.tables import Item, check_item

# Key {customer}:{subject type}:{subject id}:{program}:{marketplace}.
EVENT_DEDUPLICATION: Final = Table(name="event_deduplication", partition_key="deduplicationKey", ttl="ttl")

_EVENT_IDS: Final = uuid.UUID("0d9f4f0e-3c0b-5b1e-9d5e-5f0b7b7c1a51")


def deduplication_key(candidate: Candidate) -> str:
    """Return the key of the event: candidates with the same key are announced once."""
    subject = candidate.subject
    program, marketplace = candidate.context_id("program"), candidate.context_id("marketplace")
    return join_key(":", candidate.customer_id, subject.type, subject.id, program, marketplace)


def claim_key(candidate: Candidate) -> Item:
    """Return the key of the item that claims the event."""
    return {EVENT_DEDUPLICATION.partition_key: deduplication_key(candidate)}


def event_id(candidate: Candidate) -> str:
    """Return the id of a candidate's event: the same for the same candidate and version in every execution."""
    return str(uuid.uuid5(_EVENT_IDS, f"{deduplication_key(candidate)}:{candidate.metadata.version}"))


def build_detail(candidate: Candidate) -> dict[str, object]:
    """Return the detail of a candidate's event; consumers deduplicate on `eventId`."""
    return {
        "eventId": event_id(candidate),
        "programId": candidate.context_id("program"),
        "marketplace": candidate.context_id("marketplace"),
        "candidate": candidate,
    }


def check_announcement(candidate: Candidate) -> None:
    """Check that the event of a candidate can be claimed and published; BadRecordError if it never can."""
    check_item(EVENT_DEDUPLICATION, claim_key(candidate))
    check_event(build_detail(candidate))
