"""The quality model: how much an engagement is worth."""

from typing import ClassVar

from handlers.candidates.candidate import Candidate
from handlers.candidates.providers.base import Features, Prediction, Provider, weigh
from handlers.candidates.providers.features import delivered_in_order, known, media, order_size, reach


class QualityProvider(Provider):
    """Weighs, of what is known: order size (half at 20) 0.4, media 0.3, delivery after the event 0.2, channels 0.1."""

    version: ClassVar[str] = "1"

    def features(self, candidate: Candidate) -> Features:
        return known(
            order=order_size(candidate, half=20.0),
            media=media(candidate),
            delivery=delivered_in_order(candidate),
            reach=reach(candidate),
        )

    def score(self, features: Features) -> Prediction:
        return weigh(features, {"order": 0.4, "media": 0.3, "delivery": 0.2, "reach": 0.1})
