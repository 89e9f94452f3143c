"""Store as it was before ceap: takes {"candidates": [...]}, stores each, returns those that are the newest."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import Any

import boto3  # type: ignore[import-untyped]  # it ships no types

Candidate = dict[str, Any]

SET = (
    "SET customerId = :customerId, #data = :data, #version = :version, #ttl = :ttl, updatedAt = :updatedAt, "
    "createdAt = if_not_exists(createdAt, :createdAt), GSI2PK = if_not_exists(GSI2PK, :GSI2PK), "
    "GSI2SK = if_not_exists(GSI2SK, :GSI2SK)"
)
NAMES = {"#data": "data", "#version": "version", "#ttl": "ttl"}


def lambda_handler(event: dict[str, list[Candidate]], context: Any) -> dict[str, list[Candidate]]:
    newest: dict[tuple[str, str], Candidate] = {}
    for candidate in event["candidates"]:
        known = newest.get(key(candidate))
        if known is None or known["metadata"]["version"] <= candidate["metadata"]["version"]:
            newest[key(candidate)] = candidate
    return {"candidates": [candidate for candidate in newest.values() if store(candidate)]}


def store(candidate: Candidate) -> bool:
    """Store a candidate; False if a newer version is stored already."""
    table = boto3.resource("dynamodb").Table(os.environ["TABLE_CANDIDATES"])
    values = {f":{name}": value for name, value in make_item(candidate).items()}
    ranked = ":GSI1PK" in values
    partition, sort = key(candidate)
    try:
        table.update_item(
            Key={"PK": partition, "SK": sort},
            UpdateExpression=SET + (", GSI1PK = :GSI1PK, GSI1SK = :GSI1SK" if ranked else " REMOVE GSI1PK, GSI1SK"),
            ConditionExpression="attribute_not_exists(#version) OR #version <= :version",
            ExpressionAttributeNames=NAMES,
            ExpressionAttributeValues=values,
        )
    except table.meta.client.exceptions.ConditionalCheckFailedException:
        return False
    return True


def contexts(candidate: Candidate) -> dict[str, str]:
    return {context["type"]: context["id"] for context in candidate["context"]}


def key(candidate: Candidate) -> tuple[str, str]:
    own, subject = contexts(candidate), candidate["subject"]
    partition = f"CUSTOMER#{candidate['customerId']}#PROGRAM#{own['program']}#MARKETPLACE#{own['marketplace']}"
    return partition, f"SUBJECT#{subject['type']}#{subject['id']}"


def make_item(candidate: Candidate) -> dict[str, Any]:
    audit, customer, program = candidate["metadata"], candidate["customerId"], contexts(candidate)["program"]
    created = datetime.fromisoformat(audit["createdAt"])
    item = {
        "customerId": customer,
        "data": json.dumps(candidate, separators=(",", ":"), ensure_ascii=False),
        "version": audit["version"],
        "ttl": int(datetime.fromisoformat(audit["expiresAt"]).timestamp()),
        "updatedAt": datetime.now(UTC).isoformat(),
        "createdAt": created.isoformat(),
        "GSI2PK": f"PROGRAM#{program}#DATE#{created:%Y-%m-%d}",
        "GSI2SK": f"CREATED#{int(created.timestamp())}#CUSTOMER#{customer}",
    }
    channels = sorted(name for name, usable in candidate["attributes"]["channelEligibility"].items() if usable)
    quality = candidate.get("scores", {}).get("quality")
    if channels and quality:
        item["GSI1PK"] = f"PROGRAM#{program}#CHANNEL#{channels[0]}"
        item["GSI1SK"] = f"SCORE#{quality['value']:.6f}#CUSTOMER#{customer}"
    return item
