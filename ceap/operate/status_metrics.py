"""Metrics of a deployed workflow: the ages of the oldest messages, and how many EXPRESS executions ended how.

Sources: CloudWatch API Reference, "GetMetricData"; SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS";
Step Functions Developer Guide, "Monitoring Step Functions metrics using Amazon CloudWatch".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

from ceap.aws.session import Aws
from ceap.operate.status_facts import Counts

Series: TypeAlias = Mapping[float, float]
"""A value for the beginning of each period that has one."""

OUTCOMES: Final = ("Succeeded", "Failed", "TimedOut", "Aborted")
UNSUCCESSFUL: Final = OUTCOMES[1:]

_AGE: Final = "ApproximateAgeOfOldestMessage"
_AGE_S: Final = 15 * 60
"""How far back a value of the age is taken: SQS tells it each minute, some minutes late."""
_DAY_S: Final = 86_400


class _Query(NamedTuple):
    namespace: str
    metric: str
    dimension: str
    value: str
    statistic: str
    period_s: int


def read_ages(aws: Aws, queues: Mapping[str, str], now: float) -> dict[str, float]:
    """Return the age of the oldest message of queues, by the keys that their names are given by, as far as it is known.

    In a dead-letter queue it is how long the message has been there. SQS leaves out messages that were received three
    times, so the oldest may be older.
    """
    asked = {key: _Query("AWS/SQS", _AGE, "QueueName", name, "Maximum", 60) for key, name in queues.items()}
    found = _read(aws, asked, now - _AGE_S, now)
    return {key: series[max(series)] for key, series in found.items() if series}


def read_outcomes(aws: Aws, machine: str, since: float, now: float) -> dict[str, Series]:
    """Return how many executions of a state machine started and ended how, by `Started` and OUTCOMES.

    Periods begin at the same moments whenever it is asked.
    """
    period_s = outcome_period_s(now - since)
    asked = {
        name: _Query("AWS/States", f"Executions{name}", "StateMachineArn", machine, "Sum", period_s)
        for name in ("Started", *OUTCOMES)
    }
    return _read(aws, asked, since // period_s * period_s, now)


def outcome_period_s(reach_s: float) -> int:
    """Return the period of those counts. CloudWatch keeps minutes for 15 days, and 5 minutes for 63."""
    return 60 if reach_s <= _DAY_S else 300 if reach_s <= 15 * _DAY_S else 3600


def counts_in(outcomes: Mapping[str, Series]) -> Counts:
    started, *ended = (round(sum(outcomes[name].values())) for name in ("Started", *OUTCOMES))
    succeeded, failed, timed_out, aborted = ended
    return Counts(
        running=max(0, started - sum(ended)),
        succeeded=succeeded,
        failed=failed,
        timed_out=timed_out,
        aborted=aborted,
    )


def unsuccessful_in(outcomes: Mapping[str, Series]) -> dict[float, int]:
    """Return how many executions did not succeed, for each period that has such."""
    found: dict[float, int] = {}
    for name in UNSUCCESSFUL:
        for moment, value in outcomes[name].items():
            if value:
                found[moment] = found.get(moment, 0) + round(value)
    return found


def _read(aws: Aws, asked: Mapping[str, _Query], since: float, now: float) -> dict[str, Series]:
    queries = [
        {
            "Id": f"q{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": query.namespace,
                    "MetricName": query.metric,
                    "Dimensions": [{"Name": query.dimension, "Value": query.value}],
                },
                "Period": query.period_s,
                "Stat": query.statistic,
            },
        }
        for number, query in enumerate(asked.values())
    ]
    pages = aws.client("cloudwatch").get_paginator("get_metric_data")
    found: dict[str, dict[float, float]] = {str(query["Id"]): {} for query in queries}
    # A value of the current minute is that of the period which ends after now.
    for page in pages.paginate(MetricDataQueries=queries, StartTime=since, EndTime=now + 60):
        for result in page["MetricDataResults"]:
            moments = (moment.timestamp() for moment in result["Timestamps"])
            found[result["Id"]].update(zip(moments, result["Values"], strict=True))
    return dict(zip(asked, found.values(), strict=True))
