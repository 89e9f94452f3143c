"""Score: adds the scores of its models to each candidate."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import product
from math import isfinite
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from handlers.candidates.candidate import Candidate, Score
from handlers.candidates.candidate_stage import CandidateStage
from handlers.candidates.providers import PROVIDERS, ModelName, Prediction, Provider
from handlers.candidates.score_cache import (
    SCORE_CACHE,
    CachedScore,
    CacheKey,
    check_rows,
    partition_key,
    read_scores,
    sort_key,
    write_scores,
)
from handlers.runtime.batch import batched
from handlers.runtime.context import StageContext
from handlers.runtime.metrics import Measures
from handlers.runtime.needs import Needs
from handlers.runtime.tally import Share


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The models to ask, and for how many seconds their answers are kept."""

    models: tuple[ModelName, ...] = tuple(PROVIDERS)
    cache_ttl_s: Annotated[int, Meta(ge=1)] = 3600


NEEDS = Needs(settings=Settings, tables={SCORE_CACHE: ("BatchGetItem", "BatchWriteItem")})


BATCH: Final = 100
DEFAULT: Final = Prediction(0.5, 0.1)


class ScoreStage(CandidateStage[Candidate, Settings]):
    """Each model scores each candidate, from the cache where it can; a model that fails does not lose the others."""

    record_type = Candidate

    def check_record(self, record: Candidate, stage: StageContext[Settings]) -> None:
        check_rows(record)

    def process_data(self, records: Iterator[Candidate], stage: StageContext[Settings]) -> Iterator[Candidate]:
        table, now = stage.table(SCORE_CACHE.name), stage.started_at
        expires = int(now.timestamp()) + stage.settings.cache_ttl_s
        models = [(model, PROVIDERS[model], sort_key(model)) for model in dict.fromkeys(stage.settings.models)]
        for batch in batched(records, BATCH):
            partitions = [*map(partition_key, batch)]
            cached = read_scores(table, product(partitions, [sort for *_, sort in models]))
            fresh: dict[CacheKey, CachedScore] = {}
            scored = []
            for candidate, partition in zip(batch, partitions, strict=True):
                scores = dict(candidate.scores or {})
                counts: defaultdict[str, int] = defaultdict(int)
                for model, provider, sort in models:
                    key = partition, sort
                    row = cached.get(key)
                    if row and row.serves(candidate, now):
                        scores[model] = row.score
                        counts["cached"] += 1
                        continue
                    try:
                        score = _judge(provider, candidate, now)
                        known = fresh.get(key, row)
                        # The cache keeps the newest version, in any order of arrival.
                        if known is None or known.candidate_version <= candidate.metadata.version:
                            fresh[key] = CachedScore(score, candidate.metadata.version, expires)
                        counts["scored"] += 1
                    except Exception as error:
                        strategy, score = _fall_back(provider, candidate, row, error, now)
                        counts["fallback"] += 1
                        if strategy == "default":
                            counts["default"] += 1
                    scores[model] = score
                for name, number in counts.items():
                    stage.count(name, number, record=candidate)
                scored.append(msgspec.structs.replace(candidate, scores=scores))
            write_scores(table, fresh)
            yield from scored

    def measure(self, share: Share) -> Measures:
        return {
            "InputCount": share.records,
            "ScoredCount": share.counts["scored"] + share.counts["cached"],
            "FallbackCount": share.counts["fallback"],
            "ErrorCount": share.counts["default"],
            "RejectedCount": share.rejections.total(),
        }


def _judge(provider: Provider, candidate: Candidate, now: datetime) -> Score:
    features = provider.features(candidate)
    provider.validate(features)
    prediction = provider.score(features)
    if not isfinite(prediction.value) or not 0 <= prediction.confidence <= 1:
        raise ValueError(f"the prediction is {prediction}; the value must be finite, the confidence between 0 and 1")
    return Score(value=prediction.value, confidence=prediction.confidence, timestamp=now)


def _fall_back(
    provider: Provider, candidate: Candidate, row: CachedScore | None, failure: Exception, now: datetime
) -> tuple[str, Score]:
    """Return the best score without the model, after its strategy: cached, the provider's fallback, or a default."""
    reason = {"fallback": True, "originalFailure": f"{type(failure).__name__}: {failure}"}
    if row:
        return "cached", msgspec.structs.replace(row.score, metadata=reason | {"fallbackStrategy": "cached"})
    prediction, strategy = provider.fallback(candidate), "provider"
    if prediction is None:
        prediction, strategy = DEFAULT, "default"
    return strategy, Score(
        value=prediction.value,
        confidence=prediction.confidence,
        timestamp=now,
        metadata=reason | {"fallbackStrategy": strategy},
    )


handler = ScoreStage(NEEDS)
