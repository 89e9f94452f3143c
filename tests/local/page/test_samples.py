"""Data of a run as samples: how many are shown, of how many, and as what."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from ceap.local.page.samples import (
    describe_events,
    describe_messages,
    describe_objects,
    describe_rejections,
    describe_tables,
    pretty,
)
from handlers.runtime.contract import output_key, rejected_key
from tests.local.page.support import execution, stage, texts

KEY = output_key("e1", "SiftStage")


def rejected(*codes: str) -> bytes:
    return b"".join(json.dumps({"code": code, "reason": "no <b>", "record": {}}).encode() + b"\n" for code in codes)


def test_the_first_rejections_of_each_code_are_shown_over_all_executions() -> None:
    objects = {
        rejected_key("e1", "SiftStage"): rejected("A", "A", "A", "B"),
        rejected_key("e2", "SiftStage"): rejected("B", "B", "C"),
        rejected_key("e1", "OtherStage"): rejected("D"),
    }
    stages = [stage(recordsRejected=7), stage("OtherStage")]
    page = describe_rejections(stages, [execution(), execution(name="e2")], objects)
    assert texts(page, ".//h3") == ["SiftStage 5 of 7 rejected records"]
    assert texts(page, ".//summary") == ["A no <b>", "A no <b>", "B no <b>", "B no <b>", "C no <b>"]
    assert json.loads(texts(page, ".//pre")[0]) == {"code": "A", "reason": "no <b>", "record": {}}


def test_ten_rejections_of_a_stage_are_shown_and_lines_that_are_none_are_left_out() -> None:
    objects = {
        rejected_key("e1", "SiftStage"): b'no JSON\n{"code": "\xff", "reason": ""}\n' + rejected(*map(str, range(20)))
    }
    page = describe_rejections([stage(recordsRejected=21)], [execution()], objects)
    assert texts(page, ".//h3") == ["SiftStage 10 of 21 rejected records"]
    assert texts(page, ".//summary/code") == [str(number) for number in range(10)]


def test_a_stage_that_rejected_nothing_has_no_part() -> None:
    assert describe_rejections([stage()], [execution()], {}) == ""


def document(*records: Any) -> bytes:
    return json.dumps({"stage": "SiftStage", "data": records, "metadata": {}}).encode()


def test_an_output_shows_its_first_records_of_how_many() -> None:
    page = describe_objects({"Execution 1": execution()}, [stage()], {KEY: document({"id": "<1>"}, 2, 3, 4)})
    assert texts(page, ".//h3") == ["Execution 1 executions/e1/, 1 object, 72 bytes"]
    assert texts(page, ".//summary") == ["SiftStage/output.json the first 3 of 4 records 72 bytes"]
    assert texts(page, ".//pre") == ['{\n  "id": "<1>"\n}', "2", "3"]


def test_objects_stand_in_the_order_of_the_stages_and_others_after_them() -> None:
    keys = ["executions/e1/B/output.json", "executions/e1/A/error.json", "executions/e1/initial/m", "x/y", KEY]
    page = describe_objects(
        {"Execution 1": execution()}, [stage("SiftStage"), stage("B"), stage("A")], dict.fromkeys(keys, b"{}")
    )
    assert texts(page, ".//summary/code") == [
        "initial/m",
        "SiftStage/output.json",
        "B/output.json",
        "A/error.json",
        "x/y",
    ]


@pytest.mark.parametrize(
    ("key", "content", "note", "shown"),
    [
        (rejected_key("e1", "SiftStage"), b"1\n2\n3\n4\n", "the first 3 of 4 records", ["1", "2", "3"]),
        (KEY, document(), "0 records", []),
        (KEY, b'{"data": 1}', "", ['{\n  "data": 1\n}']),
        (KEY, b"no JSON \xff", "", ["no JSON \ufffd"]),
        (KEY, b"[" * 1500, "", ["[" * 1500]),
        (KEY, b'{"data": [{"a": "\xff"}]}', "1 record", ['{\n  "a": "\ufffd"\n}']),
        (KEY, b"a" * 70_000, "", ["a" * 2000 + "\n... (63,536 more characters)"]),
    ],
)
def test_an_object_is_shown_as_what_it_is(key: str, content: bytes, note: str, shown: list[str]) -> None:
    page = describe_objects({"Execution 1": execution()}, [stage()], {key: content})
    assert texts(page, ".//summary/span[@class='quiet']") == [note]
    assert texts(page, ".//pre") == shown


def test_the_objects_of_an_execution_are_cut_with_their_number() -> None:
    objects = {f"executions/e1/SiftStage/{number:03}": b"<" * 9000 for number in range(9)}
    page = describe_objects({"Execution 1": execution()}, [stage()], objects)
    assert (len(texts(page, ".//li")), texts(page, ".//p")) == (6, ["3 more objects left out"])


def test_the_first_messages_are_shown_as_a_line_and_whole() -> None:
    page = describe_messages(['{"a": "<x>"}', "no\nJSON", *["3"] * 5], "message")
    assert texts(page, ".//p") == ["the first 5 of 7 messages"]
    assert texts(page, ".//summary")[:2] == ['{"a": "<x>"}', "no JSON"]
    assert texts(page, ".//pre")[:2] == ['{\n  "a": "<x>"\n}', "no\nJSON"]


def test_no_messages_and_no_events_have_no_part() -> None:
    assert (describe_messages([], "message"), describe_events([]), describe_tables({})) == ("", "", "")


def test_an_event_has_its_detail_as_what_it_says() -> None:
    page = describe_events([{"Source": "shop", "DetailType": "Given", "Detail": '{"id": 1}'}])
    assert texts(page, ".//p") == ["1 event"]
    assert texts(page, ".//summary") == ['Given {"id": 1}']
    assert json.loads(texts(page, ".//pre")[0])["Detail"] == {"id": 1}


def test_an_event_whose_detail_is_nested_too_deep_has_it_as_it_is() -> None:
    page = describe_events([{"Detail": "[" * 1500}])
    assert json.loads(texts(page, ".//pre")[0]) == {"Detail": "[" * 1500}


def test_an_item_keeps_all_digits_of_its_numbers() -> None:
    item = {"id": "a", "amount": Decimal("12345678901234567890.12345"), "tags": ["x"]}
    page = describe_tables({"orders": [item] * 1200})
    assert texts(page, ".//h3") == ["orders"]
    assert texts(page, ".//p") == ["the first 3 of 1,200 items"]
    assert '"amount": 12345678901234567890.12345' in texts(page, ".//pre")[0]


def test_text_that_utf_8_cannot_hold_is_shown_all_the_same() -> None:
    assert pretty("\ud800") == "?"
