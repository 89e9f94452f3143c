"""The time is that of AWS, whatever the clock of this machine says."""

from __future__ import annotations

import pytest

from ceap.aws.moment import now_of, time_of
from ceap.aws.session import Aws
from ceap.local.clock import CLOCK


def test_an_answer_of_the_engine_has_the_time_of_its_virtual_clock(aws: Aws) -> None:
    before = int(CLOCK.now())
    assert before <= now_of(aws) <= CLOCK.now()


def test_an_answer_says_its_time_to_the_second() -> None:
    headers = {"date": "Sun, 29 Nov 2026 22:00:05 GMT"}
    assert time_of({"ResponseMetadata": {"HTTPHeaders": headers}}) == 1795989605.0


def test_an_answer_without_a_date_has_the_time_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 7.0)
    assert time_of({}) == 7.0
