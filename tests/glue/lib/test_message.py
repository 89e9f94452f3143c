"""What a job reads where it is the first stage: the message, as Step Functions puts it on S3."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.glue.support import EXECUTION, Bucket

KEY = f"executions/{EXECUTION}/initial/output.json"


def read(lib: Any, bucket: Bucket, body: object) -> list[Any]:
    bucket.put(KEY, json.dumps(body).encode())
    settings = lib.settings.Settings("", {}, message_fields=("tenant", "region"), complete_if="known")
    return [json.loads(text) for text in lib.message.read_message(bucket.s3, bucket.name, KEY, settings)]


def message(*records: object, **fields: object) -> str:
    return json.dumps({"source": {"kind": "inline", "records": records}, **fields}, indent=1)


def test_the_records_of_a_message_are_read(lib: Any, bucket: Bucket) -> None:
    records = [{"customerId": "Ünal \u2028"}, {"n": 1.5, "none": None, "map": {}}]
    assert read(lib, bucket, message(*records)) == records


def test_a_record_gets_the_declared_fields_of_the_message_unless_it_is_complete(lib: Any, bucket: Bucket) -> None:
    own, complete = {"tenant": "own", "region": "r"}, {"known": None}
    assert read(lib, bucket, message({}, own, complete, tenant="t", region="r", other=1)) == [
        {"tenant": "t", "region": "r"},
        own,
        complete,
    ]


def test_a_job_that_declares_no_fields_leaves_records_as_they_are(lib: Any, bucket: Bucket) -> None:
    bucket.put(KEY, json.dumps(message({"a": 1}, tenant="t")).encode())
    texts = lib.message.read_message(bucket.s3, bucket.name, KEY, lib.settings.Settings("", {}))
    assert texts == ['{"a":1}']


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        '{"source": {"kind": "s3", "records": []}}',
        '{"source": {"kind": "inline"}}',
        '{"source": {"kind": "inline", "records": [1]}}',
        '{"source": {"kind": "inline", "records": [{"a": NaN}]}}',
        '{"source": {"kind": "inline", "records": [{"a": 1e999}]}}',
        '{"source": {"kind": "inline", "records": [{"a": "\\ud800"}]}}',
        {"source": {"kind": "inline", "records": []}},
    ],
)
def test_what_is_no_message_is_refused(lib: Any, bucket: Bucket, body: object) -> None:
    with pytest.raises(lib.errors.JobError, match=r"the input holds no message: .*; send JSON such as {\"tenant\": "):
        read(lib, bucket, body)
