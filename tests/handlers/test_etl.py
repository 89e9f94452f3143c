from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from ceap.testing import EXECUTION, STAGE, Json, put_items, put_source, rejected, run, run_first
from handlers.candidates.candidate import Candidate
from handlers.candidates.program import PROGRAM_CONFIG
from handlers.etl import NEEDS, Settings, handler
from handlers.runtime.contract import PermanentStageError, output_key
from tests.handlers.candidates.support import candidate, message, raw
from tests.handlers.support import calls, keys, output

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def set_settings(monkeypatch: pytest.MonkeyPatch) -> Any:
    return lambda **settings: monkeypatch.setenv("SETTINGS", json.dumps(settings))


def transform(*records: Json, **fields: Any) -> list[Json]:
    document = run_first(handler, message(records, **fields))
    data: list[Json] = document["data"]
    assert [msgspec.convert(record, Candidate) for record in data]
    return data


def test_a_record_becomes_a_candidate() -> None:
    [record] = transform(
        raw(deliveryDate="2026-01-03", timingWindow="evening", mediaEligible=True, subjectMetadata={"title": "t"})
    )
    started_at = output(STAGE)["startedAt"]
    created_at = record["metadata"].pop("createdAt")
    assert created_at[:19] == started_at[:19]
    assert record["metadata"].pop("updatedAt") == created_at
    assert record["metadata"].pop("expiresAt") > created_at
    assert record == {
        "customerId": "c1",
        "context": [{"type": "program", "id": "p"}, {"type": "marketplace", "id": "m"}],
        "subject": {"type": "order", "id": "o1", "metadata": {"title": "t"}},
        "attributes": {
            "eventDate": "2026-01-01T00:00:00Z",
            "deliveryDate": "2026-01-03T00:00:00Z",
            "timingWindow": "evening",
            "orderValue": 50.0,
            "mediaEligible": True,
            "channelEligibility": {"email": True},
            "consumed": False,
        },
        "metadata": {"version": 1767225600000, "sourceConnectorId": "message", "workflowExecutionId": EXECUTION},
    }


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"channelEligibility": {"fax": True}, "emailEligible": False}, {"fax": True}),
        ({"emailEligible": False, "pushEligible": True}, {"email": False, "push": True}),
        ({"channelEligibility": {}}, {}),
        ({}, {"email": True}),
    ],
)
def test_channels_are_those_given_as_a_map_else_one_by_one_else_email(fields: Json, expected: Json) -> None:
    [record] = transform(raw(**fields))
    assert record["attributes"]["channelEligibility"] == expected


def test_the_version_is_the_sources_or_the_time_of_the_event() -> None:
    records = transform(raw(sourceVersion=7), raw(eventDate=1767225600123))
    assert [record["metadata"]["version"] for record in records] == [7, 1767225600123]


def to_json(given: Candidate) -> Json:
    fields: Json = msgspec.to_builtins(given)
    return fields


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({}, "CUSTOMER_ID_MISSING"),
        (raw(""), "CUSTOMER_ID_MISSING"),
        (raw(customerId=["c"]), "CUSTOMER_ID_INVALID"),
        (raw(subjectType=None), "SUBJECT_TYPE_MISSING"),
        (raw(subjectId=None), "SUBJECT_ID_MISSING"),
        (raw(eventDate=None), "EVENT_DATE_MISSING"),
        (raw(eventDate="soon"), "EVENT_DATE_INVALID"),
        (raw(eventDate=-86400000), "EVENT_DATE_INVALID"),
        (raw(eventDate=1767225600), "EVENT_DATE_INVALID"),
        (raw(eventDate="1767225600"), "EVENT_DATE_INVALID"),
        (raw(eventDate=20260101), "EVENT_DATE_INVALID"),
        (raw(eventDate="1970-01-21T10:53:45.6Z"), "EVENT_DATE_INVALID"),
        (raw(eventDate="9999-12-31T23:59:59Z"), "EVENT_DATE_INVALID"),
        (raw(deliveryDate=1767225600), "DELIVERY_DATE_INVALID"),
        (raw(deliveryDate=20260101), "DELIVERY_DATE_INVALID"),
        (raw(sourceVersion=0), "CANDIDATE_INVALID"),
        (raw(sourceVersion=10**30), "SOURCE_VERSION_INVALID"),
        (raw(sourceVersion=1767225600000000), "SOURCE_VERSION_INVALID"),
        (raw("c" * 256), "CANDIDATE_INVALID"),
        (raw("\U0001f600" * 255), "KEY_TOO_LONG"),
        (raw(channelEligibility={"sms-" + "x" * 2100: True}), "KEY_TOO_LONG"),
        (raw(timingWindow="x" * 410_000), "ITEM_TOO_LARGE"),
        (raw(subjectMetadata={"a": 2**63}), "EVENT_NUMBER_TOO_LARGE"),
        (raw(subjectMetadata={"a": json.loads("[" * 62 + "]" * 62)}), "NESTING_TOO_DEEP"),
        (to_json(candidate(eventDate="2226-01-01T00:00:00Z")), "EVENT_DATE_INVALID"),
        (to_json(candidate(version=2**53)), "SOURCE_VERSION_INVALID"),
        (to_json(candidate("\U0001f600" * 255)), "KEY_TOO_LONG"),
        (to_json(candidate()) | {"context": [{"type": "program", "id": "p"}]}, "CONTEXT_MISSING"),
        (raw(orderValue="much"), "ORDER_VALUE_INVALID"),
        (raw(channelEligibility={"email": "perhaps"}), "CANDIDATE_INVALID"),
        ({"customerId": "c", "context": [], "subject": {}, "attributes": {}, "metadata": {}}, "CANDIDATE_INVALID"),
    ],
)
def test_a_bad_record_is_rejected_with_its_reason_and_the_others_pass(record: Json, code: str) -> None:
    assert len(transform(*[raw()] * 9, record)) == 9
    [line] = rejected()
    assert (line["code"], line["record"]) == (code, record)
    assert line["reason"]
    assert output(STAGE)["metadata"]["rejections"] == {code: 1}


def test_more_bad_records_than_the_rate_allows_fail_the_stage_permanently_and_are_kept() -> None:
    with pytest.raises(PermanentStageError, match=r"2 of 10 records are bad \(CUSTOMER_ID_MISSING 1, EVENT_DATE"):
        transform(*[raw()] * 8, raw(""), raw(eventDate="soon"))
    assert output_key(EXECUTION, STAGE) not in keys()
    assert [line["code"] for line in rejected()] == ["CUSTOMER_ID_MISSING", "EVENT_DATE_INVALID"]


def reason_of(record: Json) -> str:
    transform(*[raw()] * 9, record)
    [line] = rejected()
    return str(line["reason"])


def test_a_time_in_seconds_is_named_as_what_it_is() -> None:
    assert reason_of(raw(eventDate=1767225600)) == (
        "eventDate is wrong: a number of 10 digits is in seconds; write epoch milliseconds (11 to 13 digits), or ISO "
        "8601"
    )


def test_a_reason_says_which_times_an_event_may_have(set_settings: Any) -> None:
    set_settings(max_days_since_event=36_500, max_days_until_event=10)
    earliest, latest = "1970-01-01", f"{datetime.now(UTC) + timedelta(days=10):%Y-%m-%d}"
    assert reason_of(raw(eventDate="9999-01-01")) == (
        f"eventDate is not between {earliest} and {latest}, as max_days_since_event and max_days_until_event say; "
        "correct it, or the settings"
    )


@pytest.mark.parametrize(("setting", "sign"), [("max_days_until_event", 1), ("max_days_since_event", -1)])
def test_how_far_an_event_may_be_from_now_is_a_setting(set_settings: Any, setting: str, sign: int) -> None:
    set_settings(**{setting: 10, "max_error_rate": 0.5})
    now = datetime.now(UTC)
    near, far = (now + sign * timedelta(days=days) for days in (9.9, 10.1))
    data = transform(raw("near", eventDate=near.isoformat()), raw("far", eventDate=far.isoformat()))
    assert [record["customerId"] for record in data] == ["near"]


def test_a_version_may_be_as_high_as_the_latest_event_date_makes_it(set_settings: Any) -> None:
    set_settings(max_days_until_event=10, max_error_rate=0.5)
    now = datetime.now(UTC)
    versions = [int((now + timedelta(days=days)).timestamp() * 1000) for days in (9.9, 10.1)]
    data = transform(*(raw(sourceVersion=version) for version in versions))
    assert [record["metadata"]["version"] for record in data] == versions[:1]


def test_the_rate_is_a_setting(set_settings: Any) -> None:
    set_settings(max_error_rate=0.2)
    assert len(transform(*[raw()] * 8, raw(""), raw(""))) == 8


def test_fields_are_found_where_the_settings_say(set_settings: Any) -> None:
    set_settings(
        mappings={
            "customerId": {"source": "buyer.id"},
            "eventDate": {"source": "boughtAt"},
            "subjectType": {"source": "kind", "default": "order"},
            "subjectMetadata.colour": {"source": "colour"},
        },
        ttl_days=1,
        source_connector_id="shop",
    )
    [record] = transform({"buyer": {"id": 5}, "boughtAt": "2026-01-01", "subjectId": "s", "colour": "red"})
    assert record["customerId"] == "5"
    assert record["subject"] == {"type": "order", "id": "s", "metadata": {"colour": "red"}}
    assert record["metadata"]["sourceConnectorId"] == "shop"


def test_a_candidate_passes_unchanged_so_that_etl_may_stand_anywhere() -> None:
    given = [candidate("c1", scores={"quality": 0.5}), candidate("c2", version=3)]
    document = run(handler, given)
    assert msgspec.convert(document["data"], list[Candidate]) == given


def test_records_that_another_stage_made_name_their_own_program_and_marketplace() -> None:
    records = [raw("c1", programId="p1", marketplace="m1"), raw("c2", programId="p2", marketplace="m1")]
    document = run(handler, [*records * 5, raw("c3")])
    assert [record["context"][0]["id"] for record in document["data"]] == ["p1", "p2"] * 5
    assert [line["code"] for line in rejected()] == ["PROGRAM_ID_MISSING"]


def put_program(sort_key: str, **attributes: Any) -> None:
    put_items(PROGRAM_CONFIG, [{"PK": "PROGRAM#p", "SK": sort_key, **attributes}])


def lifetime(record: Json) -> float:
    times = msgspec.convert(record, Candidate).metadata
    return (times.expires_at - times.created_at).total_seconds() / 86400


def test_a_program_is_read_with_one_call() -> None:
    with calls("dynamodb") as seen:
        transform(*[raw()] * 20)
    assert [operation for operation, _ in seen] == ["BatchGetItem"]


def test_a_program_without_rows_is_enabled_and_has_the_settings_of_the_step() -> None:
    assert lifetime(transform(raw())[0]) == 30


def test_a_marketplaces_row_overrides_its_programs_and_both_override_the_settings() -> None:
    put_program("CONFIG", candidateTtlDays=10, enabled=False)
    put_program("MARKETPLACE#m", enabled=True, fieldMappings={"customerId": {"source": "buyer"}})
    [record] = transform(raw(buyer="b1"))
    assert (record["customerId"], lifetime(record)) == ("b1", 10)


def test_records_of_a_disabled_program_are_rejected_but_are_no_errors() -> None:
    put_program("CONFIG", enabled=False)
    document = run_first(handler, message([raw("c1"), raw("c2")]))
    assert document["data"] == []
    assert document["metadata"]["rejections"] == {"PROGRAM_DISABLED": 2}


@pytest.mark.parametrize(
    "attributes", [{"enabled": "yes"}, {"candidateTtlDays": 0}, {"fieldMappings": {"x": {"source": "y"}}}]
)
def test_a_row_that_is_wrong_is_permanent_and_named(attributes: Json) -> None:
    put_program("CONFIG", **attributes)
    with pytest.raises(PermanentStageError, match="table program_config, PROGRAM#p, CONFIG or MARKETPLACE#m: "):
        transform(raw())


@pytest.mark.parametrize(
    "settings",
    [{"mappings": {"nothing": {"source": "x"}}}, {"max_error_rate": 1.5}, {"ttl_days": 0}, {"unknown": 1}],
)
def test_wrong_settings_are_refused_when_the_template_is_made(settings: Json) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(settings, Settings)


def test_etl_needs_one_action_on_one_table() -> None:
    assert {table.name: actions for table, actions in NEEDS.tables.items()} == {"program_config": ("BatchGetItem",)}


def transform_object(key: str, body: bytes, **settings: Any) -> Json:
    put_source("my-exports", key, body)
    source = {"kind": "s3", "bucket": "my-exports", "key": key}
    return run_first(
        handler,
        {"programId": "p", "marketplace": "m", "source": source},
        settings={"source_bucket": "my-exports", "max_error_rate": 0.5, **settings},
    )


def test_texts_of_a_csv_file_become_what_the_fields_are() -> None:
    document = transform_object(
        "day.csv",
        b"customerId,subjectType,subjectId,eventDate,orderValue,mediaEligible,emailEligible,deliveryDate\r\n"
        b"8,order,o1,1767225600000,12.5,true,0,\r\n",
    )
    [record] = document["data"]
    assert record["customerId"] == "8"
    assert record["attributes"] == {
        "eventDate": "2026-01-01T00:00:00Z",
        "orderValue": 12.5,
        "mediaEligible": True,
        "channelEligibility": {"email": False},
        "consumed": False,
    }


def test_a_column_whose_name_holds_a_dot_can_be_mapped() -> None:
    mappings = {"customerId": {"source": "customer.id"}}
    body = b"customer.id,subjectType,subjectId,eventDate\nc1,order,o1,2026-01-01T00:00:00Z\n"
    assert [record["customerId"] for record in transform_object("day.csv", body, mappings=mappings)["data"]] == ["c1"]


def test_rows_that_are_no_records_count_towards_the_error_rate() -> None:
    with pytest.raises(PermanentStageError, match=r"2 of 3 records are bad \(JSON_INVALID 2\)"):
        transform_object("day.jsonl", json.dumps(raw("c1")).encode() + b"\n1\n2\n")


def csv_rows(number: int) -> list[bytes]:
    header = b"customerId,subjectType,subjectId,eventDate"
    return [header, *(b"c%d,order,o%d,2026-01-01T00:00:00Z" % (row, row) for row in range(number))]


@pytest.mark.parametrize("number", [1_000, 20_000])
def test_a_stray_quote_fails_the_stage_and_is_named(number: int) -> None:
    rows = csv_rows(number)
    rows[21] = rows[21].replace(b"order", b'"order')
    with pytest.raises(
        PermanentStageError, match=r"^the quote that opens in line 22 of s3://my-exports/day.csv is not"
    ):
        transform_object("day.csv", b"\n".join(rows))
    assert output_key(EXECUTION, STAGE) not in keys()


def test_rows_between_two_stray_quotes_are_counted_one_by_one() -> None:
    rows = csv_rows(1_000)
    rows[21] = rows[21].replace(b"order", b'"order')
    rows[320] = rows[320].replace(b"order", b'order"')
    metadata = transform_object("day.csv", b"\n".join(rows))["metadata"]
    assert (metadata["outputRecordCount"], metadata["rejections"]) == (700, {"CSV_QUOTED_ROWS": 300})
    assert [line["record"] for line in rejected()] == [row.decode() for row in rows[21:321]]


def test_a_header_without_rows_is_a_day_without_data() -> None:
    metadata = transform_object("day.csv", csv_rows(0)[0])["metadata"]
    assert (metadata["inputRecordCount"], metadata["counts"]) == (0, {"emptyObjects": 1})
