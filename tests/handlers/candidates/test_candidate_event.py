from __future__ import annotations

import msgspec
import pytest

from handlers.candidates.candidate_event import check_announcement, deduplication_key
from handlers.runtime.records import BadRecordError
from tests.handlers.candidates.support import candidate


@pytest.mark.parametrize(("length", "is_fine"), [(2048, True), (2049, False)])
def test_an_event_can_be_claimed_if_its_key_has_room(length: int, is_fine: bool) -> None:
    short = candidate("c")
    made = msgspec.structs.replace(short, customer_id="c" * (length - len(deduplication_key(short)) + 1))
    assert len(deduplication_key(made)) == length
    if is_fine:
        check_announcement(made)
    else:
        with pytest.raises(BadRecordError, match="2049 bytes"):
            check_announcement(made)


def test_an_event_that_is_too_large_is_refused() -> None:
    with pytest.raises(BadRecordError, match="its event would have"):
        check_announcement(candidate("c", timingWindow="x" * 1_000_000))
