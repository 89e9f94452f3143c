"""Score as it was before ceap: takes candidates, returns them with the scores of three models, which it keeps."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3  # type: ignore[import-untyped]  # it ships no types

CACHE_SECONDS = 3600
KEYS_A_REQUEST = 100

Candidate = dict[str, Any]
Features = dict[str, float | None]


def lambda_handler(event: list[Candidate], context: Any) -> list[Candidate]:
    keys = [{"PK": partition(candidate), "SK": sort(model)} for candidate in event for model in MODELS]
    known = read_rows(keys)
    fresh: dict[tuple[str, str], dict[str, Any]] = {}
    scored = []
    for candidate in event:
        scores = {}
        for model, (features, weights) in MODELS.items():
            key, version = (partition(candidate), sort(model)), candidate["metadata"]["version"]
            row = known.get(key)
            if row and row["candidateVersion"] == version and time.time() < row["ttl"]:
                scores[model] = json.loads(row["score"])
                continue
            scores[model] = weigh(features(candidate["attributes"]), weights)
            newest = fresh.get(key, row)
            if newest is None or newest["candidateVersion"] <= version:
                fresh[key] = {
                    "PK": key[0],
                    "SK": key[1],
                    "score": json.dumps(scores[model], separators=(",", ":")),
                    "candidateVersion": version,
                    "ttl": int(time.time()) + CACHE_SECONDS,
                }
        # As the old Store has always got them: its items hold the text of a candidate.
        before = {name: candidate[name] for name in ("customerId", "context", "subject")}
        after = {name: value for name, value in candidate.items() if name not in before and name != "scores"}
        scored.append({**before, "scores": candidate.get("scores", {}) | scores, **after})
    with boto3.resource("dynamodb").Table(os.environ["TABLE_SCORE_CACHE"]).batch_writer() as batch:
        for row in fresh.values():
            batch.put_item(Item=row)
    return scored


def partition(candidate: Candidate) -> str:
    subject = candidate["subject"]
    return f"CUSTOMER#{candidate['customerId']}#SUBJECT#{subject['type']}#{subject['id']}"


def sort(model: str) -> str:
    return f"MODEL#{model}#1"


def read_rows(keys: list[dict[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
    table, rows = os.environ["TABLE_SCORE_CACHE"], []
    distinct = [dict(pairs) for pairs in sorted({tuple(key.items()) for key in keys})]
    for start in range(0, len(distinct), KEYS_A_REQUEST):
        part = distinct[start : start + KEYS_A_REQUEST]
        answer = boto3.resource("dynamodb").batch_get_item(RequestItems={table: {"Keys": part}})
        rows += answer["Responses"][table]
    return {(row["PK"], row["SK"]): row for row in rows}


def order(attributes: dict[str, Any], half: float) -> float | None:
    value = attributes.get("orderValue")
    return None if value is None else value / (abs(value) + half)


def delivered(attributes: dict[str, Any]) -> float | None:
    delivery = attributes.get("deliveryDate")
    return None if delivery is None else float(delivery >= attributes["eventDate"])


def reach(attributes: dict[str, Any]) -> float:
    channels = attributes["channelEligibility"]
    return float(sum(channels.values()) / len(channels))


def trust(attributes: dict[str, Any]) -> Features:
    return {"delivery": delivered(attributes), "reach": reach(attributes), "order": order(attributes, 20.0)}


def quality(attributes: dict[str, Any]) -> Features:
    media = attributes.get("mediaEligible")
    return {
        "order": order(attributes, 20.0),
        "media": None if media is None else float(media),
        "delivery": delivered(attributes),
        "reach": reach(attributes),
    }


def fraud(attributes: dict[str, Any]) -> Features:
    late = delivered(attributes)
    return {"undelivered": None if late is None else 1 - late, "order": order(attributes, 5000.0)}


MODELS: dict[str, tuple[Callable[[dict[str, Any]], Features], dict[str, float]]] = {
    "trust": (trust, {"delivery": 0.5, "reach": 0.3, "order": 0.2}),
    "quality": (quality, {"order": 0.4, "media": 0.3, "delivery": 0.2, "reach": 0.1}),
    "fraud": (fraud, {"undelivered": 0.6, "order": 0.4}),
}


def weigh(features: Features, weights: dict[str, float]) -> dict[str, Any]:
    known = {name: value for name, value in features.items() if value is not None}
    total = sum(weights[name] for name in known)
    return {
        "value": round(sum(weights[name] * value for name, value in known.items()) / total, 6) if total else 0.5,
        "confidence": round(total / sum(weights.values()), 6),
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    }
