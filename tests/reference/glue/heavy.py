"""Heavy: notes in each record that it has seen it, without Spark, so that tests of the engine start no JVM.

It writes in parts below its own stage, as the jobs of `glue/` do, and so uses each grant that a job's role holds.
"""

import json
import sys
from typing import Any

import boto3  # type: ignore[import-untyped]  # boto3 ships no types
from awsglue.utils import getResolvedOptions  # type: ignore[import-not-found]  # `ceap run` brings its own

NAMES = ["execution-id", "input-bucket", "input-key", "output-bucket", "output-key"]
NO_RECORDS = dict.fromkeys(
    ["expandedRecordCount", "rejectedRecordCount", "mergedRecordCount", "staleRecordCount", "processingTimeMs"], 0
)


def main() -> None:
    """Read the stage before, or the message; write the document of the job's own stage."""
    given = getResolvedOptions(sys.argv, NAMES)
    s3 = boto3.client("s3")
    read = json.loads(s3.get_object(Bucket=given["input_bucket"], Key=given["input_key"])["Body"].read())
    # The message: Step Functions puts it on S3 as a JSON string.
    records = json.loads(read)["source"]["records"] if isinstance(read, str) else read["data"]
    folder = given["output_key"].rpartition("/")[0]
    stage = folder.rpartition("/")[2]
    for record in records:
        record.setdefault("jobs", []).append(stage)

    bucket, part = given["output_bucket"], f"{folder}/_parts/{given['JOB_RUN_ID']}/0"
    s3.put_object(Bucket=bucket, Key=part, Body=document(given["execution_id"], stage, records))
    s3.put_object(Bucket=bucket, Key=given["output_key"], Body=s3.get_object(Bucket=bucket, Key=part)["Body"].read())
    for found in s3.list_objects_v2(Bucket=bucket, Prefix=f"{folder}/_parts/")["Contents"]:
        s3.delete_object(Bucket=bucket, Key=found["Key"])
    print(f"{stage} wrote {len(records)} records")
    print("no warnings", file=sys.stderr)


def document(execution: str, stage: str, records: list[dict[str, Any]]) -> bytes:
    """Return a stage's document: a record in each line between a header and the counts."""
    header = compact({"executionId": execution, "stage": stage, "startedAt": "2026-01-02T03:04:05Z"})
    counts = {"inputRecordCount": len(records), "outputRecordCount": len(records)}
    metadata = compact({**counts, **NO_RECORDS, "rejections": {}, "counts": {}})
    lines = ",\n".join(map(compact, records)) + "\n" if records else ""
    return f'{header[:-1]},"data":[\n{lines}],"metadata":{metadata}}}\n'.encode()


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


if __name__ == "__main__":
    main()
