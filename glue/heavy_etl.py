"""A Glue job that transforms a whole stage document at once; `transform`, below, is the part to replace.

Workers read the document by byte ranges. Each record goes through `transform` as the text that it is, with the fields
that INPUT declares beside it; what OUTPUT declares is merged back into that text, so that all else stays as it was
written. Workers put the results on S3 as parts, the driver composes them to one output.json; records keep their order.
One script for Glue 5 and for a laptop: it sets no master and no memory, and reaches S3 through boto3 alone.
"""

import itertools
import json
import re
import sys
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from json.decoder import scanstring  # type: ignore[attr-defined]  # missing from the type stubs
from time import perf_counter
from typing import Any, NamedTuple, TypeAlias

import boto3  # type: ignore[import-untyped]  # boto3 ships no types
from awsglue.utils import getResolvedOptions  # type: ignore[import-not-found]  # Glue has it; `ceap run` brings its own
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # botocore ships no types
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F  # noqa: N812 (Spark's own habit)

INPUT = "customerId string, attributes struct<eventDate: string, orderValue: double>"
"""The fields of a record that `transform` reads; null where a record has none, or one of another type."""

OUTPUT = {"history": ("subject", "metadata", "customerHistory")}
"""The columns that `transform` adds, and where in a record each goes; where one is null, nothing is written."""


def transform(frame: DataFrame) -> DataFrame:
    """Tell each candidate how many its customer has in the document, what they are worth, and when the last one was.

    Takes `_position`, `_record` (the JSON text) and the fields of INPUT; returns these two for the records to keep, and
    the columns of OUTPUT. A record that is missing counts as merged into another. One with a column `_rejection`, a
    struct of `code` and `reason` that is not null, goes to rejected.jsonl.
    """
    customer = Window.partitionBy("customerId")
    # Decimals: the sum of doubles depends on the order in which workers add them.
    value = F.sum(F.col("attributes.orderValue").cast("decimal(28, 4)")).over(customer)
    last = F.max(F.to_timestamp("attributes.eventDate")).over(customer)
    history = F.struct(
        F.count("*").over(customer).alias("candidates"),
        value.cast("double").alias("orderValue"),
        F.date_format(last, "yyyy-MM-dd'T'HH:mm:ss'Z'").alias("lastEventDate"),
    )
    return frame.withColumn("history", F.when(F.col("customerId").isNotNull(), history))


RANGE_BYTES = 16 * 1024 * 1024  # what a worker holds of a document at once, at least
RANGES_MAX = 9000  # an upload has at most 10,000 parts
PART_BYTES = 5 * 1024 * 1024  # and all of them have this length at least, but for the last
EDGE_BYTES = 64 * 1024  # the longest header, and the longest footer

GAP = re.compile(r"[ \t]*[:,]?[ \t]*")  # between the parts of a JSON object on one line
Scan: TypeAlias = Callable[[str, int], tuple[Any, int]]  # the JSON value at an index of a text, and where it ends
to_json = partial(json.dumps, ensure_ascii=False, separators=(",", ":"))


class JobError(Exception):
    """Ends the job; Glue shows its sentence as the error of the run."""


class Job(NamedTuple):
    """One run; the keys of all that it writes begin with `prefix`, `started_at` is ISO 8601 in UTC."""

    execution_id: str
    input_bucket: str
    input_key: str
    output_bucket: str
    output_key: str
    stage: str
    prefix: str
    run_id: str
    started_at: str


class Piece(NamedTuple):
    """The bytes `first` to `last`, exclusive, of one version of an object."""

    bucket: str
    key: str
    etag: str
    first: int
    last: int


Block: TypeAlias = bytes | Piece
Part: TypeAlias = tuple[int, str, int, Piece]  # range, code of rejection (or empty), number of records, where they are


def main() -> None:
    """Run the job that the arguments describe; where it raises JobError there is error.json and no output.json."""
    job, started, s3 = read_arguments(sys.argv), perf_counter(), boto3.client("s3")
    way = f"from s3://{job.input_bucket}/{job.input_key} to s3://{job.output_bucket}/{job.output_key}"
    print(f"{job.stage} of execution {job.execution_id}, run {job.run_id}: {way}", flush=True)
    try:
        parts, count = run_transform(job, s3)
        write_output(job, s3, parts, count, started)
    except Exception as error:
        traceback.print_exc()
        # What a worker raised stands somewhere inside of Spark's own error.
        said = f"{type(error).__name__}: {error}"
        cause = re.search(r"^[\w.]*\b(?:JobError: |(?=\w+: An error occurred \())(.+)$", said, re.MULTILINE)
        failure = f"{cause[1] if cause else ' '.join(said.splitlines()[:2])} ({way})"
        record = {"status": "FAILED", "stage": job.stage, "executionId": job.execution_id, "errorMessage": failure}
        with suppress(BotoCoreError, ClientError):
            s3.put_object(Bucket=job.output_bucket, Key=f"{job.prefix}error.json", Body=to_json(record).encode())
        raise JobError(failure) from None
    finally:
        try:
            remove_parts(job, s3)
        except (BotoCoreError, ClientError) as error:
            print(f"the parts are left to the bucket's lifecycle rule: {error}", flush=True)


def read_arguments(arguments: list[str]) -> Job:
    names = ("execution_id", "input_bucket", "input_key", "output_bucket", "output_key")
    options = getResolvedOptions(arguments, [name.replace("_", "-") for name in names])
    folder = options["output_key"].rpartition("/")[0]
    # Glue refuses to be asked for its own arguments, and always returns them.
    own = {"stage": folder.rpartition("/")[2], "prefix": f"{folder}/", "run_id": options.get("JOB_RUN_ID") or "run"}
    started_at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Job(started_at=started_at, **own, **{name: options[name] for name in names})


def run_transform(job: Job, s3: Any) -> tuple[list[Part], int]:
    """Put the transformed records on S3; return the parts in the document's order, and how many records came in."""
    spark = SparkSession.builder.appName(job.stage).getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    width, tasks = RANGE_BYTES, 1
    if job.input_key == f"executions/{job.execution_id}/initial/output.json":
        texts = read_message(s3, job)
        records, count = spark.sparkContext.parallelize(list(enumerate(texts)), tasks), len(texts)
    else:
        document, count = open_document(s3, job.input_bucket, job.input_key)
        width = max(RANGE_BYTES, -(-(document.last - document.first) // RANGES_MAX))
        begins = range(document.first, document.last, width)
        tasks = max(1, len(begins))
        ranges = spark.sparkContext.parallelize(begins, tasks)
        found = ranges.map(lambda begin: sum(1 for _ in read_lines(document, width, begin))).sum()
        if found != count:
            raise malformed(f"its footer states {count} records but there are {found}")
        records = ranges.flatMap(partial(read_range, document, width))
    print(f"{count} records in {tasks} ranges", flush=True)
    frame = spark.createDataFrame(records, "_position long, _record string", verifySchema=False)
    fields = F.from_json("_record", INPUT).alias("_fields")
    results = transform(frame.select("*", fields).select("_position", "_record", "_fields.*"))
    if missing := {"_position", "_record", *OUTPUT} - set(results.columns):
        raise JobError(f"transform returned no column {', '.join(sorted(missing))}; return what OUTPUT declares")
    columns = [name for name in (*OUTPUT, "_rejection") if name in results.columns]
    changes = F.to_json(F.struct(*columns)) if columns else F.lit("{}")
    rows = results.select("_position", "_record", changes).repartition(tasks, F.floor(F.col("_position") / width))
    parts = rows.sortWithinPartitions("_position").rdd.mapPartitions(partial(write_parts, job, width)).collect()
    return sorted(parts), count


def read_message(s3: Any, job: Job) -> list[str]:
    """Return the records of the message as JSON, each with its program and marketplace if it is no candidate yet."""
    text = s3.get_object(Bucket=job.input_bucket, Key=job.input_key)["Body"].read()
    try:
        # Step Functions writes the body, which is a string, as a JSON string.
        message = json.loads(json.loads(text))
        place = {key: message[key] for key in ("programId", "marketplace") if message.get(key)}
        source = message["source"]
        if source["kind"] != "inline" or not all(isinstance(record, dict) for record in source["records"]):
            raise ValueError("its source is not of kind inline with a list of objects")
        texts = [to_json(record if "context" in record else place | record) for record in source["records"]]
        # What Python takes and others do not: lone surrogates, and NaN.
        to_json(message, allow_nan=False).encode()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JobError(
            f"the input holds no message: {type(error).__name__}: {error}; send JSON such as "
            '{"programId": "p", "marketplace": "m", "source": {"kind": "inline", "records": [...]}}'
        ) from error
    return texts


def open_document(s3: Any, bucket: str, key: str) -> tuple[Piece, int]:
    """Return where the records of a stage document stand and how many there should be, from its header and footer."""
    answer = s3.get_object(Bucket=bucket, Key=key)
    head, size = answer["Body"].read(EDGE_BYTES), answer["ContentLength"]
    answer["Body"].close()
    if not size:
        raise malformed("it is empty")
    tail = read_piece(s3, Piece(bucket, key, answer["ETag"], max(0, size - EDGE_BYTES), size))
    header, (_, newline, footer) = head.partition(b"\n")[0], tail.removesuffix(b"\n").rpartition(b"\n")
    if not newline or not footer.startswith(b"],"):
        raise malformed("its last line is no footer (`],...`), so it was cut short or has more after it")
    if not header.endswith(b',"data":['):
        raise malformed('its first line does not end in `,"data":[` within 64 KiB')
    try:
        json.loads(header + b"]}")
        count = json.loads(b"{" + footer[2:])["metadata"]["outputRecordCount"]
    except (ValueError, KeyError, TypeError) as error:
        raise malformed(f"its header or footer is wrong: {error!r}") from error
    last = size - len(footer) - tail.endswith(b"\n")
    return Piece(bucket, key, answer["ETag"], len(header) + 1, last), count


def read_range(document: Piece, width: int, begin: int) -> Iterator[tuple[int, str]]:
    """Yield place and text of the records that begin in a range; raises JobError where one is none."""
    decode = json.JSONDecoder(parse_constant=int).decode  # int refuses NaN and Infinity
    for position, line in read_lines(document, width, begin):
        is_last = position + len(line) + 1 == document.last
        try:
            text = line.removesuffix(b",").decode().strip(" \t")
            if not isinstance(decode(text), dict) or line.endswith(b",") == is_last or "\r" in text:
                raise ValueError
        except ValueError:
            raise malformed(
                f"at byte {position} should stand a JSON object, a comma (if not the last) and LF"
            ) from None
        yield position, text


def read_lines(document: Piece, width: int, begin: int) -> Iterator[tuple[int, bytes]]:
    """Yield place and content of the lines of a document that begin in a range; only LF ends a line."""
    read = partial(read_piece, boto3.client("s3"))
    # A line begins after an LF: the one before the range is looked at, too, and what leads to the first is not ours.
    at, end = max(document.first, begin - 1), min(begin + width, document.last)
    data = read(document._replace(first=at, last=end))
    skip = data.find(b"\n") + 1 or len(data) if begin > document.first else 0
    if at + skip >= end:
        return
    while not data.endswith(b"\n"):
        reached = at + len(data)
        more = read(document._replace(first=reached, last=min(reached + EDGE_BYTES, document.last)))
        data += more[: more.find(b"\n") + 1 or None]
    lines = BytesIO(data)
    at += lines.seek(skip)
    for line in lines:
        yield at, line[:-1]
        at += len(line)


def read_piece(s3: Any, piece: Piece) -> bytes:
    bucket, key, etag, first, last = piece
    return bytes(s3.get_object(Bucket=bucket, Key=key, IfMatch=etag, Range=f"bytes={first}-{last - 1}")["Body"].read())


def write_parts(job: Job, width: int, rows: Iterable[tuple[int, str, str]]) -> Iterator[Part]:
    """Put the records of each range on S3; rows are place, record and changes as JSON, sorted by place."""
    s3, scan = boto3.client("s3"), json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # missing from the type stubs
    for number, group in itertools.groupby(rows, key=lambda row: row[0] // width):
        lines, counts, before = defaultdict[str, bytearray](bytearray), Counter[str](), None
        for position, text, changes in group:
            if position == before:
                raise JobError(f"transform returned the record at byte {position} twice")
            values = {name: changes[begin:end] for name, begin, end in read_members(changes, 0, scan)}
            rejection = values.pop("_rejection", "")
            code = json.loads(rejection)["code"] if rejection else ""
            if rejection:
                lines[code] += f'{rejection[:-1]},"record":{text}}}\n'.encode()
            else:
                for name, value in values.items():
                    text = set_member(text, 0, OUTPUT[name], value, scan)  # noqa: PLW2901 (it grows)
                lines[code] += f"{text},\n".encode()
            counts[code] += 1
            before = position
        for code, data in lines.items():
            bucket, key = job.output_bucket, f"{job.prefix}_parts/{job.run_id}/{number}{code and f'-{code}'}"
            etag = s3.put_object(Bucket=bucket, Key=key, Body=bytes(data))["ETag"]
            yield number, code, counts[code], Piece(bucket, key, etag, 0, len(data))


def read_members(text: str, start: int, scan: Scan) -> Iterator[tuple[str, int, int]]:
    """Yield name, begin and end of each value of the object at `start` of a line that is valid JSON."""
    at = GAP.match(text, start + 1).end()  # type: ignore[union-attr]  # it matches everywhere
    while text[at] == '"':
        name, at = scanstring(text, at + 1)
        begin = GAP.match(text, at).end()  # type: ignore[union-attr]  # as above
        _, end = scan(text, begin)
        yield name, begin, end
        at = GAP.match(text, end).end()  # type: ignore[union-attr]  # as above


def set_member(text: str, start: int, path: tuple[str, ...], value: str, scan: Scan) -> str:
    """Return a line with a JSON value at a path of the object at `start`; all else stays as it is written."""
    if text[start] != "{":
        raise JobError(f"a record has no object where OUTPUT wants to put {'.'.join(path)}; correct OUTPUT")
    name, *rest = path
    found, last = None, start + 1
    for key, begin, last in read_members(text, start, scan):
        if key == name:
            found = begin, last
    if found and rest:
        return set_member(text, found[0], tuple(rest), value, scan)
    if found:
        return text[: found[0]] + value + text[found[1] :]
    for step in reversed(rest):
        value = f"{{{to_json(step)}:{value}}}"
    return f"{text[:last]}{',' if last > start + 1 else ''}{to_json(name)}:{value}{text[last:]}"


def write_output(job: Job, s3: Any, parts: list[Part], count: int, started: float) -> None:
    """Make rejected.jsonl appear, if records were rejected, then output.json: it is the mark that the stage is done."""
    counts = Counter[str]()
    for _, code, records, _ in parts:
        counts[code] += records
    accepted, output = counts.pop("", 0), [piece for _, code, _, piece in parts if not code]
    if counts:
        rejected = [piece for _, code, _, piece in parts if code]
        compose(s3, job.output_bucket, f"{job.prefix}rejected.jsonl", rejected)
    metadata = {
        "inputRecordCount": count,
        "outputRecordCount": accepted,
        "rejectedRecordCount": counts.total(),
        "mergedRecordCount": count - accepted - counts.total(),
        "staleRecordCount": 0,
        "rejections": counts,
        "counts": {},
        "processingTimeMs": round((perf_counter() - started) * 1000),
    }
    compose(s3, job.output_bucket, job.output_key, document_blocks(job, output, metadata))
    print(f"wrote {len(parts)} parts: {to_json(metadata)}", flush=True)


def document_blocks(job: Job, pieces: list[Piece], metadata: dict[str, Any]) -> list[Block]:
    """Return what makes up a stage document; the last record loses its comma."""
    fields = {"executionId": job.execution_id, "stage": job.stage, "startedAt": job.started_at}
    header = f'{to_json(fields)[:-1]},"data":['.encode()
    footer = f'\n],"metadata":{to_json(metadata)}}}\n'.encode()
    if not pieces:
        return [header, footer]
    *others, last = pieces
    return [header + b"\n", *others, last._replace(last=last.last - len(",\n")), footer]


def plan_upload(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    """Yield the blocks of each part of an upload: one piece alone is copied, others are joined, below 15 MiB."""
    group: list[Block] = []
    size = 0
    for block in blocks:
        split = block.first + PART_BYTES - size if isinstance(block, Piece) else 0
        if group and isinstance(block, Piece) and block.last - split >= PART_BYTES:
            yield [*group, block._replace(last=split)]
            group, size = [block._replace(first=split)], block.last - split
        else:
            group, size = [*group, block], size + length(block)
        if size >= PART_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def length(block: Block) -> int:
    return block.last - block.first if isinstance(block, Piece) else len(block)


def compose(s3: Any, bucket: str, key: str, blocks: Iterable[Block]) -> None:
    """Make one object of the blocks; it appears whole, or not at all."""
    target = {"Bucket": bucket, "Key": key}
    with ThreadPoolExecutor(max_workers=8) as pool:
        target["UploadId"] = s3.create_multipart_upload(**target, ContentType="application/json")["UploadId"]
        try:
            etags = list(pool.map(partial(upload_part, s3, target), itertools.count(1), plan_upload(blocks)))
            parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
            s3.complete_multipart_upload(**target, MultipartUpload={"Parts": parts})
        except BaseException:
            # What cannot be aborted falls to the bucket's lifecycle rule.
            with suppress(BotoCoreError, ClientError):
                pool.shutdown(cancel_futures=True)
                s3.abort_multipart_upload(**target)
            raise


def upload_part(s3: Any, target: dict[str, str], number: int, group: list[Block]) -> Any:
    match group:
        case [Piece(bucket, key, etag, first, last)]:
            source = {"CopySource": {"Bucket": bucket, "Key": key}, "CopySourceIfMatch": etag}
            span = f"bytes={first}-{last - 1}"
            answer = s3.upload_part_copy(**target, **source, PartNumber=number, CopySourceRange=span)["CopyPartResult"]
        case _:
            data = b"".join(read_piece(s3, block) if isinstance(block, Piece) else block for block in group)
            answer = s3.upload_part(**target, PartNumber=number, Body=data)
    return answer["ETag"]


def remove_parts(job: Job, s3: Any) -> None:
    """Remove the parts, also those of an earlier run that was killed."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=job.output_bucket, Prefix=f"{job.prefix}_parts/"):
        if keys := [{"Key": entry["Key"]} for entry in page.get("Contents", [])]:
            s3.delete_objects(Bucket=job.output_bucket, Delete={"Objects": keys, "Quiet": True})


def malformed(fault: str) -> JobError:
    return JobError(f"the input is no stage document: {fault}; correct what wrote it, then run it again")


if __name__ == "__main__":
    main()
