"""What GetMetricData and alarms ask of metrics: statistics of periods, and arithmetic on them.

Source: CloudWatch User Guide, "CloudWatch statistics definitions" and "Using math expressions with CloudWatch metrics".
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from ceap.local.metrics import Metric, Sample

Series: TypeAlias = Mapping[float, float]
"""A value for the beginning of each period that has one."""
Reader: TypeAlias = Callable[[Metric, float, float], Iterable[Sample]]
"""Returns the samples of a metric from a moment up to, not including, another."""

STATISTICS: Final[Mapping[str, Callable[[list[float]], float]]] = {
    "Sum": sum,
    "Average": lambda values: sum(values) / len(values),
    "Minimum": min,
    "Maximum": max,
    "SampleCount": lambda values: float(len(values)),
}
_OPERATORS: Final[Mapping[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_SUPPORTED: Final = "numbers, ids of other queries, + - * / and parentheses"


class MetricQueryError(ValueError):
    """A query that the engine does not model, or that CloudWatch refuses; the message says what is wrong with it."""


def metric_in(query: Mapping[str, Any]) -> Metric:
    """Return the metric that a query with a MetricStat names."""
    given = query["MetricStat"]["Metric"]
    dimensions = frozenset((each["Name"], each["Value"]) for each in given.get("Dimensions", ()))
    return Metric(given["Namespace"], given["MetricName"], dimensions)


def check_query(query: Mapping[str, Any]) -> None:
    """Raise MetricQueryError for a query that the engine does not model."""
    name = query.get("Id", "")
    if strange := sorted(set(query) - {"Id", "Label", "MetricStat", "Expression", "ReturnData", "Period"}):
        raise MetricQueryError(f"{name}: the local engine does not model {', '.join(strange)} of a query")
    if ("MetricStat" in query) == ("Expression" in query):
        raise MetricQueryError(f"{name}: a query has either MetricStat or Expression")
    if "${" in query.get("Label", ""):
        raise MetricQueryError(f"{name}: the local engine fills in nothing in a Label")
    if "Expression" in query:
        _parse(query["Expression"])
        return
    stat = query["MetricStat"]
    if strange := sorted(set(stat) - {"Metric", "Period", "Stat"}):
        raise MetricQueryError(f"{name}: the local engine does not model {', '.join(strange)} of a MetricStat")
    if stat["Stat"] not in STATISTICS:
        known = ", ".join(STATISTICS)
        raise MetricQueryError(f"{name}: the local engine does not model the statistic {stat['Stat']}; it has {known}")
    if stat["Period"] <= 0 or stat["Period"] % 60:
        raise MetricQueryError(f"{name}: the period must be a multiple of 60 seconds, not {stat['Period']}")


def evaluate(queries: Iterable[Mapping[str, Any]], read: Reader, start: float, end: float) -> dict[str, Series]:
    """Return the series of each query by its id, in periods that begin at `start`; the queries are checked.

    Raises:
        MetricQueryError: An expression names no other query, or only itself.
    """
    found: dict[str, Series] = {}
    waiting = {query["Id"]: query for query in queries}
    for name, query in list(waiting.items()):
        if "MetricStat" in query:
            stat = query["MetricStat"]
            samples = read(metric_in(query), start, end)
            found[name] = statistic(samples, stat["Stat"], stat["Period"], start)
            del waiting[name]
    while waiting:
        ready = {name: query for name, query in waiting.items() if names_in(query["Expression"]) <= found.keys()}
        if not ready:
            name, query = next(iter(waiting.items()))
            unknown = ", ".join(sorted(names_in(query["Expression"]) - found.keys()))
            raise MetricQueryError(f"{name}: the expression {query['Expression']} names {unknown}, which has no value")
        for name, query in ready.items():
            found[name] = calculate(query["Expression"], found)
            del waiting[name]
    return found


def statistic(samples: Iterable[Sample], stat: str, period_s: int, start: float) -> dict[float, float]:
    """Return a statistic of each period that has samples, the first of which begins at `start`."""
    periods: dict[float, list[float]] = {}
    for sample in samples:
        begin = start + (sample.moment - start) // period_s * period_s
        periods.setdefault(begin, []).append(sample.value)
    return {begin: STATISTICS[stat](periods[begin]) for begin in sorted(periods)}


def calculate(expression: str, series: Mapping[str, Series]) -> dict[float, float]:
    """Return the value of an expression for each period where all that it names have one, and none is divided by 0."""
    tree = _parse(expression)
    named = [series[name] for name in sorted(names_in(expression))]
    moments = sorted(set.intersection(*(set(each) for each in named)))
    found = {}
    for moment in moments:
        try:
            found[moment] = _value(tree, {name: each[moment] for name, each in series.items() if moment in each})
        except ZeroDivisionError:
            continue
    return found


def names_in(expression: str) -> set[str]:
    return {node.id for node in ast.walk(_parse(expression)) if isinstance(node, ast.Name)}


def _parse(expression: str) -> ast.expr:
    """Return the tree of an expression; MetricQueryError for one with anything else than arithmetic."""
    problem = f"the local engine does not model the expression {expression}: it knows {_SUPPORTED}"
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError as error:
        raise MetricQueryError(problem) from error
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=bool()):
                raise MetricQueryError(problem)
            case ast.Name() | ast.Load() | ast.Constant(value=int() | float()):
                pass
            case ast.BinOp(op=op) if type(op) in _OPERATORS:
                pass
            case ast.UnaryOp(op=ast.USub()) | ast.USub():
                pass
            case ast.operator() if type(node) in _OPERATORS:
                pass
            case _:
                raise MetricQueryError(problem)
    if not any(isinstance(node, ast.Name) for node in ast.walk(tree)):
        raise MetricQueryError(f"the expression {expression} names no other query")
    return tree


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return values[name]
        case ast.UnaryOp(operand=operand):
            return -_value(operand, values)
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](_value(left, values), _value(right, values))
    raise AssertionError(f"{ast.dump(node)} was checked before")
