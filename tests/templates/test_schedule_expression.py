from __future__ import annotations

import pytest

from templates.schedule_expression import expression_problem


@pytest.mark.parametrize(
    "expression",
    [
        "cron(0 2 * * ? *)",
        "cron(0/15 8-17 ? * MON-FRI *)",
        "cron(*/10 0,12 1,15 JAN,jul ? 2026-2030)",
        "cron(30 9 LW * ? *)",
        "cron(30 9 15W * ? *)",
        "cron(0 0 ? 1/3 6#3 *)",
        "cron(0 0 ? * FRIL *)",
        "rate(1 minute)",
        "rate(12 hours)",
        "at(2027-01-31T02:00:00)",
    ],
)
def test_what_eventbridge_scheduler_takes_has_no_problem(expression: str) -> None:
    assert expression_problem(expression) is None


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        (
            "0 2 * * ? *",
            "is no time that EventBridge Scheduler knows; write cron(0 2 * * ? *), rate(15 minutes) or "
            "at(2027-01-31T02:00:00)",
        ),
        (
            "cron(0 2 * * *)",
            "has 5 fields; cron takes 6: minutes, hours, day-of-month, month, day-of-week, year; write e.g. "
            "cron(0 2 * * ? *)",
        ),
        ("cron(60 2 * * ? *)", "has '60' as minutes; allowed: 0 to 59, and * , - /, e.g. 1-5"),
        ("cron(0 2-3-4 * * ? *)", "has '2-3-4' as hours; allowed: 0 to 23, and * , - /, e.g. 1-5"),
        ("cron(0 1,,2 * * ? *)", "has '1,,2' as hours; allowed: 0 to 23, and * , - /, e.g. 1-5"),
        ("cron(0 5-2 * * ? *)", "has '5-2' as hours; allowed: 0 to 23, and * , - /, e.g. 1-5"),
        ("cron(0 2/0 * * ? *)", "has '2/0' as hours; allowed: 0 to 23, and * , - /, e.g. 1-5"),
        ("cron(0 2 ? * 0 *)", "has '0' as day-of-week; allowed: 1 to 7, SUN to SAT, and * , - /, e.g. 1-5"),
        ("cron(0 2 1 13 ? *)", "has '13' as month; allowed: 1 to 12, JAN to DEC, and * , - /, e.g. 1-5"),
        ("cron(0 2 1 1 ? 1969)", "has '1969' as year; allowed: 1970 to 2199, and * , - /, e.g. 1-5"),
        (
            "cron(0 2 * * * *)",
            "names the day twice, or not at all; write ? for either day-of-month or day-of-week, as in 0 2 * * ? *",
        ),
        (
            "cron(0 2 ? * ? *)",
            "names the day twice, or not at all; write ? for either day-of-month or day-of-week, as in 0 2 * * ? *",
        ),
        (
            "rate(1 minutes)",
            "is no rate; write a whole number and minutes, hours or days: rate(1 hour), rate(15 minutes)",
        ),
        (
            "rate(5 minute)",
            "is no rate; write a whole number and minutes, hours or days: rate(1 hour), rate(15 minutes)",
        ),
        (
            "rate(30 seconds)",
            "is no rate; write a whole number and minutes, hours or days: rate(1 hour), rate(15 minutes)",
        ),
        (
            "at(2027-02-30T02:00:00)",
            "is no moment; write at(2027-01-31T02:00:00), without a time zone, which has a key of its own",
        ),
        (
            "at(2027-1-31T2:00:00)",
            "is no moment; write at(2027-01-31T02:00:00), without a time zone, which has a key of its own",
        ),
        (
            "at(2027-01-31T02:00:00Z)",
            "is no moment; write at(2027-01-31T02:00:00), without a time zone, which has a key of its own",
        ),
    ],
)
def test_anything_else_is_told_what_to_write(expression: str, problem: str) -> None:
    assert expression_problem(expression) == problem
