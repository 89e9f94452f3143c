"""The virtual clock of queues, retriers, Wait states and machine timeouts, which jumps when nothing works.

Time flows as real time does, and jumps to the next due moment only when no activity is under way. So a visibility
timeout of 30 minutes passes at once, and no wait is ever shorter than the work beside it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple


class _Wait(NamedTuple):
    due: float
    is_over: Callable[[], bool]


class Clock:
    """One virtual time, in seconds since the epoch; any thread may use it.

    An *activity* is work that time must not jump over. A thread sleeps on the clock inside an activity, which does not
    hold time back while it sleeps.
    """

    def __init__(self) -> None:
        self._changed: Final = threading.Condition()
        self._offset_s = 0.0
        self._active = 0
        self._ended = 0
        self._sleepers: list[_Wait] = []
        self._deadlines: list[_Wait] = []

    @property
    def offset_s(self) -> float:
        """How far virtual time is ahead of real time, in seconds."""
        return self._offset_s

    def now(self) -> float:
        return time.time() + self._offset_s

    @contextmanager
    def activity(self) -> Iterator[None]:
        """Hold time back while the block runs."""
        self.begin()
        try:
            yield
        finally:
            self.end()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep time from jumping while the block runs, but for the waits in it."""
        with self._changed:
            yield

    def begin(self) -> None:
        """Begin an activity that another thread ends."""
        with self._changed:
            self._active += 1

    def end(self) -> None:
        with self._changed:
            self._active -= 1
            self._ended += 1
            self._changed.notify_all()

    def sleep(self, seconds: float, interrupted: Callable[[], bool] = lambda: False) -> None:
        """Return once so much virtual time has passed or `interrupted()` holds; the caller does not hold time back."""
        self._wait_until(self.now() + seconds, self._sleepers, interrupted)

    def wait(self, begin: Callable[[], None], done: Callable[[], bool], timeout_s: float) -> bool:
        """Call `begin`; return True as soon as `done()` holds, or False once that much virtual time has passed.

        The thread that makes `done` true calls `wake`. The work waited for is an activity of its own, which holds time
        back.
        """
        with self._changed:
            due = self.now() + timeout_s
            begin()
            return self._wait_until(due, self._deadlines, done)

    def wake(self) -> None:
        """Make every waiting thread look again."""
        with self._changed:
            self._changed.notify_all()

    @property
    def ended(self) -> int:
        """How many activities have ended so far."""
        return self._ended

    def jump(self, next_due: Callable[[], float | None], ended: int, timeout_s: float | None = None) -> bool:
        """Wait until nothing is active, then jump to the earliest of all waits and of `next_due()`.

        Returns True without a jump as soon as more than `ended` activities have ended, for there may be room for
        another, and after so many real seconds.
        Returns False when there is nothing to wait for. Time never goes back: a wait that is due already needs no jump.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_still() or self._ended > ended, timeout_s)
            if not self._is_still():
                return True
            other = next_due()
            moments = [wait.due for wait in (*self._sleepers, *self._deadlines)]
            moments += [] if other is None else [other]
            if not moments:
                return False
            self._offset_s += max(0.0, min(moments) - self.now())
            self._changed.notify_all()
            return True

    def rewind(self, timeout_s: float) -> bool:
        """Go back to real time as soon as nothing is active; False if something still is after so many real seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._active == 0, timeout_s):
                return False
            self._offset_s = 0.0
            return True

    def _wait_until(self, due: float, kind: list[_Wait], done: Callable[[], bool]) -> bool:
        wait = _Wait(due, done)
        with self._changed:
            kind.append(wait)
            self._changed.notify_all()
            try:
                while not done() and (left := due - self.now()) > 0:
                    self._changed.wait(min(left, threading.TIMEOUT_MAX))
                return done()
            finally:
                kind.remove(wait)
                self._changed.notify_all()

    def _is_still(self) -> bool:
        now = self.now()
        # A waiter whose time is over may not have woken yet; count it as active.
        if any(wait.is_over() for wait in self._deadlines):
            return False
        return self._active <= sum(wait.due > now and not wait.is_over() for wait in self._sleepers)


CLOCK: Final = Clock()
"""The clock of this process: moto is hooked once per process, so all its engines share one time."""
