"""Features that several models share; each reads the candidate's attributes and is None where they lack the value."""

from msgspec import UNSET

from handlers.candidates.candidate import Candidate


def order_size(candidate: Candidate, half: float) -> float | None:
    """Return value / (value + half): 0 for a free order, 0.5 at `half`; below 0 for a negative one."""
    value = candidate.attributes.order_value
    return None if value is UNSET else value / (abs(value) + half)


def reach(candidate: Candidate) -> float | None:
    """Return the share of the known channels that are eligible."""
    channels = candidate.attributes.channel_eligibility
    return sum(channels.values()) / len(channels) if channels else None


def delivered_in_order(candidate: Candidate) -> float | None:
    """Return 1 if the delivery is not before the event, else 0."""
    delivery = candidate.attributes.delivery_date
    return None if delivery is UNSET else float(delivery >= candidate.attributes.event_date)


def media(candidate: Candidate) -> float | None:
    """Return 1 if media may be used, else 0."""
    eligible = candidate.attributes.media_eligible
    return None if eligible is UNSET else float(eligible)


def known(**features: float | None) -> dict[str, float]:
    """Return the features that are not None."""
    return {name: value for name, value in features.items() if value is not None}
