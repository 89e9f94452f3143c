"""The models that a Score stage can ask; a new one is one file here and its place in `PROVIDERS`."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from handlers.candidates.providers.base import Prediction, Provider
from handlers.candidates.providers.fraud import FraudProvider
from handlers.candidates.providers.quality import QualityProvider
from handlers.candidates.providers.trust import TrustProvider

ModelName: TypeAlias = Literal["trust", "quality", "fraud"]

PROVIDERS: Final[Mapping[ModelName, Provider]] = {
    "trust": TrustProvider(),
    "quality": QualityProvider(),
    "fraud": FraudProvider(),
}

__all__ = ["PROVIDERS", "ModelName", "Prediction", "Provider"]
