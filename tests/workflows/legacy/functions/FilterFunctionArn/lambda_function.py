"""Filter as it was before ceap: takes candidates, returns those that are worth an engagement."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import boto3  # type: ignore[import-untyped]  # it ships no types


def lambda_handler(event: list[dict[str, Any]], context: Any) -> list[dict[str, Any]]:
    return [candidate for candidate in event if passes(candidate)]


def passes(candidate: dict[str, Any]) -> bool:
    attributes = candidate["attributes"]
    if not any(attributes["channelEligibility"].values()):
        return False
    contexts = {context["type"]: context["id"] for context in candidate["context"]}
    least = min_order_value(contexts["program"], contexts["marketplace"])
    return least is None or attributes.get("orderValue", 0.0) >= least


@cache
def min_order_value(program: str, marketplace: str) -> float | None:
    table = os.environ["TABLE_PROGRAM_CONFIG"]
    keys = [{"PK": f"PROGRAM#{program}", "SK": sort} for sort in ("CONFIG", f"MARKETPLACE#{marketplace}")]
    answer = boto3.resource("dynamodb").batch_get_item(RequestItems={table: {"Keys": keys}})
    least = None
    for row in sorted(answer["Responses"][table], key=lambda row: str(row["SK"])):
        value = row.get("filterSettings", {}).get("business_rule", {}).get("min_order_value")
        least = least if value is None else float(value)
    return least
