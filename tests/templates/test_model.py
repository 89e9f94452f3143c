"""The model: its literal defaults, what it tells of steps, and its patterns and those of the handlers' settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates import discovery
from templates.model import Declaration, GlueRetryPolicy, RetryPolicy, Step, StepKind
from tests.strategies import HANDLERS


def test_policy_demands_two_retries_after_20_s_and_twice_as_long_and_of_a_job_after_300_s() -> None:
    assert RetryPolicy() == RetryPolicy(max_attempts=2, interval_s=20, backoff_rate=2.0, reason=None)
    assert GlueRetryPolicy() == GlueRetryPolicy(max_attempts=2, interval_s=300, backoff_rate=2.0, reason=None)


@pytest.mark.parametrize("kind", [RetryPolicy, GlueRetryPolicy])
def test_a_retrier_is_what_policy_demands_unless_a_number_of_it_differs(kind: type[RetryPolicy]) -> None:
    assert kind(reason="Agreed with the owner of the table.").is_default is True
    for changed in (kind(max_attempts=3), kind(interval_s=21), kind(backoff_rate=1.5)):
        assert changed.is_default is False


def test_a_function_alone_takes_the_message_as_its_payload() -> None:
    assert {kind: kind.takes_payload for kind in StepKind} == {StepKind.LAMBDA: True, StepKind.GLUE: False}


def patterns(kind: Any) -> Iterator[str]:
    """Yield every pattern of a type, in whatever it holds."""
    if isinstance(kind, msgspec.inspect.Type | msgspec.inspect.Field):
        if isinstance(kind, msgspec.inspect.StrType) and kind.pattern is not None:
            yield kind.pattern
        for field in kind.__struct_fields__:
            yield from patterns(getattr(kind, field))
    elif isinstance(kind, tuple):
        for part in kind:
            yield from patterns(part)


SETTINGS = [discovery.load_needs(handler).settings for handler in HANDLERS]
PATTERNS = {
    pattern
    for kind in (Declaration, *get_args(Step), *SETTINGS)
    for pattern in patterns(msgspec.inspect.type_info(kind))
}


def test_the_patterns_of_names_stages_workers_and_buckets_are_found() -> None:
    assert len(PATTERNS) >= 4


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
@given(data=st.data())
def test_no_pattern_lets_a_final_line_feed_pass(pattern: str, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(pattern))
    assert re.search(pattern, text)
    assert not re.search(pattern, text + "\n")


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_a_pattern_has_no_escape_that_json_schema_lacks(pattern: str) -> None:
    assert not re.search(r"\\[AZz]|\(\?[^:!=]", pattern)
