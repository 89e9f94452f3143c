"""The states of alarms, evaluated from the metrics of the account whenever somebody asks for them.

An alarm is evaluated for the end of each minute, one that looks back more than a day for that of each hour, and at once
for the current one, with the data that it has so far. As on AWS it looks at two periods more than its own, so that a
value in them counts where later ones are missing. A state that is set by hand stays until the data say something new.
Nothing is notified: an alarm's actions are stored, not called.
Source: CloudWatch User Guide, "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data".
"""

from __future__ import annotations

import bisect
import datetime
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from moto.cloudwatch.models import cloudwatch_backends

from ceap.local.clock import CLOCK
from ceap.local.metric_queries import MetricQueryError, check_query, evaluate, metric_in
from ceap.local.metrics import Metric, Metrics, Sample, metrics_of
from ceap.local.sessions import REGION
from templates import words

MORE_PERIODS: Final = 2
"""How many periods beyond its own an alarm looks at. AWS tells no number; its examples have 5 for 3."""
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_COMPARISONS: Final[Mapping[str, tuple[Callable[[float, float], bool], str]]] = {
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
_TREATMENTS: Final = ("breaching", "notBreaching", "ignore", "missing")
_KEPT: Final = "ceap_evaluation"


class _Evaluation(NamedTuple):
    """Up to when an alarm was evaluated, and the state that the data then meant; one that is set by hand may differ."""

    until: float
    state: str


class _Rule(NamedTuple):
    """What an alarm compares; `returned` is the id of the query that is compared."""

    queries: tuple[Mapping[str, Any], ...]
    returned: str
    period_s: int
    periods: int
    breaching: int
    comparison: str
    threshold: float
    missing: str

    @property
    def step_s(self) -> int:
        return _HOUR_S if self.period_s * self.periods > _DAY_S else _MINUTE_S

    @property
    def range_s(self) -> int:
        return self.period_s * (self.periods + MORE_PERIODS)


def check_alarm(alarm: Any) -> None:
    """Raise MetricQueryError for an alarm, as moto keeps it, that the engine cannot evaluate."""
    _rule(alarm)


def begin(alarm: Any, old: Any | None) -> None:
    """Let an alarm be evaluated from now on; one that is changed keeps the state that it had as `old`."""
    known = vars(old).get(_KEPT) if old else None
    vars(alarm)[_KEPT] = _Evaluation(CLOCK.now(), known.state if known else alarm.state_value)


def evaluate_alarms(account: str) -> None:
    """Bring the states of all alarms of an account up to now; MetricQueryError for one that is not modelled."""
    for alarm in list(cloudwatch_backends[account][REGION].alarms.values()):
        _evaluate(alarm, metrics_of(account))


def _evaluate(alarm: Any, metrics: Metrics) -> None:
    rule = _rule(alarm)
    known: _Evaluation = vars(alarm).get(_KEPT) or _Evaluation(CLOCK.now(), alarm.state_value)
    now = CLOCK.now()
    last = math.ceil(now / rule.step_s) * rule.step_s
    read = _cached(rule, metrics, known.until - rule.range_s - 2 * rule.step_s, last)
    for end in _ends(rule, read, known.until, last):
        values = _values(rule, read, end)
        state = _state(rule, values, known.state)
        if state != known.state:
            known = known._replace(state=state)
            _set(alarm, state, _reason(rule, values, state), min(end, now))
    vars(alarm)[_KEPT] = known._replace(until=max(known.until, now // rule.step_s * rule.step_s))


def _rule(alarm: Any) -> _Rule:
    queries = tuple(_queries(alarm))
    for query in queries:
        check_query(query)
    returned = [query["Id"] for query in queries if query["ReturnData"]]
    periods = {query["MetricStat"]["Period"] for query in queries if "MetricStat" in query}
    missing = alarm.treat_missing_data or "missing"
    if len(returned) != 1 or len(periods) != 1:
        raise MetricQueryError(f"{alarm.name}: exactly one query returns data, and all have one period")
    if alarm.comparison_operator not in _COMPARISONS or missing not in _TREATMENTS or alarm.unit:
        raise MetricQueryError(
            f"{alarm.name}: the local engine models {', '.join(_COMPARISONS)}, the treatments of missing data "
            f"{', '.join(_TREATMENTS)}, and no Unit"
        )
    return _Rule(
        queries=queries,
        returned=returned[0],
        period_s=periods.pop(),
        periods=int(alarm.evaluation_periods),
        breaching=int(alarm.datapoints_to_alarm or alarm.evaluation_periods),
        comparison=alarm.comparison_operator,
        threshold=float(alarm.threshold),
        missing=missing,
    )


def _queries(alarm: Any) -> Iterator[dict[str, Any]]:
    """Yield the queries of an alarm, of one on a metric the one that it is."""
    if not alarm.metric_data_queries:
        metric = _metric(alarm.namespace, alarm.metric_name, alarm.dimensions)
        stat = {"Metric": metric, "Period": int(alarm.period), "Stat": alarm.extended_statistic or alarm.statistic}
        yield {"Id": alarm.name, "MetricStat": stat, "ReturnData": True}
    for query in alarm.metric_data_queries:
        found: dict[str, Any] = {"Id": query.id, "ReturnData": query.return_data in {None, True, "true"}}
        if query.expression:
            found["Expression"] = query.expression
        if query.metric_stat:
            of = query.metric_stat.metric
            stat = {
                "Metric": _metric(of.namespace, of.metric_name, of.dimensions),
                "Period": int(query.metric_stat.period),
                "Stat": query.metric_stat.stat,
            }
            found["MetricStat"] = stat | ({"Unit": query.metric_stat.unit} if query.metric_stat.unit else {})
        yield found


def _metric(namespace: str, name: str, dimensions: Any) -> dict[str, Any]:
    named = [{"Name": each.name, "Value": each.value} for each in dimensions]
    return {"Namespace": namespace, "MetricName": name, "Dimensions": named}


def _cached(rule: _Rule, metrics: Metrics, start: float, end: float) -> Callable[[Metric, float, float], list[Sample]]:
    """Return a reader of the rule's metrics that reads each of them once."""
    named = {metric_in(query) for query in rule.queries if "MetricStat" in query}
    samples = {metric: sorted(metrics.read(metric, start, end)) for metric in named}
    moments = {metric: [sample.moment for sample in found] for metric, found in samples.items()}

    def read(metric: Metric, begin: float, until: float) -> list[Sample]:
        first, after = (bisect.bisect_left(moments[metric], moment) for moment in (begin, until))
        return samples[metric][first:after]

    return read


def _ends(
    rule: _Rule, read: Callable[[Metric, float, float], list[Sample]], after: float, last: float
) -> Iterator[float]:
    """Yield the ends of evaluations that may say something new: those with data, the first without, and the last."""
    named = [metric_in(query) for query in rule.queries if "MetricStat" in query]
    end = (after // rule.step_s + 1) * rule.step_s
    while end < last:
        if any(read(metric, end - rule.range_s - rule.step_s, end) for metric in named):
            yield end
        end += rule.step_s
    yield last


def _values(rule: _Rule, read: Callable[[Metric, float, float], list[Sample]], end: float) -> list[tuple[float, float]]:
    """Return the latest values of an alarm's periods, at most as many as it evaluates, the newest first."""
    series = evaluate(rule.queries, read, end - rule.range_s, end)[rule.returned]
    return sorted(series.items(), reverse=True)[: rule.periods]


def _state(rule: _Rule, values: list[tuple[float, float]], before: str) -> str:
    """Return the state for the values that there are, fewer than the alarm evaluates if some are missing."""
    compare = _COMPARISONS[rule.comparison][0]
    breaching = sum(compare(value, rule.threshold) for _, value in values)
    missing = rule.periods - len(values)
    if breaching + (missing if rule.missing == "breaching" else 0) >= rule.breaching:
        return "ALARM"
    # None of the missing values could make it fire.
    if rule.missing in {"breaching", "notBreaching"} or breaching + missing < rule.breaching:
        return "OK"
    return "INSUFFICIENT_DATA" if not values and rule.missing == "missing" else before


def _reason(rule: _Rule, values: list[tuple[float, float]], state: str) -> str:
    """Return the reason of a state in CloudWatch's words."""
    compare, said = _COMPARISONS[rule.comparison]
    than = f"{said} the threshold ({rule.threshold})"
    if state == "INSUFFICIENT_DATA":
        return "Insufficient Data: no datapoints were received."
    if state == "ALARM" and values:
        found = [each for each in values if compare(each[1], rule.threshold)]
        minimum = words.plural(rule.breaching, "datapoint")
        return (
            f"Threshold Crossed: {len(found)} out of the last {rule.periods} datapoints {_shown(found)} "
            f"{'was' if len(found) == 1 else 'were'} {than} (minimum {minimum} for OK -> ALARM transition)."
        )
    if values:
        return (
            f"Threshold Crossed: {words.plural(len(values), 'datapoint')} {_shown(values)} "
            f"{'was' if len(values) == 1 else 'were'} not {than}."
        )
    treated = "Breaching" if rule.missing == "breaching" else "NonBreaching"
    counted = words.plural(rule.periods, "missing datapoint")
    return (
        f"Threshold Crossed: no datapoints were received for {words.plural(rule.periods, 'period')} and {counted} "
        f"{'was' if rule.periods == 1 else 'were'} treated as [{treated}]."
    )


def _shown(values: list[tuple[float, float]]) -> str:
    shown = (f"{value} ({_moment(begin):%d/%m/%y %H:%M:%S})" for begin, value in values)
    return f"[{', '.join(shown)}]"


def _set(alarm: Any, state: str, reason: str, moment: float) -> None:
    alarm.update_state(reason, "{}", state)
    alarm.state_updated_timestamp = _moment(moment).replace(tzinfo=None)  # as moto keeps moments


def _moment(moment: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(moment, datetime.UTC)
