"""The virtual clock jumps when all wait, and never past a wait or under work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ceap.local.clock import Clock


def begin(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def nothing_else() -> None:
    return None


def test_a_sleep_of_a_week_takes_no_time() -> None:
    clock, began = Clock(), time.monotonic()
    clock.begin()
    sleeper = begin(lambda: clock.sleep(7 * 86_400))
    assert clock.jump(nothing_else, clock.ended)
    sleeper.join(5)
    assert clock.offset_s > 7 * 86_400 - 5
    assert time.monotonic() - began < 5


def test_time_jumps_to_the_earliest_wait_first() -> None:
    clock, order = Clock(), list[int]()
    for seconds in (300, 20, 40):
        clock.begin()

        def work(seconds: int = seconds) -> None:
            clock.sleep(seconds)
            order.append(seconds)
            clock.end()

        begin(work)
    while clock.jump(nothing_else, clock.ended):
        pass
    assert order == [20, 40, 300]


def test_time_waits_for_an_activity() -> None:
    clock, seen = Clock(), list[str]()
    clock.begin()
    jumper = begin(lambda: seen.append(f"jumped {clock.jump(lambda: clock.now() + 1000, clock.ended)}"))
    assert jumper.is_alive()
    assert clock.offset_s == 0
    seen.append("worked")
    clock.end()
    jumper.join(5)
    assert seen == ["worked", "jumped True"]
    assert clock.offset_s > 990


def test_the_end_of_an_activity_is_told_before_all_are_still() -> None:
    clock, seen = Clock(), list[bool]()
    clock.begin()
    with clock.activity():
        jumper = begin(lambda: seen.append(clock.jump(nothing_else, clock.ended)))
    jumper.join(5)
    assert seen == [True]
    assert clock.offset_s == 0


def test_without_anything_to_wait_for_there_is_no_jump() -> None:
    clock = Clock()
    assert not clock.jump(nothing_else, clock.ended)
    assert clock.offset_s == 0


def test_a_moment_that_has_passed_does_not_turn_time_back() -> None:
    clock = Clock()
    assert clock.jump(lambda: clock.now() - 100, clock.ended)
    assert clock.offset_s == 0


def test_what_is_waited_for_ends_the_wait_before_its_time() -> None:
    clock, done = Clock(), threading.Event()
    answers = list[bool]()
    waiter = begin(lambda: answers.append(clock.wait(lambda: None, done.is_set, 3600)))
    done.set()
    clock.wake()
    waiter.join(5)
    assert answers == [True]


def test_a_deadline_passes_while_the_work_it_guards_sleeps() -> None:
    clock, answers = Clock(), list[bool]()
    clock.begin()

    def wait() -> None:
        with clock.held():
            answers.append(clock.wait(lambda: None, lambda: False, 50))

    waiter = begin(wait)
    begin(lambda: clock.sleep(60))
    while not answers:
        clock.jump(nothing_else, clock.ended)
    waiter.join(5)
    assert answers == [False]
    assert clock.offset_s < 60


def test_a_sleep_ends_when_it_is_interrupted() -> None:
    clock, stopped = Clock(), threading.Event()
    sleeper = begin(lambda: clock.sleep(3600, interrupted=stopped.is_set))
    stopped.set()
    clock.wake()
    sleeper.join(5)
    assert not sleeper.is_alive()


def test_time_does_not_jump_to_the_end_of_a_wait_that_is_over_but_has_not_woken() -> None:
    waits: list[Callable[[Clock, Callable[[], bool]], object]] = [
        lambda clock, over: clock.sleep(400, interrupted=over),
        lambda clock, over: clock.wait(lambda: None, over, 400),
    ]
    for wait in waits:
        clock, over, asked = Clock(), threading.Event(), threading.Event()

        def is_over(over: threading.Event = over, asked: threading.Event = asked) -> bool:
            asked.set()
            return over.is_set()

        def work(
            clock: Clock = clock, wait: Callable[..., object] = wait, is_over: Callable[[], bool] = is_over
        ) -> None:
            wait(clock, is_over)
            clock.end()

        clock.begin()
        begin(work)
        assert asked.wait(5)
        with clock.held():
            over.set()
            waker = begin(clock.wake)  # cannot, before the jump below lets go of the clock
            clock.jump(nothing_else, clock.ended)
        waker.join(5)
        assert clock.offset_s == 0


def test_what_a_wait_begins_cannot_make_time_jump_over_its_end() -> None:
    clock = Clock()
    done, never = threading.Event(), threading.Event()

    def work() -> None:
        clock.sleep(400)
        done.set()

    def start() -> None:
        threading.Thread(target=work, daemon=True).start()
        never.wait(0.05)  # room for time to jump to the end of the work

    answers: list[bool] = []
    waiter = threading.Thread(target=lambda: answers.append(clock.wait(start, done.is_set, 300)), daemon=True)
    waiter.start()
    while waiter.is_alive():
        clock.jump(lambda: None, clock.ended)
    assert answers == [False]


def test_it_goes_back_to_real_time_once_nothing_is_active() -> None:
    clock, worked = Clock(), threading.Event()
    clock.begin()

    def work() -> None:
        clock.sleep(1000)
        worked.wait(5)
        clock.end()

    sleeper = begin(work)
    assert clock.jump(nothing_else, clock.ended)
    assert not clock.rewind(timeout_s=0)
    assert clock.offset_s > 990
    worked.set()
    assert clock.rewind(timeout_s=5)
    assert clock.offset_s == 0
    sleeper.join(5)


def test_a_jump_waits_for_an_activity_no_longer_than_it_may() -> None:
    clock = Clock()
    with clock.activity():
        assert clock.jump(lambda: clock.now() + 1000, clock.ended, timeout_s=0.01)
    assert clock.offset_s == 0


def test_time_does_not_jump_over_what_a_wait_that_is_over_does_next() -> None:
    clock, over, waits = Clock(), threading.Event(), threading.Event()

    def is_over() -> bool:
        waits.set()
        return over.is_set()

    waiter = begin(lambda: clock.wait(nothing_else, is_over, 400))
    assert waits.wait(5)
    with clock.held():
        over.set()
        waker = begin(clock.wake)  # cannot, before the jump below lets go of the clock
        assert not clock.jump(nothing_else, clock.ended)  # by then there is nothing to wait for
    waker.join(5)
    waiter.join(5)
    assert clock.offset_s == 0
