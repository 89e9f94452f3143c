"""The job as a whole, in Spark: whole runs of the script, with the transform that is shipped and with others."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from handlers.runtime.contract import error_key, output_key, rejected_key, stage_prefix
from handlers.runtime.document import read_footer, read_records
from tests.glue.conftest import open_bucket
from tests.glue.support import GLUE, Bucket, Json, document, install_library, job_arguments, job_environment

# One JVM is enough: where tests are spread over processes, these stay together.
pytestmark = [pytest.mark.glue, pytest.mark.xdist_group("spark")]

COUNT = 60

SCRIPT = GLUE / "heavy_etl.py"
LATEST = GLUE / "latest.py"
HEAD = """
from lib.job import Settings, run
from pyspark.sql import functions as F
"""
CHOOSE = """
SETTINGS = Settings(input="n long, at string", output={"double": ("out", "double"), "empty": ("out", "empty")})


def transform(frame):
    odd = F.struct(F.lit("ODD").alias("code"), F.concat(F.lit("n is "), "n").alias("reason"))
    chosen = frame.where("n % 3 != 1").withColumn("_rejection", F.when(F.col("n") % 3 == 2, odd))
    return chosen.withColumn("double", F.col("n") * 2).withColumn("empty", F.lit(None)).orderBy(F.desc("n"))
"""
FAIL = """
SETTINGS = Settings(input="n long", output={})


def transform(frame):
    return frame.union(frame)
"""
FORGET = FAIL.replace("{}", '{"score": ("score",), "bonus": ("bonus",)}').replace("frame.union(frame)", "frame")


def job_with(transform: str, path: Path) -> Path:
    """Write a job with another transform, as a user writes it."""
    path.write_text(f'{HEAD}{transform}\nif __name__ == "__main__":\n    run(transform, SETTINGS)\n', encoding="utf-8")
    return path


def candidate(number: int) -> Json:
    return {
        "customerId": f"Kundin {number % 7} \u2028",
        "context": [{"type": "program", "id": "p"}, {"type": "marketplace", "id": "m"}],
        "subject": {"type": "order", "id": f"o{number}", **({"metadata": {"title": "Größe"}} if number % 2 else {})},
        "scores": {} if number % 5 else {"trust": {"value": 0.5, "timestamp": "2026-01-01T00:00:00Z"}},
        "attributes": {
            "eventDate": f"2026-01-{number % 28 + 1:02}T00:00:00Z",
            "channelEligibility": {"email": True},
            **({"orderValue": number / 10} if number % 3 else {}),
        },
        "metadata": {
            "createdAt": "2026-01-01T00:00:00.123Z",
            "updatedAt": "2026-01-01T00:00:00Z",
            "expiresAt": "2036-01-01T00:00:00Z",
            "version": 2**53,
            "sourceConnectorId": "message",
            "workflowExecutionId": "e",
        },
    }


CANDIDATES = [candidate(number) for number in range(COUNT)]
ODD: list[Json] = [{"n": number, "x": None, "map": {}, "out": {"kept": 1.0}} for number in range(COUNT)]


def repeated(customer: str | None, order: str | None, date: str | None, mark: int) -> Json:
    subject = {} if order is None else {"subject": {"type": "order", "id": order}}
    return {"customerId": customer, **subject, "attributes": {"eventDate": date}, "mark": mark}


REPEATED = [
    repeated("c1", "o1", "2026-01-02T00:00:00Z", 0),
    repeated("c1", "o1", "2026-01-03T00:00:00+02:00", 1),
    repeated("c1", "o1", "2026-01-02T23:00:00Z", 2),
    repeated("c1", "o1", None, 3),
    repeated("c1", "o2", "2025-01-01T00:00:00Z", 4),
    repeated("c2", "o1", "2026-01-01T00:00:00Z", 5),
    repeated("c2", "o1", "2026-01-01T00:00:00Z", 6),
    repeated(None, "o1", "2026-01-01T00:00:00Z", 7),
    repeated(None, "o1", "2026-01-02T00:00:00Z", 8),
    repeated("c1", None, None, 9),
    repeated("c1", None, None, 10),
    {"customerId": "c1", "subject": {"id": "o3"}, "mark": 11},
    {"customerId": "c1", "subject": {"id": "o3"}, "mark": 12},
]
MESSAGE = {
    "programId": "p",
    "marketplace": "m",
    "source": {"kind": "inline", "records": [{"customerId": "Ü"}, {"a": 1}, {"context": []}]},
}


class Runs:
    """What became of the runs, each of its own stage, which have gone through one Spark session."""

    def __init__(self, bucket: Bucket, errors: dict[str, str | None], said: str) -> None:
        self.bucket = bucket
        self.errors = errors
        self.said = said


def install_small_ranges(folder: Path) -> Path:
    """Install the library with ranges of a few records."""
    install_library(folder)
    module = folder / "lib" / "document.py"
    source = module.read_text(encoding="utf-8")
    changed = source.replace("RANGE_BYTES = 16 * 1024 * 1024", "RANGE_BYTES = 8000")
    assert changed != source
    module.write_text(changed, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, endpoint: str) -> Runs:
    bucket = open_bucket(endpoint)
    body = json.dumps(json.dumps(MESSAGE))
    inputs = {
        "initial": body.encode(),
        "CandidateStage": document(CANDIDATES, "CandidateStage"),
        "OddStage": document(ODD, "OddStage"),
        "EmptyStage": document([], "EmptyStage"),
        "RepeatedStage": document(REPEATED, "RepeatedStage"),
        "CutStage": document(ODD, "CutStage")[:-60],
        "FewerStage": document(ODD, "FewerStage").replace(b'"outputRecordCount":60', b'"outputRecordCount":61'),
        "CopyStage": document(ODD, "OddStage"),
    }
    for folder, content in inputs.items():
        bucket.put(output_key("execution-1", folder), content)
    killed = f"{stage_prefix('execution-1', 'MiddleStage')}_parts/killed-run/0-"
    bucket.put(killed, b"left over")
    library, scripts = install_small_ranges(tmp_path_factory.mktemp("library")), tmp_path_factory.mktemp("scripts")
    jobs = {
        "MiddleStage": ("CandidateStage", SCRIPT),
        "SecondStage": ("MiddleStage", SCRIPT),
        "FirstStage": ("initial", SCRIPT),
        "LatestStage": ("RepeatedStage", LATEST),
        "FirstLatestStage": ("initial", LATEST),
        "NothingStage": ("EmptyStage", SCRIPT),
        "ChooseStage": ("OddStage", job_with(CHOOSE, scripts / "choose.py")),
        "TwiceStage": ("OddStage", job_with(FAIL, scripts / "fail.py")),
        "ForgetStage": ("OddStage", job_with(FORGET, scripts / "forget.py")),
        "AfterCutStage": ("CutStage", SCRIPT),
        "AfterFewerStage": ("FewerStage", SCRIPT),
        "AfterCopyStage": ("CopyStage", SCRIPT),
        "AfterMissingStage": ("MissingStage", SCRIPT),
    }
    commands = [
        [str(script), *job_arguments(bucket.name, source, stage, f"run-of-{stage}")]
        for stage, (source, script) in jobs.items()
    ]
    result = scripts / "errors.json"
    environment = job_environment(endpoint, library)
    driver = [sys.executable, str(Path(__file__).with_name("driver.py")), str(result)]
    done = subprocess.run(
        driver, input=json.dumps(commands), env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    errors = dict(zip(jobs, json.loads(result.read_text(encoding="utf-8")), strict=True))
    return Runs(bucket, errors, done.stdout)


def records(bucket: Bucket, stage: str) -> list[Json]:
    """Return a stage's records as the next handler gets them."""
    body = bucket.get(output_key("execution-1", stage))
    return list(read_records([body], msgspec.json.Decoder(dict[str, Any]), count=read_footer(body, stage), where=stage))


def counts(document: Json) -> list[int]:
    ways = ("input", "output", "rejected", "merged", "stale")
    return [document["metadata"][f"{way}RecordCount"] for way in ways]


def test_a_job_reads_and_writes_where_its_arguments_say(runs: Runs) -> None:
    assert runs.errors["MiddleStage"] is None
    written = runs.bucket.document("MiddleStage")
    assert written["executionId"] == "execution-1"
    assert written["stage"] == "MiddleStage"
    assert counts(written) == [COUNT, COUNT, 0, 0, 0]
    assert runs.bucket.keys(stage_prefix("execution-1", "MiddleStage")) == [output_key("execution-1", "MiddleStage")]


def test_what_the_transform_does_not_touch_survives_as_it_is_written(runs: Runs) -> None:
    body = runs.bucket.get(output_key("execution-1", "MiddleStage")).decode()
    texts = [line.removesuffix(",") for line in body.split("\n")[1:-2]]
    history = re.compile(r'(,"metadata":)?(\{|,)"customerHistory":\{[^}]*\}')
    plain = [history.sub(lambda found: "" if found[1] or found[2] == "," else "{", text, count=1) for text in texts]
    bare = [
        re.sub(r'(?<="id":"o\d")\}\},"scores"|(?<="id":"o\d\d")\}\},"scores"', '},"scores"', text) for text in plain
    ]
    assert bare == [msgspec.json.encode(record).decode() for record in CANDIDATES]


def test_each_candidate_is_told_of_all_of_its_customer(runs: Runs) -> None:
    histories = {}
    for number, found in enumerate(records(runs.bucket, "MiddleStage")):
        own = [record for record in CANDIDATES if record["customerId"] == CANDIDATES[number]["customerId"]]
        histories[number] = found["subject"]["metadata"]["customerHistory"]
        assert histories[number] == {
            "candidates": len(own),
            "orderValue": pytest.approx(sum(record["attributes"].get("orderValue", 0) for record in own)),
            "lastEventDate": max(record["attributes"]["eventDate"] for record in own),
        }
    assert len(histories) == COUNT


def test_two_jobs_in_a_row_write_the_same(runs: Runs) -> None:
    assert runs.bucket.document("SecondStage")["data"] == runs.bucket.document("MiddleStage")["data"]


def test_a_first_job_takes_the_message(runs: Runs) -> None:
    place = {"programId": "p", "marketplace": "m"}
    history = {"customerHistory": {"candidates": 1}}
    assert runs.bucket.document("FirstStage")["data"] == [
        {**place, "customerId": "Ü", "subject": {"metadata": history}},
        {**place, "a": 1},
        {"context": []},
    ]


def test_the_newest_records_of_a_message_are_of_its_program_and_marketplace_unless_they_say_more(runs: Runs) -> None:
    place = {"programId": "p", "marketplace": "m"}
    assert runs.bucket.document("FirstLatestStage")["data"] == [
        {**place, "customerId": "Ü"},
        {**place, "a": 1},
        {"context": []},
    ]


def test_the_log_of_a_run_has_its_paths_and_what_became_of_the_records(runs: Runs) -> None:
    _, _, said = runs.said.partition("ChooseStage of execution execution-1, ")
    paths, read, wrote, *_ = said.splitlines()
    bucket = f"s3://{runs.bucket.name}/"
    assert paths == (
        f"run run-of-ChooseStage: from {bucket}{output_key('execution-1', 'OddStage')} "
        f"to {bucket}{output_key('execution-1', 'ChooseStage')}"
    )
    assert read == "60 records in 1 ranges"
    assert wrote.startswith("wrote 2 parts: {")
    assert json.loads(wrote.partition(": ")[2]) == runs.bucket.document("ChooseStage")["metadata"]


def test_a_document_without_records_becomes_one_without_records(runs: Runs) -> None:
    written = runs.bucket.document("NothingStage")
    assert written["data"] == []
    assert counts(written) == [0, 0, 0, 0, 0]


def test_records_that_a_transform_keeps_stay_in_order_and_the_others_are_accounted_for(runs: Runs) -> None:
    written = runs.bucket.document("ChooseStage")
    kept = [{**record, "out": {"kept": 1.0, "double": 2 * record["n"]}} for record in ODD if record["n"] % 3 == 0]
    assert written["data"] == kept
    assert counts(written) == [COUNT, 20, 20, 20, 0]
    assert written["metadata"]["rejections"] == {"ODD": 20}


def test_records_that_a_transform_rejects_are_kept_as_they_came_with_the_reason(runs: Runs) -> None:
    lines = runs.bucket.get(rejected_key("execution-1", "ChooseStage")).splitlines()
    wanted = [
        {"code": "ODD", "reason": f"n is {record['n']}", "record": record} for record in ODD if record["n"] % 3 == 2
    ]
    assert [json.loads(line) for line in lines] == wanted


def test_the_newest_record_of_each_customer_and_subject_stays_and_the_others_are_merged(runs: Runs) -> None:
    assert runs.errors["LatestStage"] is None
    written = runs.bucket.document("LatestStage")
    assert written["data"] == [REPEATED[mark] for mark in (2, 4, 6, 7, 8, 9, 10, 11, 12)]
    assert counts(written) == [13, 9, 0, 4, 0]


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ("TwiceStage", r"transform returned the record at byte \d+ twice"),
        ("ForgetStage", "transform returned no column bonus, score; return what `output` declares"),
        ("AfterCutStage", "the input is not a stage document: its last line is not a footer"),
        ("AfterFewerStage", "the input is not a stage document: its footer states 61 records but there are 60"),
        (
            "AfterCopyStage",
            "the input is the document of executions/execution-1/OddStage/output.json, "
            "copied to executions/execution-1/CopyStage/output.json",
        ),
        ("AfterMissingStage", r"NoSuchKey: An error occurred \(NoSuchKey\)"),
    ],
)
def test_a_job_that_fails_says_why_and_leaves_no_output(runs: Runs, stage: str, message: str) -> None:
    error = runs.errors[stage]
    assert error is not None
    assert re.match(f"JobError: {message}.* \\(from s3://.* to s3://.*/{stage}/output.json\\)$", error)
    assert runs.bucket.keys(stage_prefix("execution-1", stage)) == [error_key("execution-1", stage)]
    described = json.loads(runs.bucket.get(error_key("execution-1", stage)))
    assert f"JobError: {described['errorMessage']}" == error
    assert runs.bucket.open_uploads() == []
