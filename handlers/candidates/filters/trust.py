"""Passes the candidates that the trust model trusts; it reads scores, so it belongs after Score."""

from datetime import datetime
from typing import Final

from handlers.candidates.candidate import Candidate, Fraction
from handlers.candidates.filters.base import BaseFilter, Rejection

# Above the value that Score gives where a model fails (0.5): a broken fraud model must not accuse everyone.
FRAUD_LIMIT: Final = 0.8


class Trust(BaseFilter, frozen=True, tag="trust"):
    """The trust score is high enough and, if there is a fraud score, it is below 0.8."""

    min_trust_score: Fraction = 0.5
    check_fraud_indicators: bool = True

    def check(self, candidate: Candidate, now: datetime) -> Rejection | None:
        trust = candidate.score("trust")
        if trust is None:
            return Rejection("TRUST_SCORE_MISSING", "has no trust score; put the filter after a Score stage")
        if trust.value < self.min_trust_score:
            return Rejection("TRUST_SCORE_LOW", f"trust is below {self.min_trust_score}")
        fraud = candidate.score("fraud")
        if self.check_fraud_indicators and fraud is not None and fraud.value >= FRAUD_LIMIT:
            return Rejection("FRAUD_DETECTED", f"fraud is {FRAUD_LIMIT} or more")
        return None
