from __future__ import annotations

from ceap.aws.pace import FIRST_S, LAST_S
from ceap.deploy.smoke.waiting import Waiting


def test_pauses_grow_to_a_limit_and_the_last_try_is_at_the_end() -> None:
    now, pauses = [0.0], list[float]()

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    tries = sum(1 for _ in Waiting(sleep, lambda: now[0]).tries(60))
    assert pauses[:-1] == sorted(pauses[:-1])
    assert (pauses[0], max(pauses), now, tries) == (FIRST_S, LAST_S, [60.0], len(pauses) + 1)


def test_without_time_there_is_one_try() -> None:
    assert len(list(Waiting().tries(0))) == 1
