from __future__ import annotations

from ceap.deploy.smoke.waiting import Waiting


def test_pauses_grow_to_a_limit_and_the_last_try_is_at_the_end() -> None:
    now, pauses = [0.0], list[float]()

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    tries = sum(1 for _ in Waiting(sleep, lambda: now[0]).tries(60))
    assert pauses[:4] == [0.5, 0.75, 1.125, 1.6875]
    assert (max(pauses), now, tries) == (10.0, [60.0], len(pauses) + 1)


def test_without_time_there_is_one_try() -> None:
    assert len(list(Waiting().tries(0))) == 1
