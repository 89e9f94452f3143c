from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

import msgspec
import pytest

from handlers.candidates.filters import BusinessRule, Eligibility, Filter, Quality, Trust
from handlers.candidates.filters.base import BaseFilter
from tests.handlers.candidates.support import NOW, candidate

OPEN = {"email": True, "sms": False}


@pytest.mark.parametrize(
    ("judge", "attributes", "code"),
    [
        (Eligibility(), {"channelEligibility": OPEN}, None),
        (Eligibility(), {"channelEligibility": {}}, "CHANNEL_INELIGIBLE"),
        (Eligibility(required_channels=("email",)), {"channelEligibility": OPEN}, None),
        (Eligibility(required_channels=("email", "sms")), {"channelEligibility": OPEN}, "CHANNEL_INELIGIBLE"),
        (Eligibility(required_channels=("fax",)), {"channelEligibility": OPEN}, "CHANNEL_INELIGIBLE"),
        (Eligibility(check_timing_window=True), {}, "TIMING_WINDOW_MISSING"),
        (Eligibility(check_timing_window=True), {"timingWindow": ""}, "TIMING_WINDOW_MISSING"),
        (Eligibility(check_timing_window=True), {"timingWindow": "evening"}, None),
        (BusinessRule(), {}, None),
        (BusinessRule(min_order_value=10), {}, "ORDER_VALUE_MISSING"),
        (BusinessRule(min_order_value=10), {"orderValue": 9.99}, "ORDER_VALUE_LOW"),
        (BusinessRule(min_order_value=10), {"orderValue": 10}, None),
        (BusinessRule(min_order_value=0), {"orderValue": -1}, "ORDER_VALUE_LOW"),
        (BusinessRule(max_days_since_event=7), {"eventDate": NOW - timedelta(days=7)}, None),
        (BusinessRule(max_days_since_event=7), {"eventDate": NOW - timedelta(days=7, seconds=1)}, "EVENT_TOO_OLD"),
        (BusinessRule(max_days_since_event=0), {"eventDate": NOW + timedelta(days=1)}, None),
        (BusinessRule(require_delivery_date=True), {}, "DELIVERY_DATE_MISSING"),
        (BusinessRule(require_delivery_date=True), {"deliveryDate": NOW}, None),
        (Trust(), {}, "TRUST_SCORE_MISSING"),
        (Trust(), {"scores": {"trust": 0.49}}, "TRUST_SCORE_LOW"),
        (Trust(), {"scores": {"trust": 0.5}}, None),
        (Trust(min_trust_score=0.4), {"scores": {"trust": 0.49, "fraud": 0.79}}, None),
        (Trust(), {"scores": {"trust": 0.9, "fraud": 0.8}}, "FRAUD_DETECTED"),
        (Trust(check_fraud_indicators=False), {"scores": {"trust": 0.9, "fraud": 0.8}}, None),
        (Quality(), {}, "QUALITY_SCORE_MISSING"),
        (Quality(), {"scores": {"quality": 0.59}}, "QUALITY_SCORE_LOW"),
        (Quality(), {"scores": {"quality": {"value": 0.6, "confidence": 0.7}}}, None),
        (Quality(), {"scores": {"quality": {"value": 0.6, "confidence": 0.69}}}, "CONFIDENCE_LOW"),
        (Quality(), {"scores": {"quality": {"value": 0.9}}}, "CONFIDENCE_LOW"),
        (Quality(min_confidence=0), {"scores": {"quality": {"value": 0.9}}}, None),
        (Quality(require_media_eligibility=True), {"scores": {"quality": 1}}, "MEDIA_INELIGIBLE"),
        (
            Quality(require_media_eligibility=True),
            {"scores": {"quality": 1}, "mediaEligible": False},
            "MEDIA_INELIGIBLE",
        ),
        (Quality(require_media_eligibility=True), {"scores": {"quality": 1}, "mediaEligible": True}, None),
    ],
)
def test_a_filter_rejects_with_the_code_of_the_rule_that_is_broken(
    judge: BaseFilter, attributes: dict[str, Any], code: str | None
) -> None:
    rejection = judge.check(candidate(**attributes), NOW)
    assert (rejection and rejection.code) == code


@pytest.mark.parametrize(
    ("judge", "attributes", "reason"),
    [
        (Eligibility(), {"channelEligibility": {}}, "not eligible for any channel"),
        (Eligibility(required_channels=("email", "fax")), {"channelEligibility": OPEN}, "not eligible for fax"),
        (Eligibility(check_timing_window=True), {}, "has no timingWindow"),
        (BusinessRule(min_order_value=10), {}, "has no orderValue"),
        (BusinessRule(min_order_value=10), {"orderValue": 9}, "orderValue is below 10"),
        (
            BusinessRule(max_days_since_event=7),
            {"eventDate": NOW - timedelta(days=8)},
            "the event is more than 7 days old",
        ),
        (BusinessRule(require_delivery_date=True), {}, "has no deliveryDate"),
        (Trust(), {}, "has no trust score; put the filter after a Score stage"),
        (Trust(), {"scores": {"trust": 0.4}}, "trust is below 0.5"),
        (Trust(), {"scores": {"trust": 0.9, "fraud": 0.8}}, "fraud is 0.8 or more"),
        (Quality(), {}, "has no quality score; put the filter after a Score stage"),
        (Quality(), {"scores": {"quality": 0.5}}, "quality is below 0.6"),
        (Quality(), {"scores": {"quality": {"value": 0.9}}}, "the confidence in quality is below 0.7"),
        (Quality(require_media_eligibility=True), {"scores": {"quality": 1}}, "is not eligible for media"),
    ],
)
def test_a_filter_says_what_a_candidate_lacks(judge: BaseFilter, attributes: dict[str, Any], reason: str) -> None:
    rejection = judge.check(candidate(**attributes), NOW)
    assert rejection is not None
    assert rejection.reason == reason


@pytest.mark.parametrize("kind", get_args(Filter))
def test_every_filter_can_be_chosen_by_name_with_its_defaults(kind: type[BaseFilter]) -> None:
    chosen = msgspec.convert({"filter": kind().name}, Filter)
    assert chosen == kind()


@pytest.mark.parametrize(
    ("declared", "fault"),
    [
        ({"filter": "luck"}, "Invalid value 'luck' - at `\\$.filter`"),
        ({"filter": "trust", "min_trust": 1}, "unknown field `min_trust`"),
        ({"filter": "trust", "min_trust_score": 2}, "<= 1"),
        ({"min_trust_score": 1}, "missing required field `filter`"),
    ],
)
def test_a_filter_that_is_declared_wrongly_is_refused(declared: dict[str, Any], fault: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=fault):
        msgspec.convert(declared, Filter)
