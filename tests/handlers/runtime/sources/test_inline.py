from __future__ import annotations

from collections import Counter

import msgspec

from handlers.runtime.sources.base import BadRow
from handlers.runtime.sources.inline import Inline


class Order(msgspec.Struct, frozen=True):
    number: int


def test_records_are_counted_from_one_and_those_that_do_not_fit_stay_bad_rows() -> None:
    found = list(Inline(records=[{"number": 1}, {"number": "x"}]).read(None, Counter(), Order))
    reason = "record 2 of the message does not fit Order: Expected `int`, got `str` - at `$.number`"
    assert found == [Order(1), BadRow("RECORD_INVALID", reason, {"number": "x"})]
