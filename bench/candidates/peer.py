"""The anchor: Filter and Score as one would write them with the standard library, line by line over files.

`python bench/peer.py filter IN OUT REJECTED`. What leaves out checks of types and of the document's format is to the
anchor's advantage.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, TextIO, TypeAlias

Record: TypeAlias = dict[str, Any]

NOW = datetime.now(UTC)
WEIGHTS = {
    "trust": {"delivery": 0.5, "reach": 0.3, "order": 0.2},
    "quality": {"order": 0.4, "media": 0.3, "delivery": 0.2, "reach": 0.1},
    "fraud": {"undelivered": 0.6, "order": 0.4},
}
HALF = {"trust": 20.0, "quality": 20.0, "fraud": 5000.0}


def dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def read(path: str) -> Iterator[Record]:
    with Path(path).open(encoding="utf-8", newline="\n") as lines:
        next(lines)
        for line in lines:
            if line.startswith("]"):
                return
            yield json.loads(line.removesuffix("\n").removesuffix(","))


def write(path: str, records: Iterable[Record]) -> None:
    count = 0
    with Path(path).open("w", encoding="utf-8", newline="\n") as out:
        header = {"executionId": "input", "stage": "PeerStage", "startedAt": f"{NOW:%Y-%m-%dT%H:%M:%SZ}"}
        out.write(dump(header)[:-1] + ',"data":[')
        for record in records:
            out.write(",\n" if count else "\n")
            out.write(dump(record))
            count += 1
        out.write('\n],"metadata":' + dump({"outputRecordCount": count}) + "}\n")


def filter_records(records: Iterator[Record], rejected: TextIO, settings: Record) -> Iterator[Record]:
    eligibility, rule = settings["filters"]
    for record in records:
        attributes = record["attributes"]
        channels = attributes["channelEligibility"]
        missing = [name for name in eligibility["required_channels"] if not channels.get(name)]
        name = "eligibility"
        if missing:
            code, reason = "CHANNEL_INELIGIBLE", f"not eligible for {', '.join(missing)}"
        elif not any(channels.values()):
            code, reason = "CHANNEL_INELIGIBLE", "not eligible for any channel"
        else:
            name, least = "business_rule", rule["min_order_value"]
            age = NOW - datetime.fromisoformat(attributes["eventDate"])
            if "orderValue" not in attributes:
                code, reason = "ORDER_VALUE_MISSING", "has no orderValue"
            elif attributes["orderValue"] < least:
                code, reason = "ORDER_VALUE_LOW", f"orderValue is below {least:.1f}"
            elif age > timedelta(days=rule["max_days_since_event"]):
                code, reason = "EVENT_TOO_OLD", f"the event is more than {rule['max_days_since_event']} days old"
            else:
                yield record
                continue
        rejected.write(dump({"code": code, "reason": reason, "filter": name, "record": record}) + "\n")


def score_records(records: Iterator[Record], rejected: TextIO, settings: Record) -> Iterator[Record]:
    del rejected, settings
    expires = int(NOW.timestamp()) + 3600
    while batch := list(islice(records, 100)):
        asked = {(number, model): cache_key(record, model) for number, record in enumerate(batch) for model in WEIGHTS}
        get_items([{"PK": {"S": partition}, "SK": {"S": sort}} for partition, sort in set(asked.values())])
        requests = {}
        for (number, model), (partition, sort) in asked.items():
            score = judge(batch[number], model)
            batch[number].setdefault("scores", {})[model] = score
            requests[partition, sort] = {
                "PK": {"S": partition},
                "SK": {"S": sort},
                "score": {"S": dump(score)},
                "candidateVersion": {"N": repr(batch[number]["metadata"]["version"])},
                "ttl": {"N": repr(expires)},
            }
        put_items([{"PutRequest": {"Item": item}} for item in requests.values()])
        yield from batch


def cache_key(record: Record, model: str) -> tuple[str, str]:
    subject = record["subject"]
    parts = ("CUSTOMER", record["customerId"], "SUBJECT", subject["type"], subject["id"])
    return join(parts), join(("MODEL", model, "1"))


def join(parts: Iterable[str]) -> str:
    return "#".join(part.replace("%", "%25").replace("#", "%23") for part in parts)


def get_items(keys: list[Record]) -> list[Record]:
    return keys[:0]


def put_items(requests: list[Record]) -> list[Record]:
    return requests[:0]


def judge(record: Record, model: str) -> Record:
    attributes, weights = record["attributes"], WEIGHTS[model]
    channels, order = attributes["channelEligibility"], attributes.get("orderValue")
    features = {}
    if order is not None:
        features["order"] = order / (abs(order) + HALF[model])
    if "mediaEligible" in attributes:
        features["media"] = float(attributes["mediaEligible"])
    if "deliveryDate" in attributes:
        event, delivery = (datetime.fromisoformat(attributes[name]) for name in ("eventDate", "deliveryDate"))
        features["delivery"] = float(delivery >= event)
        features["undelivered"] = 1 - features["delivery"]
    if channels:
        features["reach"] = sum(channels.values()) / len(channels)
    # In the order of the weights, which are the model's: a sum of floats depends on it.
    features = {name: features[name] for name in weights if name in features}
    known = sum(weights[name] for name in features)
    value = sum(weights[name] * value for name, value in features.items()) / known
    return {
        "value": round(value, 6),
        "confidence": round(known / sum(weights.values()), 6),
        "timestamp": NOW.isoformat().replace("+00:00", "Z"),
    }


if __name__ == "__main__":
    stage, source, target, refused = sys.argv[1:]
    process = {"filter": filter_records, "score": score_records}[stage]
    with Path(refused).open("w", encoding="utf-8", newline="\n") as lines:
        write(target, process(read(source), lines, json.loads(os.environ.get("SETTINGS", "{}"))))
