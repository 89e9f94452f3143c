"""Waiting for AWS up to a limit."""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ceap.aws.pace import Pace


class Waiting(NamedTuple):
    """Real time, or that of a test."""

    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic

    def tries(self, limit_s: float) -> Iterator[None]:
        """Yield at once, then after each pause, the last time when the limit is reached."""
        end = self.now() + limit_s
        for _ in Pace(lambda seconds: self.sleep(min(seconds, end - self.now()))):
            yield
            if self.now() >= end:
                return
