"""What time it is for AWS: the clock of this machine may be off, and that of the local engine runs ahead.

Source: HTTP, "Date"; AWS refuses a request whose own time is more than 5 minutes off.
"""

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from ceap.aws.session import Aws


def now_of(aws: Aws) -> float:
    """Return the time in seconds since the epoch; anyone may make the call."""
    return time_of(aws.client("sts").get_caller_identity())


def time_of(answer: Mapping[str, Any]) -> float:
    """Return when AWS gave an answer, in seconds since the epoch; of one without a date, this machine's time."""
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(date).timestamp() if date else time.time()
