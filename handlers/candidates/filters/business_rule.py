"""Passes the candidates that are worth the engagement."""

from datetime import datetime, timedelta
from functools import cache
from typing import Annotated

from msgspec import UNSET, Meta

from handlers.candidates.candidate import Candidate
from handlers.candidates.filters.base import BaseFilter, Rejection


class BusinessRule(BaseFilter, frozen=True, tag="business_rule"):
    """The order is large enough, the event young enough, the delivery date known; each rule is off unless set."""

    min_order_value: float | None = None
    max_days_since_event: Annotated[float, Meta(ge=0)] | None = None
    require_delivery_date: bool = False

    def check(self, candidate: Candidate, now: datetime) -> Rejection | None:
        attributes = candidate.attributes
        if self.min_order_value is not None:
            if attributes.order_value is UNSET:
                return Rejection("ORDER_VALUE_MISSING", "has no orderValue")
            if attributes.order_value < self.min_order_value:
                return Rejection("ORDER_VALUE_LOW", f"orderValue is below {self.min_order_value}")
        limit = self.max_days_since_event
        if limit is not None and now - attributes.event_date > _days(limit):
            return Rejection("EVENT_TOO_OLD", f"the event is more than {limit} days old")
        if self.require_delivery_date and attributes.delivery_date is UNSET:
            return Rejection("DELIVERY_DATE_MISSING", "has no deliveryDate")
        return None


@cache
def _days(number: float) -> timedelta:
    return timedelta(days=number)  # as long as all else that the filter does
