"""The filters that a Filter stage can chain; a new one is one file here and its place in `Filter`."""

from __future__ import annotations

from typing import TypeAlias

from handlers.filters.base import Rejection
from handlers.filters.business_rule import BusinessRule
from handlers.filters.eligibility import Eligibility
from handlers.filters.quality import Quality
from handlers.filters.trust import Trust

Filter: TypeAlias = Eligibility | BusinessRule | Trust | Quality

__all__ = ["BusinessRule", "Eligibility", "Filter", "Quality", "Rejection", "Trust"]
