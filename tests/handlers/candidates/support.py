"""What the tests of the sample share: candidates, the records that ETL makes them of, and their message."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from ceap import testing
from ceap.testing import EXECUTION, Json
from handlers.candidates.candidate import Candidate
from tests.handlers import support

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

# What differs between any two runs: the audit fields, what derives from them, and how the work was done.
AUDIT = support.AUDIT | {
    *("createdAt", "updatedAt", "expiresAt", "workflowExecutionId", "ttl", "GSI2PK", "GSI2SK"),  # of a candidate
    *("timestamp",),  # of a score
    *("owner", "leaseUntil", "windowUntil", "keepUntil"),  # of a claim
    *("published", "reason"),  # of what Reactive yields
}


def message(records: Iterable[object], **fields: Any) -> str:
    """A message of a program."""
    return testing.message(records, **{"programId": "p", "marketplace": "m", **fields})


def raw(customer: str = "c1", **fields: Any) -> Json:
    """A record that ETL makes a candidate of."""
    return {
        "customerId": customer,
        "subjectType": "order",
        "subjectId": "o1",
        "eventDate": "2026-01-01T00:00:00Z",
        "orderValue": 50,
        **fields,
    }


def candidate(
    customer: str = "c1",
    *,
    subject: str = "o1",
    version: int = 1,
    scores: Json | None = None,
    metadata: Json | None = None,
    **attributes: Any,
) -> Candidate:
    fields = {
        "customerId": customer,
        "context": [{"type": "program", "id": "p"}, {"type": "marketplace", "id": "m"}],
        "subject": {"type": "order", "id": subject},
        "attributes": {"eventDate": "2026-01-01T00:00:00Z", "channelEligibility": {"email": True}, **attributes},
        "metadata": {
            "createdAt": NOW,
            "updatedAt": NOW,
            "expiresAt": datetime(2036, 1, 1, tzinfo=UTC),
            "version": version,
            "sourceConnectorId": "message",
            "workflowExecutionId": EXECUTION,
            **(metadata or {}),
        },
    }
    if scores is not None:
        fields["scores"] = {
            model: {"timestamp": NOW, **(score if isinstance(score, dict) else {"value": score, "confidence": 1})}
            for model, score in scores.items()
        }
    return msgspec.convert(fields, Candidate)
