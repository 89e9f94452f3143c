from __future__ import annotations

import pytest

from ceap.policy.insights import Query, QueryError, read_query


def test_a_query_uses_the_fields_that_it_does_not_make_itself() -> None:
    text = """\
# A comment with a | and a name
filter type = "Failed | still a text" and details.name like "x"
| parse details.cause /(?<stage>[A-Z|/]+) of \\/ (?<rest>.*)/
| fields @timestamp, strlen(`odd-name`) as length, stage
| stats (max(@timestamp) - min(length)) / 1000 as seconds, count(*) as lines by rest, execution_arn
| filter lines > 1 and seconds >= 0.5
| sort seconds desc
| display seconds, lines
| limit 20
"""
    assert read_query(text) == Query(
        ("filter", "parse", "fields", "stats", "filter", "sort", "display", "limit"),
        frozenset(("type", "details.name", "details.cause", "@timestamp", "odd-name", "execution_arn")),
        frozenset(),
    )


def test_the_values_that_are_asked_for_are_found_in_texts() -> None:
    read = read_query('filter executionId = "{{executionId}}" or message like "{{word}} of {{word}}"')
    assert read.placeholders == {"executionId", "word"}


def test_a_division_is_no_pattern() -> None:
    assert read_query("stats sum(a) / sum(b) as rate, max(c) / 2 as half").fields == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nothing is not a command"),
        ("fields a |", "nothing is not a command"),
        ("where a = 1", "where is not a command; use display, fields, filter"),
        ("fields a | unnest b", "unnest is not a command"),
        ("fields size(a)", "size is not a function; use avg, count"),
        ('filter a = "open', '"open cannot be read'),
        ("filter a in [1, 2", "a bracket is open"),
        ("filter a ; b", "; cannot be read"),
    ],
)
def test_a_query_that_cannot_be_read_is_refused(text: str, said: str) -> None:
    with pytest.raises(QueryError) as refused:
        read_query(text)
    assert said in str(refused.value)
