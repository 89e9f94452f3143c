"""Waiting for AWS: calls that are repeated with growing pauses, up to a limit."""

import time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

FIRST_S: Final = 0.5
LONGEST_S: Final = 10.0
GROWTH: Final = 1.5


class Waiting(NamedTuple):
    """Real time, or that of a test."""

    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.monotonic

    def tries(self, limit_s: float) -> Iterator[None]:
        """Yield at once, then after each pause, the last time when the limit is reached."""
        end, pause_s = self.now() + limit_s, FIRST_S
        yield
        while (left_s := end - self.now()) > 0:
            self.sleep(min(pause_s, left_s))
            pause_s = min(pause_s * GROWTH, LONGEST_S)
            yield
