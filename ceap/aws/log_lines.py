"""Lines of log groups, as FilterLogEvents answers them; the lines of services may arrive late, or never.

Source: CloudWatch Logs API Reference, "FilterLogEvents"; Step Functions Developer Guide, "Using CloudWatch Logs".
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.errors import code_of
from ceap.aws.session import Aws

_STREAMS_MAX: Final = 100


class LogLine(msgspec.Struct, frozen=True):
    """A line; its time is in seconds since the epoch, and `id` is that of its event, which no other line has."""

    timestamp_s: float
    stream: str
    message: str
    id: str = ""


def read_lines(
    aws: Aws,
    group: str,
    term: str | Sequence[str] | None = None,
    *,
    since_s: float | None = None,
    until_s: float | None = None,
    streams: Sequence[str] = (),
) -> Iterator[LogLine]:
    """Yield the lines of a log group in the order of their times, as far as AWS has it; none without such a group.

    Only lines that hold `term` as a text, or one of several, that are of the time, and of one of the streams, if any
    are named. All terms together have at most some 900 characters: AWS takes patterns of 1,024.
    """
    given: dict[str, Any] = {"logGroupName": group}
    if term is not None:
        given["filterPattern"] = json.dumps(term) if isinstance(term, str) else _any_of(term)
    if since_s is not None:
        given["startTime"] = math.floor(since_s * 1000)
    if until_s is not None:
        given["endTime"] = math.ceil(until_s * 1000)
    paginator = aws.client("logs").get_paginator("filter_log_events")
    wanted = list(streams)
    parts = [wanted[at : at + _STREAMS_MAX] for at in range(0, len(wanted), _STREAMS_MAX)] or [[]]
    try:
        for part in parts:
            for page in paginator.paginate(**given, **({"logStreamNames": part} if part else {})):
                for event in page["events"]:
                    yield LogLine(event["timestamp"] / 1000, event["logStreamName"], event["message"], event["eventId"])
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise


def _any_of(terms: Sequence[str]) -> str:
    return " ".join(f"?{json.dumps(term)}" for term in terms)


def streams_of(aws: Aws, group: str, prefix: str) -> list[str]:
    """Return the names of the streams of a log group that begin with a prefix; none without such a group."""
    pages = aws.client("logs").get_paginator("describe_log_streams")
    try:
        found = pages.paginate(logGroupName=group, logStreamNamePrefix=prefix)
        return [stream["logStreamName"] for page in found for stream in page["logStreams"]]
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        return []


def parsed(text: str | bytes) -> dict[str, Any]:
    """Return a JSON object; an empty one for any other text, such as a line of a log that is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
