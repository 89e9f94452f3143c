from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceap.testing import Json
from handlers.runtime import tables
from handlers.runtime.aws import client
from handlers.runtime.contract import PermanentStageError, StageError, TransientStageError
from handlers.runtime.needs import Index, Table
from handlers.runtime.records import BadRecordError
from handlers.runtime.tables import TableClient, check_item
from tests.handlers.support import Refusal, calls, fault

KEY = {"PK": "p", "SK": "s"}

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(-1e100, 1e100) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture
def table(aws: None) -> TableClient:
    return TableClient("ratings")


def set_version(table: TableClient, version: int) -> Json | None:
    return table.update(
        KEY,
        "SET #version = :version",
        "attribute_not_exists(#version) OR #version <= :version",
        names={"#version": "version"},
        values={":version": version},
    )


def test_an_update_is_made_where_its_condition_holds_else_the_item_comes_back(table: TableClient) -> None:
    assert set_version(table, 2) is None
    assert set_version(table, 1) == {**KEY, "version": 2}
    assert set_version(table, 3) is None
    assert table.get_many([KEY]) == [{**KEY, "version": 3}]


def test_more_items_than_a_request_takes_are_written_and_read(table: TableClient) -> None:
    items = [{"PK": "p", "SK": f"{number:03}", "number": number} for number in range(205)]
    with calls("dynamodb") as seen:
        table.put_many(items)
        found = table.get_many({"PK": item["PK"], "SK": item["SK"]} for item in items)
    assert sorted(found, key=lambda item: item["SK"]) == items
    assert [operation for operation, _ in seen] == ["BatchWriteItem"] * 9 + ["BatchGetItem"] * 3


TABLE = Table("own", "pk", "sk", indexes=(Index("One", "one", "sk"), Index("Two", "two", "twoSort")))


def key(pk: str = "p", sk: Any = "s", **more: Any) -> Json:
    return {"pk": pk, "sk": sk, **more}


@pytest.mark.parametrize(
    "item",
    [
        key("p" * 2048, "s" * 1024),
        key("ü" * 1024, "\U0001f600" * 256),
        key(one="p" * 2048),
        key(two="p" * 2048, twoSort="s" * 1024),
        key(data="x" * (400 * 1024 - 10)),
        key(other="", numbers=[1, 2.5, None, True, {"a": "b"}]),
    ],
)
def test_an_item_that_keeps_the_limits_to_the_byte_is_taken(item: Json) -> None:
    check_item(TABLE, item)


@pytest.mark.parametrize(
    ("item", "code", "fault"),
    [
        (
            key("p" * 2049),
            "KEY_TOO_LONG",
            "pk of its item would have 2049 bytes, DynamoDB allows 2048; shorten",
        ),
        (key("ü" * 1025), "KEY_TOO_LONG", "pk of its item would have 2050 bytes"),
        (key(sk="s" * 1025), "KEY_TOO_LONG", "sk of its item would have 1025 bytes, DynamoDB allows 1024"),
        (key(one="p" * 2049), "KEY_TOO_LONG", "one of its item would have 2049 bytes, DynamoDB allows 2048"),
        (key(twoSort="\U0001f600" * 257), "KEY_TOO_LONG", "twoSort of its item would have 1028 bytes"),
        (key(""), "KEY_EMPTY", "pk of its item would be empty, DynamoDB allows no empty key; fill it"),
        (key(two=""), "KEY_EMPTY", "two of its item would be empty"),
        (key(sk=1.5), "KEY_INVALID", "sk of its item would be of type float, keys are texts; make it a text"),
        (key(one=None), "KEY_INVALID", "one of its item would be of type NoneType, keys are texts"),
        (
            key(data="x" * (400 * 1024 - 9)),
            "ITEM_TOO_LARGE",
            "its item in table own would have 409601 bytes, DynamoDB allows 409600; shorten its texts",
        ),
        (key(data="ü" * (200 * 1024)), "ITEM_TOO_LARGE", "409610 bytes"),
        (key(data=["x" * 200_000, {"a": "x" * 210_000}]), "ITEM_TOO_LARGE", "410020 bytes"),
    ],
)
def test_an_item_with_a_wrong_key_or_beyond_a_limit_in_bytes_is_refused(item: Json, code: str, fault: str) -> None:
    with pytest.raises(BadRecordError, match=re.escape(fault)) as bad:
        check_item(TABLE, item)
    assert bad.value.code == code


def test_no_items_are_no_request(table: TableClient) -> None:
    with calls("dynamodb") as seen:
        table.put_many([])
        assert table.get_many([]) == []
    assert seen == []


@given(item=st.dictionaries(st.text(max_size=5), values, max_size=4))
def test_an_item_comes_back_as_it_was_written(item: dict[str, Any]) -> None:
    assert tables._unmarshal(tables._marshal(item)) == item


def test_a_value_that_has_no_place_in_an_item_is_a_fault_of_the_code() -> None:
    with pytest.raises(TypeError, match="an item cannot hold a set"):
        tables._marshal({"a": {1}})


def leave_unprocessed(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Let DynamoDB process one entry of a batch and leave the others, a number of times."""
    left = iter(range(times))
    real = client("dynamodb")

    class Busy:
        def batch_get_item(self, RequestItems: Json) -> Json:  # noqa: N803 - boto's name
            [(name, request)] = RequestItems.items()
            if next(left, None) is None:
                answer: Json = real.batch_get_item(RequestItems=RequestItems)
                return answer
            answer = real.batch_get_item(RequestItems={name: {"Keys": request["Keys"][:1]}})
            return answer | {"UnprocessedKeys": {name: {"Keys": request["Keys"][1:]}}}

        def batch_write_item(self, RequestItems: Json) -> Json:  # noqa: N803 - boto's name
            [(name, requests)] = RequestItems.items()
            if next(left, None) is None:
                answer: Json = real.batch_write_item(RequestItems=RequestItems)
                return answer
            answer = real.batch_write_item(RequestItems={name: requests[:1]})
            return answer | {"UnprocessedItems": {name: requests[1:]}}

    monkeypatch.setattr(tables, "client", lambda _: Busy())


@pytest.mark.usefixtures("aws")
def test_what_is_left_unprocessed_is_asked_for_again(monkeypatch: pytest.MonkeyPatch, no_waiting: list[float]) -> None:
    items = [{"PK": "p", "SK": str(number)} for number in range(5)]
    leave_unprocessed(monkeypatch, times=2)
    TableClient("ratings").put_many(items)
    leave_unprocessed(monkeypatch, times=2)
    assert sorted(item["SK"] for item in TableClient("ratings").get_many(items)) == ["0", "1", "2", "3", "4"]
    assert len(no_waiting) == 4


@pytest.mark.usefixtures("aws")
def test_what_stays_unprocessed_is_transient(monkeypatch: pytest.MonkeyPatch, no_waiting: list[float]) -> None:
    leave_unprocessed(monkeypatch, times=100)
    with pytest.raises(TransientStageError, match="dynamodb:BatchWriteItem on ratings left 4 entries unprocessed 6"):
        TableClient("ratings").put_many([{"PK": "p", "SK": str(number)} for number in range(10)])


@pytest.mark.parametrize(
    ("refusal", "kind", "message"),
    [
        (
            Refusal(400, "AccessDeniedException"),
            PermanentStageError,
            "dynamodb:UpdateItem on ratings was denied: .*; add it to NEEDS of the handler",
        ),
        (Refusal(400, "ResourceNotFoundException"), PermanentStageError, "found nothing .* check that it is deployed"),
        (Refusal(400, "ValidationException"), PermanentStageError, "400 ValidationException"),
        (Refusal(400, "ProvisionedThroughputExceededException"), TransientStageError, "ProvisionedThroughput"),
        (Refusal(400, "ThrottlingException"), TransientStageError, "400 ThrottlingException"),
        (Refusal(500, "InternalServerError"), TransientStageError, "500 InternalServerError"),
        (Refusal(0), TransientStageError, "EndpointConnectionError"),
    ],
)
def test_each_failure_of_dynamodb_is_permanent_or_transient(
    table: TableClient, no_waiting: list[float], refusal: Refusal, kind: type[StageError], message: str
) -> None:
    with fault("dynamodb", "UpdateItem", refusal) as requests, pytest.raises(kind, match=message):
        set_version(table, 1)
    assert len(requests) == (5 if kind is TransientStageError else 1)
