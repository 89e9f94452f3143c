"""What a provider is: features of a candidate, their check, and the score of a model."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from operator import mul
from typing import ClassVar, TypeAlias

import msgspec

from handlers.candidates.candidate import Candidate

Features: TypeAlias = Mapping[str, float]


class Prediction(msgspec.Struct, frozen=True):
    """What a model says: a value and how sure it is of it, both 0..1."""

    value: float
    confidence: float


class Provider(ABC):
    """A model: deterministic, so that a repeated run gives the same scores.

    `version` is part of the cache key: change it whenever the same features give another score.
    """

    version: ClassVar[str]

    @abstractmethod
    def features(self, candidate: Candidate) -> Features:
        """Return the input of the model, without the features that the candidate lacks."""

    @abstractmethod
    def score(self, features: Features) -> Prediction:
        """Return the prediction from valid features."""

    def validate(self, features: Features) -> None:
        """Check the features; ValueError if the model cannot judge them."""
        for name, value in features.items():
            if not 0 <= value <= 1:
                raise ValueError(f"feature {name} is {value}; it must lie between 0 and 1")

    def fallback(self, candidate: Candidate) -> Prediction | None:
        """Return a prediction for a candidate that `score` failed on, or None for the default."""
        return None


def weigh(features: Features, weights: Mapping[str, float]) -> Prediction:
    """Return the weighted mean of the features at hand; the confidence is the share of the weights they carry."""
    used = [*map(weights.__getitem__, features)]
    known = sum(used)
    if not known:
        return Prediction(0.5, 0.0)
    value = sum(map(mul, used, features.values())) / known
    return Prediction(round(value, 6), round(known / sum(weights.values()), 6))
