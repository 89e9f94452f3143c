"""The structured log of the handlers: one JSON object per line. Never log a customer id."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger


@cache
def logger() -> Logger:
    """Return the logger, made at the first call; POWERTOOLS_SERVICE_NAME names the service in each line."""
    from aws_lambda_powertools import Logger

    return Logger()
