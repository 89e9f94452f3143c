"""ETL rejects what a later stage of the sample can never take, and nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers import reactive, score, store
from handlers.candidates.candidate import Candidate
from handlers.candidates.candidate_event import check_announcement
from handlers.candidates.candidate_item import CANDIDATES, Rank, build_item
from handlers.candidates.limits import check_limits, is_small
from handlers.candidates.score_cache import check_rows
from handlers.runtime.records import BadRecordError
from handlers.runtime.stage import WorkflowLambdaHandler
from handlers.runtime.tables import check_item
from tests.handlers.candidates.support import NOW, candidate


class Context:
    """As much of a stage's context as `check_record` reads."""

    started_at = NOW

    def __init__(self, given: Any) -> None:
        self.settings = given


def is_refused(check: Any, *arguments: Any) -> bool:
    try:
        check(*arguments)
    except BadRecordError:
        return True
    return False


@st.composite
def texts(draw: st.DrawFn) -> str:
    """An id of any width: of one to four bytes for a character, or with separators, which keys encode."""
    return draw(st.sampled_from("aü\u20ac\U0001f600#:%")) * draw(st.sampled_from([1, 20, 85, 120, 230, 255]))


@st.composite
def candidates(draw: st.DrawFn) -> Candidate:
    given_candidate = candidate(
        draw(texts()),
        subject=draw(texts()),
        channelEligibility=draw(
            st.dictionaries(st.integers(1, 2200).map("c".__mul__) | texts(), st.booleans(), max_size=2)
        ),
    )
    subject = msgspec.structs.replace(given_candidate.subject, type=draw(texts()))
    contexts = [
        msgspec.structs.replace(context, id=draw(st.just("p") | texts())) for context in given_candidate.context
    ]
    return msgspec.structs.replace(given_candidate, subject=subject, context=contexts)


@settings(max_examples=200, deadline=None)
@given(small=candidates(), length=st.sampled_from([0, 99_000, 1_000_000]))
def test_what_a_later_stage_can_never_take_is_refused_and_nothing_else(small: Candidate, length: int) -> None:
    attributes = msgspec.structs.replace(small.attributes, timing_window="x" * length)
    made = msgspec.structs.replace(small, attributes=attributes)
    # As it is when it comes there: only a scored candidate is in ProgramChannelIndex.
    scored = msgspec.structs.replace(made, scores=candidate(scores={"quality": 0.5}).scores)
    checks: list[tuple[WorkflowLambdaHandler[Any, Any], Any]] = [
        (score.handler, score.Settings()),
        (store.handler, store.Settings()),
        *((store.handler, store.Settings(primary_channel=name)) for name in attributes.channel_eligibility),
        (reactive.handler, reactive.Settings()),
    ]
    later = [is_refused(stage.check_record, scored, Context(own)) for stage, own in checks]
    assert is_refused(check_limits, made) == any(later)


@settings(max_examples=200, deadline=None)
@given(
    widths=st.lists(st.sampled_from([1, 10, 30, 50, 150]), min_size=6, max_size=6),
    text=st.sampled_from("aü#%:\U0001f600"),
    length=st.sampled_from([0, 99_000]),
    value=st.floats(allow_nan=False, allow_infinity=False) | st.just(-1.7e308),
)
def test_no_check_refuses_what_counts_as_small(widths: list[int], text: str, length: int, value: float) -> None:
    customer, subject, kind, program, marketplace, channel = (text * width for width in widths)
    attributes: dict[str, Any] = {"channelEligibility": {channel: True}, "timingWindow": "\U0001f600" * (length // 4)}
    made = candidate(customer, subject=subject, scores={"own": value}, **attributes)
    contexts = [
        msgspec.structs.replace(context, id=name)
        for context, name in zip(made.context, [program, marketplace], strict=True)
    ]
    made = msgspec.structs.replace(
        made, context=contexts, subject=msgspec.structs.replace(made.subject, type=kind, id=subject)
    )
    if is_small(made):
        check_rows(made)
        check_item(CANDIDATES, build_item(made, Rank(channel, value), NOW))
        check_announcement(made)


@pytest.mark.parametrize(("name", "expected"), [("c" * 141, True), ("c" * 142, False)])
def test_an_ordinary_candidate_counts_as_small(name: str, expected: bool) -> None:
    assert is_small(candidate(name, channelEligibility={})) is expected


def test_the_rank_with_the_longest_keys_is_checked() -> None:
    attributes: dict[str, Any] = {"channelEligibility": {"b" * 2000: True, "a": True, "#" * 1000: True}}
    with pytest.raises(BadRecordError, match="GSI1PK of its item would have 3018 bytes"):
        check_limits(candidate(**attributes))
    attributes = {"channelEligibility": {"b": True, "#" * 1000: False}}
    check_limits(candidate(**attributes))
    with pytest.raises(BadRecordError, match="GSI1SK of its item would have 1"):
        check_limits(candidate("\U0001f600" * 240, scores={"own": -1e300}, **attributes))
