"""Whether the stages of the sample can take a candidate, so that ETL rejects at the door what none of them can hold."""

from typing import Final

from handlers.candidates.candidate import Candidate, join_key
from handlers.candidates.candidate_event import check_announcement
from handlers.candidates.candidate_item import CANDIDATES, Rank, build_item
from handlers.candidates.score_cache import check_rows
from handlers.runtime.events import has_long_number
from handlers.runtime.records import encode_record
from handlers.runtime.tables import check_item

# A candidate that is smaller is far below all limits: a key has at most 4 bytes for each character of the texts that it
# is made of, and 400 more, of which a score may take 317.
_SMALL_BYTES: Final = 100_000
_SMALL_CHARACTERS: Final = 150


def check_limits(candidate: Candidate) -> None:
    """Check that Score, Store and Reactive can take a candidate, whatever their settings.

    What they add to it, such as scores, is not counted: they check it again.

    Raises:
        BadRecordError: One of them never can.
    """
    if is_small(candidate):
        return
    check_rows(candidate)
    check_item(CANDIDATES, build_item(candidate, _longest_rank(candidate), candidate.metadata.updated_at))
    check_announcement(candidate)


def is_small(candidate: Candidate) -> bool:
    """Tell whether a candidate is so far below all limits that they need no check, which takes ten times as long.

    Raises:
        BadRecordError: It has no program or marketplace, or it nests too deep.
    """
    subject, channels = candidate.subject, candidate.attributes.channel_eligibility
    characters = (
        len(candidate.customer_id)
        + len(subject.type)
        + len(subject.id)
        + len(candidate.context_id("program"))
        + len(candidate.context_id("marketplace"))
        + sum(map(len, channels))
    )
    encoded = encode_record(candidate)
    return characters <= _SMALL_CHARACTERS and len(encoded) <= _SMALL_BYTES and not has_long_number(encoded)


def _longest_rank(candidate: Candidate) -> Rank | None:
    """Return the rank with the longest keys: a setting of Store chooses among the eligible channels."""
    eligible = [name for name, usable in candidate.attributes.channel_eligibility.items() if usable]
    scores = [score.value for score in (candidate.scores or {}).values()]
    if not eligible:
        return None
    channel = max(eligible, key=lambda name: len(join_key("#", name).encode()))
    return Rank(channel, max(scores, key=lambda value: len(f"{value:.6f}"), default=0.0))
