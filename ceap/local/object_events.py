"""New objects of S3 on the event bus: the event, and the rules on it that the engine models.

Source: Amazon S3 User Guide, "EventBridge event message structure"; EventBridge User Guide, "Amazon EventBridge input
transformation" and "Comparison operators".
"""

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any, Final

from ceap.local.sessions import REGION
from ceap.local.stack_models import ResourceError

SOURCE: Final = "aws.s3"
FILTERS: Final = {"prefix", "suffix", "wildcard"}
PATHS: Final = {"$.detail.bucket.name", "$.detail.object.key"}
_VARIABLE: Final = re.compile("<([A-Za-z0-9_.-]+)>")


def build_event(account: str, bucket: str, key: str, size_bytes: int, time: str) -> dict[str, Any]:
    """Return the event of a new object; its key is as it is, not URL-encoded."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Object Created",
        "source": SOURCE,
        "account": account,
        "time": time,
        "region": REGION,
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {"key": key, "size": size_bytes},
            "reason": "PutObject",
        },
    }


def is_about_objects(pattern: Mapping[str, Any]) -> bool:
    return SOURCE in pattern.get("source", ())


def check_pattern(name: str, pattern: Mapping[str, Any]) -> None:
    """Check the pattern of a rule on new objects; ResourceError for any other form than the templates have."""
    detail = pattern.get("detail", {})
    buckets, keys = _at(detail, "bucket", "name"), _at(detail, "object", "key")
    built = {"bucket": {"name": buckets}} | ({"object": {"key": keys}} if keys else {})
    expected = {"source": [SOURCE], "detail-type": ["Object Created"], "detail": built}
    are_texts = isinstance(buckets, list) and all(isinstance(bucket, str) for bucket in buckets)
    are_filters = isinstance(keys, list) and all(_is_filter(key) for key in keys)
    if pattern != expected or not are_texts or not (keys is None or are_filters):
        raise ResourceError(
            f"{name}: the local engine does not model this EventPattern; of new objects it knows bucket.name and "
            f"object.key by {', '.join(sorted(FILTERS))}"
        )


def check_transformer(name: str, transformer: Mapping[str, Any]) -> None:
    """Check what makes the message of an event; ResourceError if it is no JSON, or the engine does not model it.

    A variable stands for a whole value: inside quotes EventBridge would put a text in without escapes.
    """
    paths, template = transformer.get("InputPathsMap", {}), transformer["InputTemplate"]
    if strange := sorted(set(paths.values()) - PATHS):
        raise ResourceError(f"{name}: the local engine does not model {', '.join(strange)} in InputPathsMap")
    if unknown := sorted(set(_VARIABLE.findall(template)) - set(paths)):
        raise ResourceError(f"{name}: InputPathsMap lacks {', '.join(unknown)} of the InputTemplate")
    try:
        # A name of its own instead of a value: in quotes, or as a key, it is no JSON.
        is_object = isinstance(json.loads(_VARIABLE.sub('{"": ""}', template)), dict)
    except ValueError:
        is_object = False
    if not is_object:
        raise ResourceError(f"{name}: InputTemplate is no JSON object whose variables stand without quotes")


def transform(transformer: Mapping[str, Any], event: Mapping[str, Any]) -> str:
    """Return the message of an event: EventBridge puts in each value as JSON, with quotes and escapes of its own."""
    paths: Mapping[str, str] = transformer["InputPathsMap"]
    values = {name: _at(event, *path.split(".")[1:]) for name, path in paths.items()}
    return _VARIABLE.sub(
        lambda found: json.dumps(values[found[1]], ensure_ascii=False), str(transformer["InputTemplate"])
    )


def _is_filter(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) == 1
        and all(name in FILTERS and isinstance(text, str) for name, text in value.items())
    )


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
