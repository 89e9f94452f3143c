"""What sends messages by itself, as declared: a schedule, and the objects that appear in the source bucket."""

import json
import re
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from handlers.runtime.needs import whole

MESSAGE: Final = '{"source": {"kind": "s3", "bucket": <bucket>, "key": <key>}}'
"""The message of a new object. Without quotes around them, EventBridge puts in each value as JSON, quoted and escaped.

Source: EventBridge User Guide, "Amazon EventBridge input transformation".
"""

PATHS: Final = {"bucket": "$.detail.bucket.name", "key": "$.detail.object.key"}
"""Where the values of the message stand in the event. Source: Amazon S3 User Guide, "EventBridge event message"."""

_KEY_PART: Final = r"[^\x00-\x1f\x7f]{1,512}"


class Schedule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message that is sent again and again, or once: the one that `--message` would send, as a mapping."""

    expression: Annotated[
        str, Meta(description="as EventBridge Scheduler has it: cron(0 2 * * ? *), rate(15 minutes), at(...)")
    ]
    message: Annotated[dict[str, Any], Meta(description="the message, as the first stage takes it")]
    timezone: Annotated[str, Meta(description="an IANA time zone, such as Europe/Berlin")] = "UTC"

    @property
    def body(self) -> str:
        """The text of the message, as it is sent."""
        return msgspec.json.encode(self.message).decode()


class ObjectEvents(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which new objects of the source bucket are sent, each as a message of its own; without a key, all of them."""

    prefix: Annotated[str, Meta(pattern=whole(_KEY_PART), description="what the keys begin with")] | None = None
    suffix: Annotated[str, Meta(pattern=whole(_KEY_PART), description="what the keys end in")] | None = None


def object_message(bucket: str, key: str) -> str:
    """Return the message of a new object."""
    values = {"bucket": bucket, "key": key}
    return re.sub("<(bucket|key)>", lambda found: json.dumps(values[found[1]], ensure_ascii=False), MESSAGE)
