"""Passes the candidates that the quality model rates well; it reads scores, so it belongs after Score."""

from datetime import datetime

from msgspec import UnsetType

from handlers.candidates.candidate import Candidate, Fraction
from handlers.candidates.filters.base import BaseFilter, Rejection


class Quality(BaseFilter, frozen=True, tag="quality"):
    """The quality score is high and sure enough and, if asked for, media may be used; no confidence counts as none."""

    min_quality_score: Fraction = 0.6
    min_confidence: Fraction = 0.7
    require_media_eligibility: bool = False

    def check(self, candidate: Candidate, now: datetime) -> Rejection | None:
        quality = candidate.score("quality")
        if quality is None:
            return Rejection("QUALITY_SCORE_MISSING", "has no quality score; put the filter after a Score stage")
        if quality.value < self.min_quality_score:
            return Rejection("QUALITY_SCORE_LOW", f"quality is below {self.min_quality_score}")
        confidence = 0.0 if isinstance(quality.confidence, UnsetType) else quality.confidence
        if confidence < self.min_confidence:
            return Rejection("CONFIDENCE_LOW", f"the confidence in quality is below {self.min_confidence}")
        if self.require_media_eligibility and candidate.attributes.media_eligible is not True:
            return Rejection("MEDIA_INELIGIBLE", "is not eligible for media")
        return None
