"""ETL as it was before ceap: takes a message, returns candidates; a record that is wrong is left out."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3  # type: ignore[import-untyped]  # it ships no types

CHANNELS = {"emailEligible": "email", "smsEligible": "sms", "pushEligible": "push"}


def lambda_handler(event: dict[str, Any], context: Any) -> list[dict[str, Any]]:
    program, marketplace = event["programId"], event["marketplace"]
    lifetime = timedelta(days=candidate_ttl_days(program, marketplace))
    candidates = []
    for record in event["source"]["records"]:
        try:
            candidates.append(make_candidate(record, program, marketplace, lifetime, context.aws_request_id))
        except (KeyError, TypeError, ValueError) as error:
            print(f"left out a record: {type(error).__name__}")
    return candidates


def candidate_ttl_days(program: str, marketplace: str) -> int:
    table = os.environ["TABLE_PROGRAM_CONFIG"]
    keys = [{"PK": f"PROGRAM#{program}", "SK": sort} for sort in ("CONFIG", f"MARKETPLACE#{marketplace}")]
    answer = boto3.resource("dynamodb").batch_get_item(RequestItems={table: {"Keys": keys}})
    rows = {row["SK"]: row for row in answer["Responses"][table]}
    days = [row["candidateTtlDays"] for sort, row in sorted(rows.items()) if "candidateTtlDays" in row]
    return int(days[-1]) if days else 30  # the marketplace's own, if it has one


def make_candidate(
    record: dict[str, Any], program: str, marketplace: str, lifetime: timedelta, execution: str
) -> dict[str, Any]:
    now, event_date = datetime.now(UTC), read_time(record["eventDate"])
    subject = {"type": record["subjectType"], "id": str(record["subjectId"])}
    if "subjectMetadata" in record:
        subject["metadata"] = record["subjectMetadata"]
    attributes: dict[str, Any] = {"eventDate": write_time(event_date)}
    if "deliveryDate" in record:
        attributes["deliveryDate"] = write_time(read_time(record["deliveryDate"]))
    if "timingWindow" in record:
        attributes["timingWindow"] = record["timingWindow"]
    if "orderValue" in record:
        attributes["orderValue"] = float(record["orderValue"])
    if "mediaEligible" in record:
        attributes["mediaEligible"] = record["mediaEligible"]
    channels = record.get("channelEligibility") or {
        channel: record[name] for name, channel in CHANNELS.items() if name in record
    }
    attributes |= {"channelEligibility": channels or {"email": True}, "consumed": False}
    return {
        "customerId": str(record["customerId"]),
        "context": [{"type": "program", "id": program}, {"type": "marketplace", "id": marketplace}],
        "subject": subject,
        "attributes": attributes,
        "metadata": {
            "createdAt": write_time(now),
            "updatedAt": write_time(now),
            "expiresAt": write_time(now + lifetime),
            "version": record.get("sourceVersion") or int(event_date.timestamp() * 1000),
            "sourceConnectorId": "message",
            "workflowExecutionId": execution,
        },
    }


def read_time(value: str | int) -> datetime:
    if isinstance(value, int):
        return datetime.fromtimestamp(value / 1000, UTC)
    return datetime.fromisoformat(value).astimezone(UTC)


def write_time(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
