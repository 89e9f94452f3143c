"""Reactive as it was before ceap: takes candidates, tells other systems of each once, returns what it told."""

from __future__ import annotations

import json
import os
import time
import uuid
from typing import Any

import boto3  # type: ignore[import-untyped]  # it ships no types

Candidate = dict[str, Any]

EVENT_IDS = uuid.UUID("0d9f4f0e-3c0b-5b1e-9d5e-5f0b7b7c1a51")
WINDOW_SECONDS = 300
KEEP_SECONDS = 5400

NAMES = {"#owner": "owner", "#state": "state", "#ttl": "ttl"}
CLAIM = "SET #owner = :me, #state = :claimed, eventId = :event, leaseUntil = :lease, #ttl = :ttl"
MAY_CLAIM = (
    "attribute_not_exists(#state) "
    "OR (#state = :claimed AND (#owner = :me OR leaseUntil <= :now)) "
    "OR (#state = :published AND windowUntil <= :now AND (eventId <> :event OR keepUntil <= :now))"
)
RECORD = "SET #state = :published, windowUntil = :window, keepUntil = :keep, #ttl = :keep REMOVE leaseUntil"


class ClaimedError(Exception):
    """Another run may be telling of the candidate right now."""


def lambda_handler(event: list[Candidate], context: Any) -> list[Candidate]:
    lease = int(time.time() + context.get_remaining_time_in_millis() / 1000) + 5
    return [candidate | tell(candidate, lease) for candidate in event]


def tell(candidate: Candidate, lease: int) -> dict[str, Any]:
    table = boto3.resource("dynamodb").Table(os.environ["TABLE_EVENT_DEDUPLICATION"])
    key, now = {"deduplicationKey": deduplication_key(candidate)}, int(time.time())
    me, own = candidate["metadata"]["workflowExecutionId"], event_id(candidate)
    claim = {":me": me, ":event": own, ":now": now, ":lease": lease, ":ttl": lease + KEEP_SECONDS}
    try:
        table.update_item(
            Key=key,
            UpdateExpression=CLAIM,
            ConditionExpression=MAY_CLAIM,
            ExpressionAttributeNames=NAMES,
            ExpressionAttributeValues=claim | {":claimed": "claimed", ":published": "published"},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except table.meta.client.exceptions.ConditionalCheckFailedException as refusal:
        return explain({name: next(iter(value.values())) for name, value in refusal.response["Item"].items()}, own, me)
    publish(candidate)
    table.update_item(
        Key=key,
        UpdateExpression=RECORD,
        ExpressionAttributeNames={"#state": "state", "#ttl": "ttl"},
        ExpressionAttributeValues={
            ":published": "published",
            ":window": now + WINDOW_SECONDS,
            ":keep": now + KEEP_SECONDS,
        },
    )
    return {"published": True, "reason": "PUBLISHED"}


def explain(known: dict[str, str], event: str, me: str) -> dict[str, Any]:
    if known["state"] == "claimed":
        raise ClaimedError
    if known["eventId"] != event:
        return {"published": False, "reason": "IN_WINDOW"}
    told = known["owner"] == me
    return {"published": told, "reason": "PUBLISHED" if told else "ALREADY_PUBLISHED"}


def publish(candidate: Candidate) -> None:
    own = contexts(candidate)
    detail = {
        "eventId": event_id(candidate),
        "programId": own["program"],
        "marketplace": own["marketplace"],
        "candidate": candidate,
    }
    entry = {
        "EventBusName": os.environ["EVENT_BUS"],
        "Source": "ceap.workflow",
        "DetailType": "CandidateReady",
        "Detail": json.dumps(detail, separators=(",", ":"), ensure_ascii=False),
    }
    answer = boto3.client("events").put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        raise RuntimeError(answer["Entries"][0]["ErrorCode"])


def contexts(candidate: Candidate) -> dict[str, str]:
    return {context["type"]: context["id"] for context in candidate["context"]}


def deduplication_key(candidate: Candidate) -> str:
    own, subject = contexts(candidate), candidate["subject"]
    return ":".join((candidate["customerId"], subject["type"], subject["id"], own["program"], own["marketplace"]))


def event_id(candidate: Candidate) -> str:
    return str(uuid.uuid5(EVENT_IDS, f"{deduplication_key(candidate)}:{candidate['metadata']['version']}"))
