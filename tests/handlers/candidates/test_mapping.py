from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.candidates.mapping import (
    TARGETS,
    FieldMapping,
    check_mappings,
    extract_fields,
    merge_mappings,
    parse_time,
)
from handlers.runtime.records import BadRecordError

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def extract_one(value: Any, kind: Any) -> Any:
    return extract_fields({"source": value}, {"field": FieldMapping(source="source", type=kind)}).get("field")


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("string", "text", "text"),
        ("string", 4711, "4711"),
        ("number", 1, 1.0),
        ("number", "1.5", 1.5),
        ("integer", 3, 3),
        ("integer", "3", 3),
        ("boolean", True, True),
        ("boolean", "true", True),
        ("boolean", 0, False),
        ("object", {"a": 1}, {"a": 1}),
        ("time", "2026-01-01T00:00:00Z", NEW_YEAR),
        ("time", "2026-01-01T01:00:00+01:00", NEW_YEAR),
        ("time", "2026-01-01T00:00:00", NEW_YEAR),
        ("time", "2026-01-01", NEW_YEAR),
        ("time", 1767225600000, NEW_YEAR),
        ("time", "1767225600000", NEW_YEAR),
        ("string", "", None),
        ("number", None, None),
    ],
)
def test_a_value_becomes_what_its_field_is(kind: str, value: Any, expected: Any) -> None:
    found = extract_one(value, kind)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", True),
        ("string", 1.5),
        ("string", ["a"]),
        ("number", "many"),
        ("number", "nan"),
        ("number", "inf"),
        ("integer", 1.5),
        ("boolean", "perhaps"),
        ("object", [1]),
        ("time", "yesterday"),
        ("time", "2026-02-30"),
        ("time", 10**30),
        ("time", "0001-01-01T00:00:00+14:00"),
        ("time", True),
        ("time", 1.5),
    ],
)
def test_a_value_that_is_not_what_its_field_is_makes_a_bad_record(kind: str, value: Any) -> None:
    with pytest.raises(BadRecordError, match="source is wrong: ") as bad:
        extract_one(value, kind)
    assert bad.value.code == "FIELD_INVALID"


@given(seconds=st.integers(10**7, 10**11 - 1), hours=st.integers(-14, 14))
def test_a_time_is_the_same_as_text_of_any_zone_and_as_epoch_milliseconds(seconds: int, hours: int) -> None:
    time = datetime.fromtimestamp(seconds, UTC)
    zoned = time.astimezone(timezone(timedelta(hours=hours)))
    assert {parse_time(zoned.isoformat()), parse_time(seconds * 1000), parse_time(str(seconds * 1000))} == {time}


def test_a_path_leads_into_nested_objects() -> None:
    mappings = {"customerId": FieldMapping(source="customer.ids.main")}
    assert extract_fields({"customer": {"ids": {"main": "c1"}}}, mappings) == {"customerId": "c1"}
    assert extract_fields({"customer": {"ids": ["c1"]}}, mappings) == {}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"customer.id": "column"}, {"customerId": "column"}),
        ({"customer.id": "column", "customer": {"id": "path"}}, {"customerId": "column"}),
        ({"customer.id": "", "customer": {"id": "path"}}, {}),
        ({"customer.id": None, "customer": {"id": "path"}}, {}),
        ({"customer": {"id": "path"}}, {"customerId": "path"}),
        ({"customer": {"id.": "path"}, "customer.": "x"}, {}),
    ],
)
def test_a_key_of_the_very_name_of_a_source_comes_before_the_path(record: Any, expected: Any) -> None:
    assert extract_fields(record, {"customerId": FieldMapping(source="customer.id")}) == expected


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (1767225600, "a time of 10 digits is in seconds; write epoch milliseconds, or ISO 8601"),
        ("1767225600", "a time of 10 digits is in seconds"),
        (978307200, "a time of 9 digits is in seconds"),
        (-1767225600, "a time of 10 digits is in seconds"),
        (1767225600000000, "a time of 16 digits is in microseconds"),
        ("978307200000000", "a time of 15 digits is in microseconds"),
        (1767225600000000000, "a time of 19 digits is in nanoseconds"),
        ("978307200000000000", "a time of 18 digits is in nanoseconds"),
    ],
)
def test_a_time_in_another_unit_than_milliseconds_makes_a_bad_record_that_names_it(value: Any, fault: str) -> None:
    with pytest.raises(BadRecordError, match=f"^source is wrong: {fault}") as bad:
        extract_one(value, "time")
    assert bad.value.code == "FIELD_INVALID"


def test_a_missing_value_is_the_default_or_left_out_or_makes_a_bad_record() -> None:
    assert extract_fields({}, {"field": FieldMapping(source="x", default="d")}) == {"field": "d"}
    assert extract_fields({}, {"field": FieldMapping(source="x")}) == {}
    with pytest.raises(BadRecordError, match=r"x\.y is missing") as bad:
        extract_fields({}, {"customerId": FieldMapping(source="x.y", required=True)})
    assert bad.value.code == "CUSTOMER_ID_MISSING"


def test_a_field_that_is_mapped_elsewhere_keeps_its_type_and_stays_required() -> None:
    merged = merge_mappings(TARGETS, {"eventDate": FieldMapping(source="at")})
    assert merged["eventDate"] == FieldMapping(source="at", type="time", required=True)
    assert merged["customerId"] == TARGETS["customerId"]


def test_all_metadata_share_one_code_as_codes_are_few() -> None:
    mappings = {"subjectMetadata.colour": FieldMapping(source="colour", required=True)}
    with pytest.raises(BadRecordError) as bad:
        extract_fields({}, mappings)
    assert bad.value.code == "SUBJECT_METADATA_MISSING"


@pytest.mark.parametrize(
    ("mappings", "fault"),
    [
        ({"custmerId": FieldMapping(source="x")}, "'custmerId' is not a field of a candidate; allowed: customerId, "),
        (
            {"orderValue": FieldMapping(source="x", type="string")},
            "orderValue has type string, but it is of type number",
        ),
    ],
)
def test_mappings_of_no_field_or_of_another_type_are_refused(mappings: dict[str, FieldMapping], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        check_mappings(mappings)


def test_mappings_may_add_metadata_of_any_type() -> None:
    check_mappings(
        {"subjectMetadata.price": FieldMapping(source="p", type="number"), "orderValue": FieldMapping(source="v")}
    )
