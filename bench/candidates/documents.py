"""Stage documents to measure with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.stage import BEFORE, EXECUTION
from handlers.candidates.candidate import Candidate
from handlers.runtime.contract import output_key
from handlers.runtime.document import Header, encode_document

DAY: Final = datetime(2026, 1, 1, tzinfo=UTC)


def write_document(folder: Path, count: int) -> Path:
    """Write the output of the stage before, with so many candidates; return its path."""
    path = folder / output_key(EXECUTION, BEFORE)
    path.parent.mkdir(parents=True)
    header = Header(execution_id=EXECUTION, stage=BEFORE, started_at="2026-01-01T00:00:00Z")
    with path.open("wb") as file:
        file.writelines(encode_document(header, _candidates(count), lambda written: {"outputRecordCount": written}))
    return path


def _candidates(count: int) -> Iterator[Candidate]:
    """Yield candidates, of which a tenth has no e-mail and a tenth a low order value."""
    for number in range(count):
        event = DAY + timedelta(seconds=number)
        fields: dict[str, Any] = {
            "customerId": f"customer-{number:08}",
            "context": [{"type": "program", "id": "retail"}, {"type": "marketplace", "id": "DE"}],
            "subject": {"type": "order", "id": f"order-{number:08}"},
            "attributes": {
                "eventDate": event,
                "deliveryDate": event + timedelta(days=3),
                "orderValue": float(number % 10 * 20 + number % 7),
                "mediaEligible": number % 3 == 0,
                "channelEligibility": {"email": number % 10 != 5, "sms": number % 2 == 0},
            },
            "metadata": {
                "createdAt": event,
                "updatedAt": event,
                "expiresAt": event + timedelta(days=30),
                "version": 1_767_225_600_000 + number,
                "sourceConnectorId": "message",
                "workflowExecutionId": EXECUTION,
            },
        }
        yield msgspec.convert(fields, Candidate)
