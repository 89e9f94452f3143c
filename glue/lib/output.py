"""What a job writes: workers put parts on S3, the driver composes them to the output and removes them."""

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from time import perf_counter
from typing import Any, TypeAlias

import boto3  # type: ignore[import-untyped]  # boto3 ships no types

from lib.errors import JobError
from lib.log import say
from lib.members import read_members, set_member, to_json
from lib.piece import Piece
from lib.settings import Job
from lib.upload import Block, compose

Part: TypeAlias = tuple[int, str, int, Piece]  # range, code of rejection (or empty), number of records, where they are


def write_parts(
    job: Job, output: Mapping[str, tuple[str, ...]], width: int, rows: Iterable[tuple[int, str, str]]
) -> Iterator[Part]:
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
                    text = set_member(text, 0, output[name], value, scan)  # noqa: PLW2901 (it grows)
                lines[code] += f"{text},\n".encode()
            counts[code] += 1
            before = position
        for code, data in lines.items():
            bucket, key = job.output_bucket, f"{job.prefix}_parts/{job.run_id}/{number}{code and f'-{code}'}"
            etag = s3.put_object(Bucket=bucket, Key=key, Body=bytes(data))["ETag"]
            yield number, code, counts[code], Piece(bucket, key, etag, 0, len(data))


def write_output(job: Job, s3: Any, parts: list[Part], count: int, started: float) -> None:
    """Make rejected.jsonl appear, if records were rejected, then output.json, which marks the stage as done."""
    counts = Counter[str]()
    for _, code, records, _ in parts:
        counts[code] += records
    accepted, output = counts.pop("", 0), [piece for _, code, _, piece in parts if not code]
    if counts:
        rejected = [piece for _, code, _, piece in parts if code]
        compose(s3, job.output_bucket, f"{job.prefix}rejected.jsonl", rejected)
    metadata = {
        "inputRecordCount": count,
        "expandedRecordCount": 0,
        "outputRecordCount": accepted,
        "rejectedRecordCount": counts.total(),
        "mergedRecordCount": count - accepted - counts.total(),
        "staleRecordCount": 0,
        "rejections": counts,
        "counts": {},
        "processingTimeMs": round((perf_counter() - started) * 1000),
    }
    compose(s3, job.output_bucket, job.output_key, document_blocks(job, output, metadata))
    say(f"wrote {len(parts)} parts: {to_json(metadata)}")


def document_blocks(job: Job, pieces: list[Piece], metadata: dict[str, Any]) -> list[Block]:
    """Return what makes up a stage document; the last record loses its comma."""
    fields = {"executionId": job.execution_id, "stage": job.stage, "startedAt": job.started_at}
    header = f'{to_json(fields)[:-1]},"data":['.encode()
    footer = f'\n],"metadata":{to_json(metadata)}}}\n'.encode()
    if not pieces:
        return [header, footer]
    *others, last = pieces
    return [header + b"\n", *others, last._replace(last=last.last - len(",\n")), footer]


def remove_parts(job: Job, s3: Any) -> None:
    """Remove the parts, also those of an earlier run that was killed."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=job.output_bucket, Prefix=f"{job.prefix}_parts/"):
        if keys := [{"Key": entry["Key"]} for entry in page.get("Contents", [])]:
            s3.delete_objects(Bucket=job.output_bucket, Delete={"Objects": keys})
