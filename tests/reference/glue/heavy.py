"""Heavy: copies the stage document before it, without Spark, so that tests of the engine start no JVM."""

import json
import sys

import boto3  # type: ignore[import-untyped]  # boto3 ships no types
from awsglue.utils import getResolvedOptions  # type: ignore[import-not-found]  # `ceap run` brings its own


def main() -> None:
    """Write what was read under the job's own stage."""
    names = ["execution-id", "input-bucket", "input-key", "output-bucket", "output-key"]
    options = getResolvedOptions(sys.argv, names)
    s3 = boto3.client("s3")
    text = s3.get_object(Bucket=options["input_bucket"], Key=options["input_key"])["Body"].read()
    document = json.loads(text)
    if isinstance(document, str):  # the message: Step Functions puts it on S3 as a JSON string
        document = {"data": json.loads(document)["source"]["records"]}
    count = len(document["data"])
    lines = ",\n".join(json.dumps(record) for record in document["data"])
    head = {"executionId": options["execution_id"], "stage": options["output_key"].split("/")[2]}
    metadata = {"inputRecordCount": count, "outputRecordCount": count}
    body = f'{json.dumps(head)[:-1]},"data":[\n{lines}\n],"metadata":{json.dumps(metadata)}}}\n'
    s3.put_object(Bucket=options["output_bucket"], Key=options["output_key"], Body=body.encode())


if __name__ == "__main__":
    main()
