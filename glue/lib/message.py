"""The message, which a first job reads instead of a stage document."""

import json
from typing import Any

from lib.errors import JobError
from lib.members import to_json
from lib.settings import Settings


def read_message(s3: Any, bucket: str, key: str, settings: Settings) -> list[str]:
    """Return the records of the message as JSON, each with the fields of the message that the settings name."""
    text = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    try:
        # Step Functions writes the body, which is a string, as a JSON string.
        message = json.loads(json.loads(text))
        added = {name: message[name] for name in settings.message_fields if message.get(name)}
        source = message["source"]
        if source["kind"] != "inline" or not all(isinstance(record, dict) for record in source["records"]):
            raise ValueError("its source is not of kind inline with a list of objects")
        texts = [to_json(record if settings.complete_if in record else added | record) for record in source["records"]]
        # Python accepts lone surrogates and NaN; other parsers do not.
        to_json(message, allow_nan=False).encode()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        example = dict.fromkeys(settings.message_fields, "...") | {"source": {"kind": "inline", "records": [{}]}}
        raise JobError(
            f"the input holds no message: {type(error).__name__}: {error}; send JSON such as {json.dumps(example)}"
        ) from error
    return texts
