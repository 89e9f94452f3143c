"""Passes the candidates that can be reached."""

from datetime import datetime

from handlers.candidates.candidate import Candidate
from handlers.candidates.filters.base import BaseFilter, Rejection


class Eligibility(BaseFilter, frozen=True, tag="eligibility"):
    """Every required channel, or with none required at least one, is eligible."""

    required_channels: tuple[str, ...] = ()
    check_timing_window: bool = False

    def check(self, candidate: Candidate, now: datetime) -> Rejection | None:
        channels = candidate.attributes.channel_eligibility
        if not all(map(channels.get, self.required_channels)):
            missing = [channel for channel in self.required_channels if not channels.get(channel)]
            return Rejection("CHANNEL_INELIGIBLE", f"not eligible for {', '.join(missing)}")
        if not any(channels.values()):
            return Rejection("CHANNEL_INELIGIBLE", "not eligible for any channel")
        if self.check_timing_window and not candidate.attributes.timing_window:
            return Rejection("TIMING_WINDOW_MISSING", "has no timingWindow")
        return None
