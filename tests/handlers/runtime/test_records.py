import json
from collections import Counter, OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from math import inf, nan
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.runtime.contract import PermanentStageError
from handlers.runtime.records import (
    NESTING_MAX,
    RECORD_BYTES,
    BadRecordError,
    RecordEncoder,
    check_results,
    describe_mismatch,
    encode_record,
    find_fault,
    type_name,
)


class Order(msgspec.Struct, tag="order"):
    amount: float | None
    price: Decimal = Decimal(1)


class Refund(msgspec.Struct, tag="refund"):
    amount: float


class LateOrder(Order, tag="late"):
    days: int = 1


def encode(*records: Any, yields: Any = dict[str, Any], first: int = 1) -> list[Any]:
    return [json.loads(line) for line in RecordEncoder("OwnStage", yields).encode(list(records), first).split(b",\n")]


def refusal(*records: Any, yields: Any = dict[str, Any], first: int = 1) -> str:
    with pytest.raises(PermanentStageError) as refused:
        encode(*records, yields=yields, first=first)
    return str(refused.value)


@pytest.mark.parametrize(
    ("records", "yields"),
    [
        ([{"a": [1, "x", None, True, 1.5, {"b": []}]}], dict[str, Any]),
        ([{}, OrderedDict(a=1), {"text": "null"}], dict),
        ([{"a": 1}, Order(1.0)], Any),
        ([Order(1.0), Refund(1.0), Order(None)], Order | Refund),
        ([LateOrder(1.0)], Order),
        ([{"order": Refund(1.0), "words": ["a"]}], dict[str, Any]),
    ],
)
def test_records_of_the_declared_type_are_written_as_they_are(records: list[Any], yields: Any) -> None:
    assert encode(*records, yields=yields) == msgspec.to_builtins(records)


@pytest.mark.parametrize(
    ("record", "yields", "fault"),
    [
        ("text", dict[str, Any], "str, not dict; yield each record as dict"),
        (({"a": 1},), dict[str, Any], "tuple, not dict; yield each record as dict"),
        ([], dict[str, Any], "list, not dict; yield each record as dict"),
        (None, dict[str, Any], "NoneType, not dict; yield each record as dict"),
        (Decimal(1), Order, "Decimal, not Order; yield each record as Order"),
        (
            Refund(1.0),
            Order,
            "Refund, not Order; yield each record as Order, or declare what the stage makes, e.g. `yields = Refund`",
        ),
        (
            {"a": 1},
            Order | Refund,
            "dict, not Order or Refund; yield each record as Order or Refund, or declare what the stage makes, "
            "e.g. `yields = dict`",
        ),
    ],
)
def test_what_is_not_of_the_declared_type_is_refused_with_its_number(record: Any, yields: Any, fault: str) -> None:
    good = {"a": 1} if yields == dict[str, Any] else Order(1.0)
    assert refusal(good, record, good, yields=yields, first=7) == f"record 8 that OwnStage yields is of type {fault}"


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (nan, "holds the number nan, which JSON has not; leave it out"),
        (-inf, "holds the number -inf, which JSON has not; leave it out"),
        (Decimal("1.5"), "holds a value of type Decimal, which JSON has not; write float(value) or str(value)"),
        (b"x", "holds a value of type bytes, which JSON has not; decode it to text"),
        (msgspec.Raw(b"{bad"), "holds a value of type Raw, which JSON has not; decode it"),
        ({1}, "holds a value of type set, which JSON has not; write a sorted list"),
        ({1: "a"}, "has a key of type int; keys are texts"),
        ("\ud800", "holds text that is not Unicode (half of a surrogate pair); correct it"),
        (object(), "has no JSON form: Encoding objects of type object is unsupported; correct it"),
        ("x" * RECORD_BYTES, f"has {RECORD_BYTES + 24} bytes of JSON, at most {RECORD_BYTES} are allowed"),
    ],
)
def test_what_json_would_change_or_refuse_is_refused_where_it_is_yielded(value: Any, fault: str) -> None:
    said = f"record 2 that OwnStage yields {fault}"
    for kind in (dict, OrderedDict, Counter):
        assert refusal(kind({}), kind({"lines": [{"value": value}]})).startswith(said)
        assert refusal({"a": 1}, {"lines": [kind({"value": value})]}).startswith(said)


def test_a_number_that_is_none_is_found_in_a_struct_beside_a_value_that_is_left_out() -> None:
    fault = "record 2 that OwnStage yields holds the number nan, which JSON has not; leave it out"
    assert refusal(Order(None), Order(nan), yields=Order) == fault


def test_a_type_that_a_struct_declares_has_a_form_of_its_own() -> None:
    assert encode(Order(None, Decimal("1.10")), yields=Order) == [{"type": "order", "amount": None, "price": "1.10"}]


def nested(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels - 1):
        value = {"a": [1]} | {"in": value}
    return value


def test_a_record_is_nested_as_deep_as_the_limit_and_no_deeper() -> None:
    assert encode(nested(NESTING_MAX)) == [nested(NESTING_MAX)]
    fault = f"record 1 that OwnStage yields nests objects and lists deeper than {NESTING_MAX} levels; flatten it"
    assert refusal(nested(NESTING_MAX + 1)) == fault
    assert refusal(nested(5000)) == fault


@pytest.mark.parametrize(
    ("results", "said"),
    [
        (None, "returned None; yield each record instead (`yield record`)"),
        ([{"a": 1}], "returned an object of type list, not a generator; yield each record instead"),
        ({"a": 1}, "returned an object of type dict, not a generator; yield each record instead"),
    ],
)
def test_what_process_data_returns_must_be_a_generator(results: object, said: str) -> None:
    with pytest.raises(PermanentStageError) as refused:
        check_results(results, "OwnStage")
    assert str(refused.value).startswith(f"process_data of OwnStage {said}")


def test_any_iterator_is_as_good_as_a_generator() -> None:
    results: Iterator[Any] = map(str, [1])
    assert check_results(results, "OwnStage") is results


@pytest.mark.parametrize(
    ("kind", "name"),
    [(dict[str, Any], "dict"), (Order, "Order"), (Order | None, "Order or NoneType"), (Any, "dict or Struct")],
)
def test_a_type_is_called_by_its_names(kind: Any, name: str) -> None:
    assert type_name(kind) == name


TEXTS = st.text(alphabet='null"\n,é', max_size=6)


class Diagnosis(msgspec.Struct, forbid_unknown_fields=True):
    name: Literal["none", "cold"] = "none"
    days: int = 0

    def __post_init__(self) -> None:
        if self.days > 9:
            raise ValueError(f"{self.days} days are too long - at `$.home`")


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"name": "flu of ' - at `$.Jane"}, "Invalid enum value - at `$.name`"),
        ({"jane - at `$.x": 1}, "Object contains unknown field"),
        ({"days": "Jane"}, "Expected `int`, got `str` - at `$.days`"),
        ({"days": 77}, "its class refuses it"),
        ([], "Expected `object`, got `array`"),
    ],
)
def test_a_mismatch_is_told_without_what_the_record_holds(record: object, said: str) -> None:
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.json.decode(msgspec.json.encode(record), type=Diagnosis)
    assert describe_mismatch(error.value) == said


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
VALUES = LEAVES | st.lists(LEAVES, max_size=2) | st.dictionaries(TEXTS, LEAVES, max_size=2)


@given(st.lists(st.dictionaries(TEXTS, VALUES, max_size=3), min_size=1, max_size=4))
def test_records_are_either_written_without_loss_or_refused(records: list[dict[str, Any]]) -> None:
    faults = [number for number, record in enumerate(records, 1) if find_fault(record)]
    if faults:
        assert refusal(*records).startswith(f"record {faults[0]} that OwnStage yields holds the number")
    else:
        assert encode(*records) == records


def test_a_time_in_a_dict_is_written_as_text() -> None:
    assert encode({"at": datetime(2026, 1, 2, tzinfo=UTC)}) == [{"at": "2026-01-02T00:00:00Z"}]


def test_a_record_is_taken_with_as_many_levels_as_the_next_stage_may_read() -> None:
    assert msgspec.json.decode(encode_record(nested(64))) == nested(64)
    assert encode_record({"a": "[{" * 100, "b": [[], []] * 50}) == msgspec.json.encode(
        {"a": "[{" * 100, "b": [[], []] * 50}
    )


@pytest.mark.parametrize("levels", [65, 900, 20_000])
def test_a_record_that_nests_deeper_is_refused(levels: int) -> None:
    with pytest.raises(BadRecordError, match="it nests objects and lists deeper than 64 levels; flatten it") as bad:
        encode_record(nested(levels))
    assert bad.value.code == "NESTING_TOO_DEEP"
