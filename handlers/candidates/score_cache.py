"""The cache of scores: a row per customer, subject, model and version of the model."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from handlers.candidates.candidate import Candidate, Score, join_key
from handlers.runtime.tables import TableClient


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


def cache_key(candidate: Candidate, model: str, version: str) -> CacheKey:
    subject = candidate.subject
    return CacheKey(
        join_key("#", "CUSTOMER", candidate.customer_id, "SUBJECT", subject.type, subject.id),
        join_key("#", "MODEL", model, version),
    )


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
