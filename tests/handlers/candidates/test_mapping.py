from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.candidates.mapping import (
    EPOCH,
    TARGETS,
    FieldMapping,
    check_mappings,
    extract_fields,
    merge_mappings,
    parse_time,
)
from handlers.runtime.records import BadRecordError

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
TIME = "a time; write epoch milliseconds (11 to 13 digits), or ISO 8601"


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
    ("kind", "value", "wanted"),
    [
        ("string", True, "a text or a whole number"),
        ("string", 1.5, "a text or a whole number"),
        ("string", ["Jane Doe"], "a text or a whole number"),
        ("number", "Jane Doe", "a finite number"),
        ("number", "nan", "a finite number"),
        ("number", "inf", "a finite number"),
        ("number", 10**400, "a finite number"),
        ("integer", 1.5, "a whole number"),
        pytest.param("integer", "9" * 5000, "a whole number", id="a long integer"),
        ("boolean", "Jane Doe", "true or false"),
        ("object", ["Jane Doe"], "an object"),
        ("time", "Jane Doe", TIME),
        ("time", "2026-02-30", TIME),
        ("time", "0001-01-01T00:00:00+14:00", TIME),
        pytest.param("time", "9" * 5000, TIME, id="a long time"),
        ("time", "46000", TIME),
        ("time", True, TIME),
        ("time", 1.5, TIME),
    ],
)
def test_a_value_that_is_not_what_its_field_is_makes_a_bad_record_that_does_not_quote_it(
    kind: str, value: Any, wanted: str
) -> None:
    with pytest.raises(BadRecordError) as bad:
        extract_one(value, kind)
    assert (bad.value.code, str(bad.value)) == ("FIELD_INVALID", f"source is not {wanted}")


@given(seconds=st.integers(10**9, 10**10 - 1), hours=st.integers(-14, 14))
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
        (1767225600, "10 digits is in seconds"),
        ("1767225600", "10 digits is in seconds"),
        (978307200, "9 digits is in seconds"),
        (-1767225600, "10 digits is in seconds"),
        (1767225600000000, "16 digits is in microseconds"),
        ("978307200000000", "15 digits is in microseconds"),
        (1767225600000000000, "19 digits is in nanoseconds"),
        ("978307200000000000", "18 digits is in nanoseconds"),
        (20260101, "8 digits may be a date without hyphens"),
        (46000, "5 digits may be a day number of Excel"),
        (202601312359, "12 digits may be a date and time without separators"),
        ("202601312359", "12 digits may be a date and time without separators"),
        (20260131235959, "14 digits may be a date and time without separators"),
        ("20260131235959", "14 digits may be a date and time without separators"),
        (0, "1 digit is not in milliseconds"),
        (-1, "1 digit is not in milliseconds"),
        (10**30, "31 digits is not in milliseconds"),
    ],
)
def test_a_number_without_the_digits_of_milliseconds_is_no_time_and_told_what_it_may_be(value: Any, fault: str) -> None:
    with pytest.raises(BadRecordError) as bad:
        extract_one(value, "time")
    reason = f"source is wrong: a number of {fault}; write epoch milliseconds (11 to 13 digits), or ISO 8601"
    assert (bad.value.code, str(bad.value)) == ("FIELD_INVALID", reason)


@pytest.mark.parametrize("number", [10**10, 10**13 - 1, -(10**10), 202601312360, 202613312359])
def test_a_number_with_the_digits_of_milliseconds_is_a_time(number: int) -> None:
    assert extract_one(number, "time") == EPOCH + timedelta(milliseconds=number)


def test_a_missing_value_is_the_default_or_left_out_or_makes_a_bad_record() -> None:
    assert extract_fields({}, {"field": FieldMapping(source="x", default="d")}) == {"field": "d"}
    assert extract_fields({}, {"field": FieldMapping(source="x")}) == {}
    with pytest.raises(BadRecordError, match=r"x\.y is missing") as bad:
        extract_fields({}, {"customerId": FieldMapping(source="x.y", required=True)})
    assert bad.value.code == "CUSTOMER_ID_MISSING"


def test_the_fields_after_a_missing_one_are_there() -> None:
    mappings = {"first": FieldMapping(source="x"), "second": FieldMapping(source="y")}
    assert extract_fields({"y": "text"}, mappings) == {"second": "text"}


def test_a_field_that_is_mapped_elsewhere_keeps_its_type_and_stays_required() -> None:
    merged = merge_mappings(TARGETS, {"eventDate": FieldMapping(source="at")})
    assert merged["eventDate"] == FieldMapping(source="at", type="time", required=True)
    assert merged["customerId"] == TARGETS["customerId"]


def test_each_field_of_a_candidate_is_read_from_a_field_of_its_name_with_its_type() -> None:
    kinds = {
        "string": {"customerId", "subjectType", "subjectId", "programId", "marketplace", "timingWindow"},
        "object": {"subjectMetadata", "channelEligibility"},
        "time": {"eventDate", "deliveryDate"},
        "number": {"orderValue"},
        "boolean": {"mediaEligible", "emailEligible", "smsEligible", "pushEligible"},
        "integer": {"sourceVersion"},
    }
    required = {"customerId", "subjectType", "subjectId", "eventDate"}
    expected = {(name, name, kind, name in required) for kind, names in kinds.items() for name in names}
    assert expected == {(name, one.source, one.type, one.required) for name, one in TARGETS.items()}


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
        (
            {"subjectMetadata.price": FieldMapping(source="p"), "custmerId": FieldMapping(source="x")},
            "'custmerId' is not a field of a candidate",
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
