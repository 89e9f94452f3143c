"""The filters that a Filter stage can chain; a new one is one file here and its place in `Filter`."""

from typing import TypeAlias

from handlers.candidates.filters.base import Rejection
from handlers.candidates.filters.business_rule import BusinessRule
from handlers.candidates.filters.eligibility import Eligibility
from handlers.candidates.filters.quality import Quality
from handlers.candidates.filters.trust import Trust

Filter: TypeAlias = Eligibility | BusinessRule | Trust | Quality

__all__ = ["BusinessRule", "Eligibility", "Filter", "Quality", "Rejection", "Trust"]
