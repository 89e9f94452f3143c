from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import pytest

from handlers.runtime.contract import PermanentStageError
from handlers.runtime.sources import BadRow
from handlers.runtime.sources.base import require_record
from tests.handlers.runtime.sources.support import bad_rows, read


class Order(msgspec.Struct, frozen=True, rename="camel"):
    """A record with fields of several types."""

    order_id: str
    amount: float
    paid: bool = False
    day: datetime | None = None
    size: Literal["s", "m"] = "s"


def read_orders(body: bytes, name: str) -> list[Any]:
    return read(body, name, kind=Order)


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        (b'{"orderId":"secret"}', "Object missing required field `amount`"),
        (b'{"orderId":7,"amount":1}', "Expected `str`, got `int` - at `$.orderId`"),
        (b'{"orderId":"o1","amount":"1.5"}', "Expected `float`, got `str` - at `$.amount`"),
        (b'{"orderId":"o1","amount":1,"size":"secret"}', "Invalid enum value - at `$.size`"),
    ],
)
def test_a_line_that_does_not_fit_is_rejected_with_its_number_and_without_its_values(record: bytes, fault: str) -> None:
    good = b'{"orderId":"o1","amount":1}\n'
    first, bad, last = read_orders(good + record + b"\n" + good, "s3://b/rows.jsonl")
    assert first == last == Order("o1", 1)
    assert bad == BadRow(
        "RECORD_INVALID", f"line 2 of s3://b/rows.jsonl does not fit Order: {fault}", msgspec.json.decode(record)
    )


def test_a_line_that_is_no_object_is_told_as_such_whatever_the_type() -> None:
    found = read_orders(b'{"orderId":"o1","amount":1}\n[1]\n{"amount":"x"}{"amount":"y"}\n', "rows.jsonl")
    assert bad_rows(found) == [
        ("JSON_INVALID", "line 2 of rows.jsonl is not a JSON object: Expected `object`, got `array`", "[1]"),
        *(
            (
                "JSON_INVALID",
                "line 3 of rows.jsonl holds 2 objects; write each on a line of its own, without commas or brackets "
                "around",
                text,
            )
            for text in ('{"amount":"x"}', '{"amount":"y"}')
        ),
    ]


def test_texts_of_csv_become_what_the_fields_are() -> None:
    body = b"orderId,amount,paid,day,size\n7,1.5,true,2026-01-01T00:00:00Z,m\n8,2,0,,\n"
    assert read_orders(body, "rows.csv") == [
        Order("7", 1.5, paid=True, day=datetime(2026, 1, 1, tzinfo=UTC), size="m"),
        Order("8", 2),
    ]


def test_an_empty_text_is_a_text_where_the_field_is_one() -> None:
    assert read_orders(b"orderId,amount\n,2\n", "rows.csv") == [Order("", 2)]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("o1,much,", "Expected `float`, got `str` - at `$.amount`"),
        ("o1,,", "Object missing required field `amount`"),
        ("o1,1,secret", "Invalid enum value - at `$.size`"),
    ],
)
def test_a_csv_row_that_does_not_fit_is_rejected_with_its_line(row: str, fault: str) -> None:
    _, bad, last = read_orders(f'orderId,amount,size\n"o\n1",1,s\n{row}\no3,3,m\n'.encode(), "rows.csv")
    assert last == Order("o3", 3, size="m")
    record = dict(zip(("orderId", "amount", "size"), row.split(","), strict=True))
    assert bad == BadRow("RECORD_INVALID", f"line 4 of rows.csv does not fit Order: {fault}", record)


BAD = [BadRow("JSON_INVALID", f"line {number} is wrong", "x") for number in range(1, 4)]


def test_rows_of_which_one_can_be_taken_are_all_handed_on() -> None:
    rows = [*BAD, {"a": 1}, *BAD]
    assert list(require_record(iter(rows))) == rows
    assert list(require_record(iter([]))) == []


def test_a_source_of_which_no_row_can_be_taken_fails_permanently_and_says_why() -> None:
    found: list[Any] = []

    def take(rows: Iterator[Any]) -> None:
        found.extend([next(rows), next(rows), next(rows), next(rows)])
        next(rows)

    other = BadRow("CSV_INVALID", "line 4 is wrong", "x")
    with pytest.raises(PermanentStageError) as refused:
        take(require_record(iter([*BAD, other])))
    assert found == [*BAD, other]
    assert str(refused.value) == (
        "none of the 4 records of the source can be taken (JSON_INVALID 3, CSV_INVALID 1); the first: line 1 is wrong; "
        "export JSON Lines, or CSV in a file whose name ends in .csv"
    )
