"""The cache of scores: a row per customer, subject, model and version of the model."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from handlers.candidates.candidate import Candidate, Score, join_key
from handlers.candidates.providers import PROVIDERS, ModelName
from handlers.runtime.needs import Table
from handlers.runtime.tables import TableClient, check_item

# Partition key CUSTOMER#{customer}#SUBJECT#{type}#{id}; sort key MODEL#{model}#{version of the model}.
SCORE_CACHE: Final = Table(name="score_cache", partition_key="PK", sort_key="SK", ttl="ttl")


class CacheKey(NamedTuple):
    """The key of a row."""

    partition: str
    sort: str


class CachedScore(msgspec.Struct, frozen=True):
    """A score, the version of the candidate that it is of, and when it expires, in epoch seconds."""

    score: Score
    candidate_version: int
    expires: int

    def serves(self, candidate: Candidate, now: datetime) -> bool:
        """Tell whether the score is valid for the candidate; expiry is compared, because DynamoDB deletes late."""
        return self.candidate_version == candidate.metadata.version and now.timestamp() < self.expires


def cache_keys(candidate: Candidate, models: Iterable[ModelName]) -> dict[ModelName, CacheKey]:
    """Return the keys of a candidate's rows by their models."""
    subject = candidate.subject
    partition = join_key("#", "CUSTOMER", candidate.customer_id, "SUBJECT", subject.type, subject.id)
    return {model: CacheKey(partition, join_key("#", "MODEL", model, PROVIDERS[model].version)) for model in models}


def check_rows(candidate: Candidate) -> None:
    """Check that the cache can hold rows of a candidate; BadRecordError if it never can."""
    [key] = cache_keys(candidate, ["quality"]).values()  # of all models alike: only the customer and the subject vary
    check_item(SCORE_CACHE, {"PK": key.partition, "SK": key.sort})


def read_scores(table: TableClient, keys: Iterable[CacheKey]) -> dict[CacheKey, CachedScore]:
    """Return the rows that exist, also expired ones, which are better than no score at all."""
    rows = table.get_many({"PK": key.partition, "SK": key.sort} for key in set(keys))
    return {
        CacheKey(row["PK"], row["SK"]): CachedScore(
            score=msgspec.json.decode(row["score"], type=Score),
            candidate_version=row["candidateVersion"],
            expires=row["ttl"],
        )
        for row in rows
    }


def write_scores(table: TableClient, scores: Mapping[CacheKey, CachedScore]) -> None:
    table.put_many(
        {
            "PK": key.partition,
            "SK": key.sort,
            "score": msgspec.json.encode(cached.score).decode(),
            "candidateVersion": cached.candidate_version,
            "ttl": cached.expires,
        }
        for key, cached in scores.items()
    )
