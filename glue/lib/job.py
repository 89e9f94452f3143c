"""A job from its arguments to its output, in Spark.

Workers read the document by byte ranges. Each record goes through `transform` as the text that it is, with the fields
that the settings declare beside it; what it adds is merged back into that text, so that all else stays as it was
written. Workers put the results on S3 as parts, the driver composes them to one output.json; records keep their order.
For Glue 5 and for a laptop: it sets no master and no memory, and reaches S3 through boto3 alone.
"""

import re
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from time import perf_counter
from typing import Any, TypeAlias

import boto3  # type: ignore[import-untyped]  # boto3 ships no types
from awsglue.utils import getResolvedOptions  # type: ignore[import-not-found]  # Glue has it; `ceap run` brings its own
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # botocore ships no types
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 (Spark's own habit)

from lib.document import count_lines, malformed, open_document, range_bytes, read_range
from lib.errors import JobError
from lib.log import say
from lib.members import to_json
from lib.message import read_message
from lib.output import Part, remove_parts, write_output, write_parts
from lib.replay import find_original
from lib.settings import Job, Settings

__all__ = ["Settings", "run"]

Transform: TypeAlias = Callable[[DataFrame], DataFrame]


def run(transform: Transform, settings: Settings) -> None:
    """Run the job that the arguments describe; where it raises JobError there is error.json and no output.json.

    It returns at once, before Spark is started, if the execution is a replay that skips the stage.
    `transform` takes `_position`, `_record` (the JSON text) and the fields of `settings.input`; it returns these two
    for the records to keep, and the columns of `settings.output`. A record that is missing counts as merged into
    another. One with a column `_rejection`, a struct of `code` and `reason` that is not null, goes to rejected.jsonl.
    """
    job, started, s3 = read_arguments(sys.argv), perf_counter(), boto3.client("s3")
    way = f"from s3://{job.input_bucket}/{job.input_key} to s3://{job.output_bucket}/{job.output_key}"
    say(f"{job.stage} of execution {job.execution_id}, run {job.run_id}: {way}")
    try:
        if original := find_original(s3, job):
            say(f"skipped: a replay has copied the output of {job.stage} from execution {original}")
            return
        write_results(job, s3, transform, settings, started)
    except Exception as error:
        traceback.print_exc()
        failure = f"{sentence(error)} ({way})"
        record = {"status": "FAILED", "stage": job.stage, "executionId": job.execution_id, "errorMessage": failure}
        with suppress(BotoCoreError, ClientError):
            s3.put_object(Bucket=job.output_bucket, Key=f"{job.prefix}error.json", Body=to_json(record).encode())
        raise JobError(failure) from None


def write_results(job: Job, s3: Any, transform: Transform, settings: Settings, started: float) -> None:
    try:
        parts, count = run_transform(job, s3, transform, settings)
        write_output(job, s3, parts, count, started)
    finally:
        try:
            remove_parts(job, s3)
        except (BotoCoreError, ClientError) as error:
            say(f"the parts are left to the bucket's lifecycle rule: {error}")


def sentence(error: Exception) -> str:
    """Return the text of an error; Spark's own error has that of a worker somewhere inside."""
    said = f"{type(error).__name__}: {error}"
    cause = re.search(r"^[\w.]*\b(?:JobError: |(?=\w+: An error occurred \())(.+)$", said, re.MULTILINE)
    return cause[1] if cause else " ".join(said.splitlines()[:2])


def read_arguments(arguments: list[str]) -> Job:
    names = ("execution_id", "input_bucket", "input_key", "output_bucket", "output_key")
    options = getResolvedOptions(arguments, [name.replace("_", "-") for name in names])
    folder = options["output_key"].rpartition("/")[0]
    # Glue refuses to be asked for its own arguments, and always returns them.
    own = {"stage": folder.rpartition("/")[2], "prefix": f"{folder}/", "run_id": options.get("JOB_RUN_ID") or "run"}
    started_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Job(started_at=started_at, **own, **{name: options[name] for name in names})


def run_transform(job: Job, s3: Any, transform: Transform, settings: Settings) -> tuple[list[Part], int]:
    """Put the transformed records on S3; return the parts in the document's order, and how many records came in."""
    spark = SparkSession.builder.appName(job.stage).getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    records, count, tasks, width = read_input(job, s3, spark, settings)
    say(f"{count} records in {tasks} ranges")
    frame = spark.createDataFrame(records, "_position long, _record string", verifySchema=False)
    fields = F.from_json("_record", settings.input).alias("_fields")
    results = transform(frame.select("*", fields).select("_position", "_record", "_fields.*"))
    if missing := {"_position", "_record", *settings.output} - set(results.columns):
        raise JobError(f"transform returned no column {', '.join(sorted(missing))}; return what `output` declares")
    columns = [name for name in (*settings.output, "_rejection") if name in results.columns]
    changes = F.to_json(F.struct(*columns)) if columns else F.lit("{}")
    rows = results.select("_position", "_record", changes).repartition(tasks, F.floor(F.col("_position") / width))
    write = partial(write_parts, job, settings.output, width)
    return sorted(rows.sortWithinPartitions("_position").rdd.mapPartitions(write).collect()), count


def read_input(job: Job, s3: Any, spark: SparkSession, settings: Settings) -> tuple[Any, int, int, int]:
    """Return place and text of all records as an RDD, how many they are, and the number and width of their ranges."""
    parallelize = spark.sparkContext.parallelize
    if job.is_first:
        texts = read_message(s3, job.input_bucket, job.input_key, settings)
        return parallelize(list(enumerate(texts)), 1), len(texts), 1, range_bytes(0)
    document, count = open_document(s3, job.input_bucket, job.input_key)
    width = range_bytes(document.last - document.first)
    begins = range(document.first, document.last, width)
    tasks = max(1, len(begins))
    ranges = parallelize(begins, tasks)
    if (found := ranges.map(partial(count_lines, document, width)).sum()) != count:
        raise malformed(f"its footer states {count} records but there are {found}")
    return ranges.flatMap(partial(read_range, document, width)), count, tasks, width
