"""The candidate: a customer and a subject to engage them about, as it stands in every stage document after ETL."""

from datetime import datetime
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from handlers.runtime.records import BadRecordError
from handlers.runtime.tally import Place, Placed

# Ids make up keys, whose bytes `check_limits` checks.
Id: TypeAlias = Annotated[str, Meta(min_length=1, max_length=255)]
Time: TypeAlias = Annotated[datetime, Meta(tz=True)]
Fraction: TypeAlias = Annotated[float, Meta(ge=0, le=1)]


class _Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Fields that are unset are not written; keys that a part does not know are not kept.

    The garbage collector need not look at parts: what comes out of JSON has no cycles.
    """


class Context(_Part, frozen=True, kw_only=True):
    """Where a candidate belongs: `program` and `marketplace` are types of it."""

    type: Id
    id: Id


class Subject(_Part, frozen=True, kw_only=True):
    """What to engage the customer about, e.g. a product."""

    type: Id
    id: Id
    metadata: dict[str, Any] | UnsetType = UNSET


class Score(_Part, frozen=True, kw_only=True):
    """What one model says of a candidate."""

    value: float
    confidence: Fraction | UnsetType = UNSET
    timestamp: Time
    metadata: dict[str, Any] | UnsetType = UNSET


class Attributes(_Part, frozen=True, kw_only=True):
    """What the source knows of the event."""

    event_date: Time
    delivery_date: Time | UnsetType = UNSET
    timing_window: str | UnsetType = UNSET
    order_value: float | UnsetType = UNSET
    media_eligible: bool | UnsetType = UNSET
    channel_eligibility: dict[str, bool]
    consumed: bool = False


class Audit(_Part, frozen=True, kw_only=True):
    """Where a candidate comes from; `version` comes from the data, never from a counter."""

    created_at: Time
    updated_at: Time
    expires_at: Time
    version: Annotated[int, Meta(ge=1, le=2**53)]
    source_connector_id: str
    workflow_execution_id: str


class Candidate(_Part, Placed, frozen=True, kw_only=True):
    """A record of every stage document after ETL; `published` and `reason` are Reactive's answer."""

    customer_id: Id
    context: Annotated[list[Context], Meta(min_length=1)]
    subject: Subject
    scores: dict[str, Score] | UnsetType = UNSET
    attributes: Attributes
    metadata: Audit
    published: bool | UnsetType = UNSET
    reason: str | UnsetType = UNSET

    def context_id(self, kind: str) -> str:
        """Return the id of the context of a type, e.g. `program`; BadRecordError if the candidate has none."""
        found = self.find_context(kind)
        if found is None:
            raise BadRecordError(
                "CONTEXT_MISSING",
                f"it has no context of type {kind}, which keys need; add it in the stage that makes it",
            )
        return found

    def find_context(self, kind: str) -> str | None:
        """Return the id of the context of a type, or None."""
        for context in self.context:
            if context.type == kind:
                return context.id
        return None

    def place(self) -> Place:
        return program_place(self.find_context("program"), self.find_context("marketplace"))

    def place_source(self) -> object:
        return self.context

    def score(self, model: str) -> Score | None:
        """Return the score that a model gave, or None."""
        return self.scores.get(model) if self.scores else None


def program_place(program: str | None, marketplace: str | None) -> Place:
    """Return the dimensions of the metrics of a program and marketplace, as far as they are known."""
    return (("ProgramId", program or "unknown"), ("Marketplace", marketplace or "unknown"))


def join_key(separator: str, *parts: str) -> str:
    """Join parts to a key that no other parts share: a separator inside a part is percent-encoded."""
    key = separator.join(parts)
    if key.count(separator) < len(parts) and "%" not in key:
        return key  # almost always, and three times as fast
    code = f"%{ord(separator):02X}"
    return separator.join(part.replace("%", "%25").replace(separator, code) for part in parts)
