"""What a job reads where it is the first stage: the message, as Step Functions puts it on S3."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest

from tests.glue.support import EXECUTION, Bucket

KEY = f"executions/{EXECUTION}/initial/output.json"


def read(job: ModuleType, bucket: Bucket, body: object) -> list[Any]:
    bucket.put(KEY, json.dumps(body).encode())
    names = dict.fromkeys(job.Job._fields, "") | {"input_bucket": bucket.name, "input_key": KEY}
    return [json.loads(text) for text in job.read_message(bucket.s3, job.Job(**names))]


def message(*records: object, **fields: object) -> str:
    return json.dumps({"source": {"kind": "inline", "records": records}, **fields}, indent=1)


def test_the_records_of_a_message_are_read(job: ModuleType, bucket: Bucket) -> None:
    records = [{"customerId": "Ünal \u2028"}, {"n": 1.5, "none": None, "map": {}}]
    assert read(job, bucket, message(*records)) == records


def test_a_record_that_is_no_candidate_gets_the_message_s_program_and_marketplace(
    job: ModuleType, bucket: Bucket
) -> None:
    own, candidate = {"programId": "own", "marketplace": "m"}, {"context": [{"type": "program", "id": "p"}]}
    assert read(job, bucket, message({}, own, candidate, programId="p", marketplace="m")) == [
        {"programId": "p", "marketplace": "m"},
        own,
        candidate,
    ]


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
def test_what_is_no_message_is_refused(job: ModuleType, bucket: Bucket, body: object) -> None:
    with pytest.raises(job.JobError, match=r"the input holds no message: .*; send JSON such as"):
        read(job, bucket, body)
