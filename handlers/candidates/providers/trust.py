"""The trust model: whether the record of the event is consistent."""

from typing import ClassVar

from handlers.candidates.candidate import Candidate
from handlers.candidates.providers.base import Features, Prediction, Provider, weigh
from handlers.candidates.providers.features import delivered_in_order, known, order_size, reach


class TrustProvider(Provider):
    """Weighs, of what is known: delivery after the event 0.5, eligible channels 0.3, order size (half at 20) 0.2."""

    version: ClassVar[str] = "1"

    def features(self, candidate: Candidate) -> Features:
        return known(
            delivery=delivered_in_order(candidate), reach=reach(candidate), order=order_size(candidate, half=20.0)
        )

    def score(self, features: Features) -> Prediction:
        return weigh(features, {"delivery": 0.5, "reach": 0.3, "order": 0.2})
