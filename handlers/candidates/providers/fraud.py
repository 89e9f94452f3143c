"""The fraud model: 0 is harmless, 1 is suspicious."""

from typing import ClassVar

from handlers.candidates.candidate import Candidate
from handlers.candidates.providers.base import Features, Prediction, Provider, weigh
from handlers.candidates.providers.features import delivered_in_order, known, order_size


class FraudProvider(Provider):
    """Weighs, of what is known: delivery before the event 0.6, order size (half at 5000) 0.4."""

    version: ClassVar[str] = "1"

    def features(self, candidate: Candidate) -> Features:
        delivered = delivered_in_order(candidate)
        return known(undelivered=None if delivered is None else 1 - delivered, order=order_size(candidate, half=5000.0))

    def score(self, features: Features) -> Prediction:
        return weigh(features, {"undelivered": 0.6, "order": 0.4})
