"""Ask: signs each record with a secret for a vendor, and hands it to the vendor's queue and bucket."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from handlers.runtime.aws import client
from handlers.runtime.context import StageContext
from handlers.runtime.needs import Grant, Needs
from handlers.runtime.records import encode_record
from handlers.runtime.stage import WorkflowLambdaHandler


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a scan is read, too: the local engine does not model that service."""

    reads_text: bool = False


VENDOR_KEY = "vendor/key-${Environment}"
VENDOR_URL = "/vendor/${Environment}/url"
QUEUE = "vendor-orders"
BUCKET = "vendor-files"
NEEDS = Needs(
    settings=Settings,
    secrets=(VENDOR_KEY, "vendor-api-key"),
    parameters=(VENDOR_URL,),
    grants=(
        Grant(
            ("sqs:GetQueueUrl", "sqs:SendMessage"),
            f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:{QUEUE}",
        ),
        Grant(("s3:PutObject",), f"arn:${{AWS::Partition}}:s3:::{BUCKET}/signed/*"),
        Grant(("textract:DetectDocumentText",), "*"),
    ),
)


class AskStage(WorkflowLambdaHandler[dict[str, Any], Settings]):
    """A record leaves with the vendor's address and its signature, never with the secret."""

    def process_data(
        self, records: Iterator[dict[str, Any]], stage: StageContext[Settings]
    ) -> Iterator[dict[str, Any]]:
        for record in records:
            key = stage.secret(VENDOR_KEY)
            signature = hashlib.sha256(key.encode() + encode_record(record)).hexdigest()
            signed = record | {"url": stage.parameter(VENDOR_URL), "signature": signature}
            url = client("sqs").get_queue_url(QueueName=QUEUE)["QueueUrl"]
            client("sqs").send_message(QueueUrl=url, MessageBody=signature)
            client("s3").put_object(Bucket=BUCKET, Key=f"signed/{record['id']}", Body=signature.encode())
            if stage.settings.reads_text:
                client("textract").detect_document_text(Document={"Bytes": b"scan"})
            yield signed


handler = AskStage(NEEDS)
