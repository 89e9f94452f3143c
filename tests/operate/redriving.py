"""Redrives as tests ask for them."""

from __future__ import annotations

from collections.abc import Callable

from ceap.aws.moment import now_of
from ceap.operate.redrive import Means, Options, Request, redrive
from ceap.operate.redrive_check import Terms
from ceap.operate.redrive_report import Report, report_lines
from ceap.operate.selection import Wanted
from tests.operated import Operated

CALL = "--env dev standard.yaml"
ALL = Wanted()


def call(
    operated: Operated,
    *names: str,
    wanted: Wanted = ALL,
    since_s: float | None = None,
    limit: int | None = None,
    old_definition: bool = False,
    again: bool = False,
    dry_run: bool = False,
    wait: bool = False,
    consent: Callable[[str], bool] = lambda _: True,
    told: list[str] | None = None,
) -> Report:
    """Redrive, and let the engine do all that was begun, meanwhile if it is waited for."""
    request = Request(names, wanted, since_s, limit)
    options = Options(Terms(old_definition, again, CALL), consent, dry_run, wait, rate=1000)
    means = Means((told if told is not None else []).append, now_of(operated.aws), lambda _: drain(operated))
    report = redrive(operated.aws, operated.workflow, request, options, means)
    drain(operated)
    return report


def drain(operated: Operated) -> None:
    operated.engine.drain()


def refusal(report: Report) -> str:
    assert (report.redriven, report.planned) == ((), ())
    [refused] = report.refused
    return f"{refused.why}: {refused.reason}"


def lines(report: Report) -> list[str]:
    return list(report_lines(report))
