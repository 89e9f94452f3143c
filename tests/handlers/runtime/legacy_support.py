"""What the tests of the stage that an existing function does share."""

from __future__ import annotations

import re
from typing import Final

import pytest

from ceap.testing import EXECUTION, STAGE, STAGE_BEFORE, Json, invoke, write_output
from handlers.runtime.contract import StageError, output_key
from handlers.runtime.legacy import handler
from tests.handlers.support import keys

RECORDS: Final[list[Json]] = [{"id": "r1"}, {"id": "r2"}, {"id": "r3"}]


def fail(kind: type[StageError], text: str, records: list[Json] = RECORDS, *, settings: Json | None = None) -> str:
    """Run the stage, which must fail so and leave no output; return the message."""
    write_output(STAGE_BEFORE, records)
    with pytest.raises(kind, match=re.escape(text)) as failure:
        invoke(handler, STAGE, previous=STAGE_BEFORE, settings=settings)
    assert output_key(EXECUTION, STAGE) not in keys()
    return str(failure.value)


def counts(document: Json) -> list[int]:
    """Return the records taken, made beyond them, handed on and rejected."""
    return [document["metadata"][f"{way}RecordCount"] for way in ("input", "expanded", "output", "rejected")]
