from __future__ import annotations

import pytest

from ceap.policy.guard.engine import Clause, one_line, one_of

FIRST = Clause("/A", "", "A exists")
SECOND = Clause("/B", "", "B exists")
SAME = Clause("/C", "", "B exists")
TOLD = Clause("/D", "one of them", "D exists")
TOLD_AGAIN = Clause("/E", "one of them", "D exists")


@pytest.mark.parametrize(
    ("failed", "standing"),
    [
        ([], []),
        ([FIRST], [FIRST]),
        ([FIRST, SECOND], [SECOND]),
        ([SECOND, FIRST, SAME], [SECOND, SAME]),
        ([TOLD, FIRST, SECOND], [TOLD]),
        ([TOLD_AGAIN, FIRST, TOLD], [TOLD_AGAIN, TOLD]),
    ],
)
def test_of_alternatives_that_failed_the_last_stands_for_all_or_that_with_a_message(
    failed: list[Clause], standing: list[Clause]
) -> None:
    assert one_of(failed) == standing


def test_a_message_is_one_line_without_the_semicolons_of_the_engine() -> None:
    assert one_line(";one\n  two; \n;") == "one two"
    assert one_line(None) == ""
