"""The stage that an existing function does, against Lambda's API behind HTTP: what goes there, what becomes of it."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ceap.testing import BUCKET, EXECUTION, STAGE, STAGE_BEFORE, Invocation, Json, invoke, rejected, run, run_first
from handlers.runtime.contract import PermanentStageError, TransientStageError, output_key
from handlers.runtime.legacy import NOT_RETURNED, PAYLOAD_BYTES, Settings, handler
from handlers.runtime.needs import LEGACY_VARIABLE
from tests.handlers.lambda_api import ARN, NAME, Answer, LambdaApi, raised, refused, returned
from tests.handlers.runtime.legacy_support import RECORDS, counts, fail
from tests.handlers.support import put_object

# What goes to the function, and what it returns


def test_a_function_gets_the_list_of_all_records_and_returns_the_next(lambda_api: LambdaApi) -> None:
    lambda_api.function = lambda event: returned([record | {"score": 0.5} for record in event])
    document = run(handler, RECORDS)
    assert [(call.arn, call.kind, call.event) for call in lambda_api.calls] == [(ARN, "RequestResponse", RECORDS)]
    assert document["data"] == [record | {"score": 0.5} for record in RECORDS]
    assert counts(document) == [3, 0, 3, 0]


def test_the_list_may_stand_under_a_key(lambda_api: LambdaApi) -> None:
    document = run(handler, RECORDS, settings={"records_key": "candidates"})
    assert [call.event for call in lambda_api.calls] == [{"candidates": RECORDS}]
    assert document["data"] == RECORDS


def test_a_function_that_takes_a_state_gets_the_one_record_and_returns_the_next(lambda_api: LambdaApi) -> None:
    lambda_api.function = lambda event: returned({**event, "step": event["step"] + 1})
    document = run(handler, [{"step": 1, "items": [1, 2]}], settings={"payload": "state"})
    assert [call.event for call in lambda_api.calls] == [{"step": 1, "items": [1, 2]}]
    assert document["data"] == [{"step": 2, "items": [1, 2]}]
    assert counts(document) == [1, 0, 1, 0]


@pytest.mark.parametrize(
    ("body", "payload"),
    [
        ('{"b": 1,\n "a": 1.50, "a": 12345678901234567890123}', b'{"b": 1,\n "a": 1.50, "a": 12345678901234567890123}'),
        ("[1, null]", b"[1, null]"),
        ('\ufeff{"a": 1}', b'{"a": 1}'),
        ("order 17", b'"order 17"'),
        ('{"cut": ', b'"{\\"cut\\": "'),
        ("NaN", b'"NaN"'),
        ({"already": ["parsed"]}, b'{"already":["parsed"]}'),
        ("[" * 100_000 + "]" * 100_000, b"[" * 100_000 + b"]" * 100_000),
        ("1" * 5000, b"1" * 5000),
    ],
    ids=["object", "list", "byte-order mark", "text", "no JSON", "no JSON but of Python", "parsed", "deep", "long"],
)
def test_the_first_function_gets_the_message_as_it_is(lambda_api: LambdaApi, body: Any, payload: bytes) -> None:
    lambda_api.function = lambda _: returned([])
    invoke(handler, STAGE, initial_data=body)
    assert [call.payload for call in lambda_api.calls] == [payload]


def test_all_that_the_first_function_returns_counts_as_taken(lambda_api: LambdaApi) -> None:
    lambda_api.function = lambda event: returned([{"order": order} for order in event["orders"]])
    document = run_first(handler, {"orders": [1, 2, 3]})
    assert document["data"] == [{"order": 1}, {"order": 2}, {"order": 3}]
    assert counts(document) == [3, 0, 3, 0]


def test_the_first_function_may_return_its_records_under_a_key_or_a_state(lambda_api: LambdaApi) -> None:
    assert run_first(handler, {"all": RECORDS}, settings={"records_key": "all"})["data"] == RECORDS
    assert run_first(handler, {"all": RECORDS}, settings={"payload": "state"})["data"] == [{"all": RECORDS}]


def test_a_stage_without_a_message_calls_nothing(lambda_api: LambdaApi) -> None:
    with pytest.raises(PermanentStageError, match="was given no initialData"):
        invoke(handler, STAGE)
    assert lambda_api.calls == []


@pytest.mark.parametrize("execution", [EXECUTION, f"{EXECUTION}-replay-1"])
@pytest.mark.parametrize("form", [json.dumps, dict], ids=["text", "parsed"])
def test_a_replay_that_skips_the_stage_calls_nothing_and_its_message_is_none_for_a_function(
    lambda_api: LambdaApi, form: Any, execution: str
) -> None:
    skip = {"executionId": f"{EXECUTION}-replay-1", "copiedFrom": EXECUTION, "skip": [STAGE]}
    event = {"executionId": execution, "currentStage": STAGE, "previousStage": None, "workflowBucket": BUCKET}
    if execution != EXECUTION:
        assert handler(event | {"initialData": form(skip)}, Invocation())["recordsProcessed"] == 0
        skip["skip"] = ["OtherStage"]  # of a definition that is another by now
    with pytest.raises(PermanentStageError, match="the message is wrong: it tells another execution, a replay, which"):
        handler(event | {"initialData": form(skip)}, Invocation())
    assert lambda_api.calls == []


def test_what_lambdas_runtimes_write_is_taken(lambda_api: LambdaApi) -> None:
    written = rb'[{"a": 123456789012345678901234567890, "b": 1E+3, "c": "\ud83d\ude00 \u00e9", "d": 0.10}]'
    lambda_api.function = lambda _: Answer(written)
    [record] = run(handler, RECORDS[:1])["data"]
    assert record == {"a": 123456789012345678901234567890, "b": 1000.0, "c": "😀 é", "d": 0.1}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'[{"id": NaN}]', f"record 1 that {STAGE} yields holds the number nan, which JSON has not"),
        (b'[{}, {"id": [-Infinity]}]', f"record 2 that {STAGE} yields holds the number -inf"),
        (b'[{"id": "\\ud83d"}]', f"record 1 that {STAGE} yields holds text that is not Unicode"),
        (b'[{"id": ' + b"[" * 80 + b"]" * 80 + b"}]", f"record 1 that {STAGE} yields nests objects and lists deeper"),
        (b"[" * 100_000 + b"]" * 100_000, f"{NAME} returned 200000 bytes that are not JSON; correct the function"),
        (b"", f"{NAME} returned 0 bytes that are not JSON; correct the function"),
    ],
    ids=["NaN", "infinity", "half an emoji", "deep record", "deeper than Python goes", "nothing"],
)
def test_what_no_stage_may_hand_on_is_refused_of_a_function_too(lambda_api: LambdaApi, body: bytes, text: str) -> None:
    lambda_api.function = lambda _: Answer(body)
    fail(PermanentStageError, text)


KEYED, STATE = {"records_key": "all"}, {"payload": "state"}


@pytest.mark.parametrize(
    ("result", "settings", "text"),
    [
        (None, {}, "returned null, not a list; it must return the list of its records"),
        ("ok", {}, "returned a text, not a list"),
        (True, {}, "returned true or false, not a list"),
        ({"all": []}, {}, "set `records_key` to the key that holds it, or `payload: state` if it is the state"),
        ([{}, 3.5], {}, "returned a number as record 2; each record must be an object"),
        ([[]], {}, "returned a list as record 1; each record must be an object"),
        ([], KEYED, "returned a list, not an object; with `records_key: all` it must return the records there"),
        ({"al": []}, KEYED, "returned an object without the key all; with `records_key: all`"),
        ({"all": {}}, KEYED, "returned an object, not a list; it must return the list of its records ("),
        (
            {"all": [], "b": 1, "a": 2},
            KEYED,
            "returned also the keys a, b; which no stage after it would get: have it put them into the records, or set "
            "`payload: state`",
        ),
        ({"all": []} | dict.fromkeys("gfedcba"), KEYED, "returned also the keys a, b, c, d, e and 2 more;"),
        ({"all": [], "c-1@example.com": 1, "n": 2}, KEYED, "returned also the keys n and 1 more; which no stage"),
        ({"all": [], "\ud83d": 1}, KEYED, "returned also 1 other key; which no stage"),
        ({"all": [], "x" * 41: 1, "c 2": 2}, KEYED, "returned also 2 other keys; which no stage"),
        ([{}], STATE, "returned a list, not an object; with `payload: state` it must return the next state"),
    ],
)
def test_a_result_of_another_form_is_refused_with_the_cure(
    lambda_api: LambdaApi, result: Any, settings: Json, text: str
) -> None:
    lambda_api.function = lambda _: returned(result)
    fail(PermanentStageError, text, RECORDS[:1], settings=settings)


@pytest.mark.parametrize("count", [0, 2, 3])
def test_a_state_is_exactly_one_record(lambda_api: LambdaApi, count: int) -> None:
    text = f"{STAGE_BEFORE} handed on {count} records, but {NAME} takes a state, which is exactly one; set"
    fail(PermanentStageError, text, RECORDS[:count], settings=STATE)
    assert lambda_api.calls == []


def test_a_key_of_records_does_not_go_with_a_state() -> None:
    with pytest.raises(msgspec.ValidationError, match="leave out records_key"):
        msgspec.convert(KEYED | STATE, Settings)


def test_a_misspelt_setting_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="contains unknown field `record_key`"):
        msgspec.convert({"record_key": "rows"}, Settings)


def test_a_document_that_is_cut_short_stops_the_stage_before_the_call(lambda_api: LambdaApi) -> None:
    put_object(output_key(EXECUTION, STAGE_BEFORE), b'{"executionId":"e","stage":"s","startedAt":"x","data":[\n{}')
    with pytest.raises(PermanentStageError, match="is not a stage document"):
        invoke(handler, STAGE, previous=STAGE_BEFORE)
    assert lambda_api.calls == []


def test_a_stage_whose_template_names_no_function_says_so(
    lambda_api: LambdaApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(LEGACY_VARIABLE)
    fail(PermanentStageError, "environment variable LEGACY_FUNCTION_ARN is not set; deploy the generated template")


# Counting


def test_a_record_that_is_not_returned_is_rejected_by_name(lambda_api: LambdaApi) -> None:
    taken: list[Json] = [{"id": 1, "tags": {"a": 1, "b": 2}}, {"id": 1.0}, {"id": True}, {"id": 2}, {"id": 2}]
    # In another order, with other keys first; 1, 1.0 and true are three values in JSON.
    lambda_api.function = lambda _: returned([{"id": 2}, {"id": True}, {"tags": {"b": 2, "a": 1}, "id": 1}])
    document = run(handler, taken)
    assert counts(document) == [5, 0, 3, 2]
    assert document["metadata"]["rejections"] == {NOT_RETURNED: 2}
    assert json.dumps([line["record"] for line in rejected()]) == '[{"id": 1.0}, {"id": 2}]'
    assert {(line["code"], line["reason"]) for line in rejected()} == {(NOT_RETURNED, "the function did not return it")}


def test_records_that_are_missing_among_changed_ones_are_counted_without_a_name(lambda_api: LambdaApi) -> None:
    lambda_api.function = lambda event: returned([event[0], event[1] | {"score": 1}])
    document = run(handler, [*RECORDS, {"id": "r4"}])
    assert counts(document) == [4, 0, 2, 2]
    reason = "the function returned 2 of 4 records, and changed some: which is not known"
    assert rejected() == [{"code": NOT_RETURNED, "reason": reason, "record": None}] * 2


def test_a_function_that_returns_none_of_the_records_rejects_each(lambda_api: LambdaApi) -> None:
    lambda_api.function = lambda _: returned([])
    assert counts(run(handler, RECORDS)) == [3, 0, 0, 3]
    assert [line["record"] for line in rejected()] == RECORDS


def test_records_beyond_those_taken_count_as_expanded(lambda_api: LambdaApi) -> None:
    lambda_api.function = lambda event: returned(event * 2)
    assert counts(run(handler, RECORDS)) == [3, 3, 6, 0]


def test_no_records_are_a_call_too(lambda_api: LambdaApi) -> None:
    assert counts(run(handler, [])) == [0, 0, 0, 0]
    assert [call.event for call in lambda_api.calls] == [[]]


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)
records = st.dictionaries(st.sampled_from(["id", "a", ""]), values, max_size=2)
# One emulated AWS serves all examples of a test.
shared_aws = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def forms(listed: list[Any]) -> Counter[str]:
    return Counter(json.dumps(one, sort_keys=True) for one in listed)


@shared_aws
@given(
    taken=st.lists(records, max_size=6),
    order=st.permutations(range(6)),
    kept=st.integers(0, 6),
    key=st.none() | st.text(min_size=1, max_size=5),
)
def test_what_a_function_leaves_out_is_told_exactly(
    lambda_api: LambdaApi, taken: list[Json], order: list[int], kept: int, key: str | None
) -> None:
    def choose(event: Any) -> Answer:
        listed = event if key is None else event[key]
        chosen = [listed[place] for place in order if place < len(listed)][:kept]
        return returned(chosen if key is None else {key: chosen})

    lambda_api.function = choose
    document = run(handler, taken, settings={"records_key": key})
    assert forms(document["data"] + [line["record"] for line in rejected()]) == forms(taken)


@shared_aws
@given(taken=st.lists(records, max_size=5), result=st.lists(records, max_size=8))
def test_whatever_a_function_returns_every_record_is_accounted_for(
    lambda_api: LambdaApi, taken: list[Json], result: list[Json]
) -> None:
    lambda_api.function = lambda _: returned(result)
    document = run(handler, taken)
    assert json.dumps(document["data"]) == json.dumps(result)
    more = max(0, len(result) - len(taken))
    less = max(0, len(taken) - len(result))
    assert counts(document) == [len(taken), more, len(result), less]
    assert len(rejected()) == less


@shared_aws
@given(message=values, result=st.lists(records, max_size=5))
def test_the_first_function_gets_any_json_and_what_it_returns_is_handed_on(
    lambda_api: LambdaApi, message: Any, result: list[Json]
) -> None:
    lambda_api.calls.clear()
    lambda_api.function = lambda _: returned(result)
    document = run_first(handler, json.dumps(message))
    assert [call.payload for call in lambda_api.calls] == [json.dumps(message).encode()]
    assert json.dumps(document["data"]) == json.dumps(result)
    assert counts(document) == [len(result), 0, len(result), 0]


# Limits


def filled(size: int, wrapping: int) -> list[Json]:
    """Return two records that make a payload of this size, with so many bytes around them and the comma between."""
    empty = len('{"t":""}')
    return [{"t": "x" * 1000}, {"t": "x" * (size - wrapping - 1 - 1000 - 2 * empty)}]


either_form = pytest.mark.parametrize(
    ("settings", "wrapping"), [({}, 2), ({"records_key": "é"}, len("{'é':[]}".encode()))]
)


@either_form
def test_a_payload_may_be_as_large_as_lambda_takes_it(lambda_api: LambdaApi, settings: Json, wrapping: int) -> None:
    lambda_api.function = lambda _: returned({"é": []} if settings else [])
    run(handler, filled(PAYLOAD_BYTES, wrapping), settings=settings)
    assert [len(call.payload) for call in lambda_api.calls] == [6_291_456]


@either_form
def test_a_payload_that_is_a_byte_larger_is_refused_before_the_call(
    lambda_api: LambdaApi, settings: Json, wrapping: int
) -> None:
    text = (
        f"the list of 2 records is a payload of 6,291,457 bytes for {NAME}; Lambda takes at most 6,291,456: send "
        "smaller messages, put a stage before it that drops what it does not need, or write the step as a handler"
    )
    fail(PermanentStageError, text, filled(PAYLOAD_BYTES + 1, wrapping), settings=settings)
    assert lambda_api.calls == []


def test_the_size_of_all_records_is_told_however_far_beyond_the_limit(lambda_api: LambdaApi) -> None:
    size = len(json.dumps([{"t": "x" * 1_000_000}] * 10, separators=(",", ":")))
    fail(PermanentStageError, f"the list of 10 records is a payload of {size:,} bytes", [{"t": "x" * 1_000_000}] * 10)
    assert lambda_api.calls == []


def test_a_state_and_a_message_have_the_same_limit(lambda_api: LambdaApi) -> None:
    text = "x" * PAYLOAD_BYTES
    fail(PermanentStageError, "the state is a payload of 6,291,464 bytes", [{"t": text}], settings=STATE)
    with pytest.raises(PermanentStageError, match="the message is a payload of 6,291,458 bytes"):
        invoke(handler, STAGE, initial_data=f'"{text}"')
    assert lambda_api.calls == []


@pytest.mark.parametrize("code", ["RequestEntityTooLargeException", "RequestTooLargeException"])
def test_a_payload_that_lambda_refuses_as_too_large_is_never_sent_again(lambda_api: LambdaApi, code: str) -> None:
    lambda_api.function = lambda _: refused(413, code)
    fail(PermanentStageError, f"Lambda refuses a payload of 37 bytes for {NAME} as too large: send smaller messages")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("Function.ResponseSizeTooLarge", "too much"),
        (
            "Function.ResponseSizeTooLarge",
            "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        ),
        ("Runtime.ExitError", "Response payload size exceeded maximum allowed payload size (6291556 bytes)."),
    ],
)
def test_a_result_that_is_too_large_is_never_asked_for_again(lambda_api: LambdaApi, kind: str, said: str) -> None:
    lambda_api.function = lambda _: raised(kind, said)
    fail(PermanentStageError, f"{NAME} returned more than the 6,291,456 bytes that Lambda takes; send smaller messages")


def test_what_a_function_raises_of_another_whose_result_is_too_large_is_its_own_failure(lambda_api: LambdaApi) -> None:
    said = "An error occurred: Response payload size exceeded maximum allowed payload size (6291556 bytes)."
    lambda_api.function = lambda _: raised("CalledError", said)
    fail(TransientStageError, f"{NAME} failed with CalledError")
