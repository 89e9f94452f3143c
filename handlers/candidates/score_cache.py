"""The cache of scores: a row per customer, subject, model and version of the model."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, TypeAlias

import msgspec

from handlers.candidates.candidate import Candidate, Score, join_key
from handlers.candidates.providers import PROVIDERS, ModelName
from handlers.runtime.needs import Table
from handlers.runtime.tables import TableClient, check_item

# Partition key CUSTOMER#{customer}#SUBJECT#{type}#{id}; sort key MODEL#{model}#{version of the model}.
SCORE_CACHE: Final = Table(name="score_cache", partition_key="PK", sort_key="SK", ttl="ttl")


CacheKey: TypeAlias = tuple[str, str]
"""The partition and the sort key of a row."""


# A key has at most 4 bytes for each character of the texts that it is made of, and 20 more; its limit is 2048.
_SMALL_CHARACTERS: Final = 500


class CachedScore(msgspec.Struct, frozen=True):
    """A score, the version of the candidate that it is of, and when it expires, in epoch seconds."""

    score: Score
    candidate_version: int
    expires: int

    def serves(self, candidate: Candidate, now: datetime) -> bool:
        """Tell whether the score is valid for the candidate; expiry is compared, because DynamoDB deletes late."""
        return self.candidate_version == candidate.metadata.version and now.timestamp() < self.expires


def partition_key(candidate: Candidate) -> str:
    """Return the partition key of a candidate's rows."""
    subject = candidate.subject
    return join_key("#", "CUSTOMER", candidate.customer_id, "SUBJECT", subject.type, subject.id)


def sort_key(model: ModelName) -> str:
    """Return the sort key of the rows of a model in the version that the provider has."""
    return join_key("#", "MODEL", model, PROVIDERS[model].version)


def check_rows(candidate: Candidate) -> None:
    """Check that the cache can hold rows of a candidate; BadRecordError if it never can."""
    subject = candidate.subject
    if len(candidate.customer_id) + len(subject.type) + len(subject.id) > _SMALL_CHARACTERS:
        # Of all models alike: only the customer and the subject vary.
        check_item(SCORE_CACHE, {"PK": partition_key(candidate), "SK": sort_key("quality")})


def read_scores(table: TableClient, keys: Iterable[CacheKey]) -> dict[CacheKey, CachedScore]:
    """Return the rows that exist, also expired ones, which are better than no score at all."""
    rows = table.get_many({"PK": partition, "SK": sort} for partition, sort in set(keys))
    return {
        (row["PK"], row["SK"]): CachedScore(
            score=msgspec.json.decode(row["score"], type=Score),
            candidate_version=row["candidateVersion"],
            expires=row["ttl"],
        )
        for row in rows
    }


def write_scores(table: TableClient, scores: Mapping[CacheKey, CachedScore]) -> None:
    table.put_many(
        {
            "PK": partition,
            "SK": sort,
            "score": msgspec.json.encode(cached.score).decode(),
            "candidateVersion": cached.candidate_version,
            "ttl": cached.expires,
        }
        for (partition, sort), cached in scores.items()
    )
