"""How often AWS is asked whether something has ended: often at first, then less and less."""

import time
from collections.abc import Callable, Iterator
from typing import Final

FIRST_S: Final = 0.2
LAST_S: Final = 5.0
"""AWS throttles those who ask more often for long; a stack takes minutes."""
_GROWTH: Final = 1.3


class Pace:
    """Iterates without end, and sleeps between two rounds; `quicken` starts anew, as something has happened."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep: Final = sleep
        self._wait_s = 0.0

    def __iter__(self) -> Iterator[None]:
        self._wait_s = 0.0
        while True:
            yield
            self._wait_s = min(max(self._wait_s * _GROWTH, FIRST_S), LAST_S)
            self._sleep(self._wait_s)

    def quicken(self) -> None:
        self._wait_s = 0.0
