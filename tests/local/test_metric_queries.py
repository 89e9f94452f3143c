"""Statistics of metrics in periods, arithmetic on them, and which queries the engine refuses."""

from collections.abc import Iterable
from typing import Any

import pytest

from ceap.local.metric_queries import MetricQueryError, calculate, check_query, evaluate, metric_in, statistic
from ceap.local.metrics import Metric, Sample

METRIC = Metric("AWS/SQS", "NumberOfMessagesSent", frozenset({("QueueName", "orders")}))
STAT = {
    "Metric": {
        "Namespace": "AWS/SQS",
        "MetricName": "NumberOfMessagesSent",
        "Dimensions": [{"Name": "QueueName", "Value": "orders"}],
    },
    "Period": 60,
    "Stat": "Sum",
}


def refusal(query: dict[str, Any]) -> str | None:
    try:
        check_query({"Id": "q", **query})
    except MetricQueryError as error:
        return str(error)
    return None


def samples(*pairs: tuple[float, float]) -> list[Sample]:
    return [Sample(moment, value) for moment, value in pairs]


@pytest.mark.parametrize(
    ("stat", "values"),
    [
        ("Sum", {1000: 7, 1120: 3}),
        ("Average", {1000: 3.5, 1120: 3}),
        ("Minimum", {1000: 2, 1120: 3}),
        ("Maximum", {1000: 5, 1120: 3}),
        ("SampleCount", {1000: 2, 1120: 1}),
    ],
)
def test_a_statistic_has_a_value_for_each_period_with_samples_from_the_start_of_the_question(
    stat: str, values: dict[float, float]
) -> None:
    given = samples((1120, 3), (1000, 2), (1059.9, 5))
    assert statistic(given, stat, 60, 1000) == values
    assert list(statistic(given, stat, 60, 1000)) == [1000, 1120]


def test_an_expression_is_left_out_where_it_divides_by_zero_and_goes_on_after() -> None:
    series = {"a": {0.0: 1.0, 60.0: 1.0, 120.0: 3.0}, "b": {0.0: 2.0, 60.0: 0.0, 120.0: 4.0}}
    assert calculate("a / b", series) == {0: 0.5, 120: 0.75}


def test_an_expression_has_a_value_where_all_that_it_names_have_one() -> None:
    series = {"a": {0.0: 1.0, 60.0: 2.0}, "b": {60.0: 5.0, 120.0: 1.0}, "c": {0.0: 9.0}}
    assert calculate("100 * (a - -b) + 1", series) == {60: 701}


def test_a_query_may_name_one_that_stands_after_it() -> None:
    def read(metric: Metric, start: float, end: float) -> Iterable[Sample]:
        assert (metric, start, end) == (METRIC, 0, 120)
        return samples((0, 2), (60, 4))

    queries: list[dict[str, Any]] = [
        {"Id": "twice", "Expression": "half * 4"},
        {"Id": "half", "Expression": "sent / 2"},
        {"Id": "sent", "MetricStat": STAT},
    ]
    assert evaluate(queries, read, 0, 120) == {
        "sent": {0: 2, 60: 4},
        "half": {0: 1, 60: 2},
        "twice": {0: 4, 60: 8},
    }


def test_expressions_that_name_each_other_or_nobody_are_refused() -> None:
    with pytest.raises(MetricQueryError, match="a: the expression b \\+ 1 names b, which has no value"):
        evaluate([{"Id": "a", "Expression": "b + 1"}, {"Id": "b", "Expression": "a"}], lambda *_: (), 0, 60)


def test_a_metric_without_dimensions_is_the_one_of_the_account() -> None:
    assert metric_in({"MetricStat": STAT}) == METRIC
    alone = {"Namespace": "AWS/SQS", "MetricName": "NumberOfMessagesSent"}
    assert metric_in({"MetricStat": {"Metric": alone}}) == METRIC._replace(dimensions=frozenset())


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"MetricStat": STAT, "AccountId": "1"}, "q: the local engine does not model AccountId of a query"),
        ({"MetricStat": STAT, "Expression": "a"}, "q: a query has either MetricStat or Expression"),
        ({}, "q: a query has either MetricStat or Expression"),
        ({"MetricStat": STAT, "Label": "${LAST}"}, "q: the local engine fills in nothing in a Label"),
        ({"MetricStat": STAT | {"Unit": "Count"}}, "q: the local engine does not model Unit of a MetricStat"),
        (
            {"MetricStat": STAT | {"Stat": "p99"}},
            "q: the local engine does not model the statistic p99; it has Sum, Average, Minimum, Maximum, SampleCount",
        ),
        ({"MetricStat": STAT | {"Period": 0}}, "q: the period must be a multiple of 60 seconds, not 0"),
        ({"MetricStat": STAT | {"Period": 61}}, "q: the period must be a multiple of 60 seconds, not 61"),
        ({"Expression": "1 + 2"}, "the expression 1 + 2 names no other query"),
        *(
            (
                {"Expression": text},
                f"the local engine does not model the expression {text}: it knows numbers, ids of other queries, "
                "+ - * / and parentheses",
            )
            for text in ("a ** b", "SUM(a)", "a if b else c", "a +", "a + True", "a + 'b'", "+a")
        ),
    ],
)
def test_what_is_not_modelled_is_refused(query: dict[str, Any], message: str) -> None:
    assert refusal(query) == message


@pytest.mark.parametrize(
    "query",
    [{"MetricStat": STAT, "Label": "sent", "ReturnData": False}, {"Expression": "-a + (b / 2)", "Period": 60}],
)
def test_what_is_modelled_is_taken(query: dict[str, Any]) -> None:
    assert refusal(query) is None
