from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.candidates.providers import PROVIDERS, ModelName
from handlers.candidates.providers.base import weigh
from tests.handlers.candidates.support import NOW, candidate

FULL: dict[str, Any] = {
    "eventDate": NOW,
    "deliveryDate": NOW + timedelta(days=1),
    "orderValue": 20,
    "mediaEligible": True,
    "channelEligibility": {"email": True, "sms": False},
}


def judge(model: ModelName, **attributes: Any) -> tuple[float, float]:
    provider = PROVIDERS[model]
    features = provider.features(candidate(**attributes))
    provider.validate(features)
    verdict = provider.score(features)
    return verdict.value, verdict.confidence


@pytest.mark.parametrize(
    ("model", "attributes", "expected"),
    [
        ("trust", FULL, (0.5 + 0.15 + 0.1, 1.0)),
        ("trust", FULL | {"deliveryDate": NOW - timedelta(days=1)}, (0.15 + 0.1, 1.0)),
        ("trust", {"channelEligibility": {"email": True}}, (1.0, 0.3)),
        ("trust", {"channelEligibility": {}}, (0.5, 0.0)),
        ("quality", FULL, (0.2 + 0.3 + 0.2 + 0.05, 1.0)),
        ("quality", FULL | {"mediaEligible": False}, (0.2 + 0.2 + 0.05, 1.0)),
        ("quality", {"orderValue": 0, "channelEligibility": {}}, (0.0, 0.4)),
        ("fraud", FULL | {"orderValue": 5000}, (0.2, 1.0)),
        ("fraud", FULL | {"orderValue": 5000, "deliveryDate": NOW - timedelta(days=1)}, (0.8, 1.0)),
        ("fraud", {}, (0.5, 0.0)),
    ],
)
def test_a_model_weighs_what_is_known(model: ModelName, attributes: Any, expected: tuple[float, float]) -> None:
    assert judge(model, **attributes) == pytest.approx(expected)


@given(
    model=st.sampled_from(get_args(ModelName)),
    value=st.none() | st.floats(0, 1e300),
    days=st.none() | st.integers(-9, 9),
    media=st.none() | st.booleans(),
    channels=st.dictionaries(st.sampled_from(["email", "sms", "push"]), st.booleans()),
)
def test_values_and_confidences_lie_between_0_and_1(
    model: ModelName, *, value: float | None, days: int | None, media: bool | None, channels: dict[str, bool]
) -> None:
    attributes: dict[str, Any] = {"eventDate": NOW, "channelEligibility": channels}
    if value is not None:
        attributes["orderValue"] = value
    if days is not None:
        attributes["deliveryDate"] = NOW + timedelta(days=days)
    if media is not None:
        attributes["mediaEligible"] = media
    found = judge(model, **attributes)
    assert all(0 <= part <= 1 for part in found)
    assert judge(model, **attributes) == found


def test_a_negative_order_is_no_feature_that_a_model_can_judge() -> None:
    with pytest.raises(ValueError, match=r"feature order is -0\.5; it must lie between 0 and 1"):
        judge("trust", orderValue=-20)


def test_the_providers_are_those_that_settings_may_name() -> None:
    assert tuple(PROVIDERS) == get_args(ModelName)


def test_weights_of_what_is_unknown_lower_the_confidence_only() -> None:
    verdict = weigh({"a": 0.5}, {"a": 1.0, "b": 3.0})
    assert (verdict.value, verdict.confidence) == (0.5, 0.25)
