"""Store: writes candidates to the candidates table, the newest version of each."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from handlers.candidates.candidate import Candidate
from handlers.candidates.candidate_item import CANDIDATES, Rank, build_item, build_key
from handlers.candidates.candidate_stage import CandidateStage
from handlers.candidates.limits import is_small
from handlers.runtime.batch import batched
from handlers.runtime.context import StageContext
from handlers.runtime.contract import StageError, TransientStageError
from handlers.runtime.metrics import Measures
from handlers.runtime.needs import Needs
from handlers.runtime.tables import TableClient, check_item
from handlers.runtime.tally import FAILED, MERGED, STALE, Share


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ProgramChannelIndex ranks by, and how many writes are under way at once.

    `primary_channel` defaults to each candidate's first eligible one in alphabetical order.
    """

    primary_channel: str | None = None
    rank_by: str = "quality"
    concurrency: Annotated[int, Meta(ge=1, le=64)] = 16


NEEDS = Needs(settings=Settings, tables={CANDIDATES: ("UpdateItem",)}, keeps_newest=True)


BATCH: Final = 256

_CONDITION: Final = "attribute_not_exists(#version) OR #version <= :version"
_SET: Final = (
    "SET customerId = :customerId, #data = :data, #version = :version, #ttl = :ttl, updatedAt = :updatedAt, "
    "createdAt = if_not_exists(createdAt, :createdAt), GSI2PK = if_not_exists(GSI2PK, :GSI2PK), "
    "GSI2SK = if_not_exists(GSI2SK, :GSI2SK)"
)
_RANKED: Final = f"{_SET}, GSI1PK = :GSI1PK, GSI1SK = :GSI1SK"
_UNRANKED: Final = f"{_SET} REMOVE GSI1PK, GSI1SK"
_NAMES: Final = {"#data": "data", "#version": "version", "#ttl": "ttl"}  # DynamoDB reserves these words


class StoreStage(CandidateStage[Candidate, Settings]):
    """Each candidate is stored unless a newer version is; what was stored goes on to the next stage.

    Candidates of the same key are merged within a batch; across batches the condition of the write decides.
    """

    record_type = Candidate

    def check_record(self, record: Candidate, stage: StageContext[Settings]) -> None:
        if not is_small(record):
            check_item(CANDIDATES, build_item(record, _rank(record, stage.settings), stage.started_at))

    def process_data(self, records: Iterator[Candidate], stage: StageContext[Settings]) -> Iterator[Candidate]:
        from concurrent.futures import ThreadPoolExecutor  # not at the top, which synth and a cold start load

        table = stage.table(CANDIDATES.name)
        with ThreadPoolExecutor(stage.settings.concurrency) as pool:
            for batch in batched(records, BATCH):
                newest, merged = _merge(batch)
                for candidate in merged:
                    stage.count(MERGED, record=candidate)
                writes = [
                    (key, candidate, pool.submit(_write, table, candidate, stage)) for key, candidate in newest.items()
                ]
                failures = {key: error for key, _, write in writes if (error := write.exception())}
                if failures:
                    for key in failures:
                        stage.count(FAILED, record=newest[key])
                    raise _summarise(failures, len(writes))
                for _, candidate, write in writes:
                    if write.result():
                        yield candidate
                    else:
                        stage.count(STALE, record=candidate)

    def measure(self, share: Share) -> Measures:
        return {
            "InputCount": share.records,
            "StoredCount": share.records_out,
            "StaleCount": share.counts[STALE],
            "FailedCount": share.counts[FAILED],
            "RejectedCount": share.rejections.total(),
        }


def _merge(batch: list[Candidate]) -> tuple[dict[tuple[str, str], Candidate], list[Candidate]]:
    """Return the newest candidate of each key, in the order in which the keys came first, and the others.

    Of equals the last counts as the newest.
    """
    newest: dict[tuple[str, str], Candidate] = {}
    merged = []
    for candidate in batch:
        key = build_key(candidate)
        known = newest.get(key)
        if known is None or known.metadata.version <= candidate.metadata.version:
            newest[key] = candidate
            if known is not None:
                merged.append(known)
        else:
            merged.append(candidate)
    return newest, merged


def _write(table: TableClient, candidate: Candidate, stage: StageContext[Settings]) -> bool:
    """Store a candidate; return False if a newer version is stored already."""
    rank = _rank(candidate, stage.settings)
    item = build_item(candidate, rank, stage.started_at)
    key = {name: item.pop(name) for name in ("PK", "SK")}
    values = {f":{name}": value for name, value in item.items()}
    update = _RANKED if rank else _UNRANKED
    return table.update(key, update, _CONDITION, names=_NAMES, values=values) is None


def _rank(candidate: Candidate, settings: Settings) -> Rank | None:
    """Return the place in ProgramChannelIndex, or None: not every candidate has a channel and a score."""
    eligible = sorted(name for name, usable in candidate.attributes.channel_eligibility.items() if usable)
    channel = settings.primary_channel or next(iter(eligible), None)
    score = candidate.score(settings.rank_by)
    if channel not in eligible or channel is None or score is None:
        return None
    return Rank(channel, score.value)


def _summarise(failures: Mapping[tuple[str, str], BaseException], total: int) -> BaseException:
    """Return one error for all: permanent if one is, as a later attempt would meet it again."""
    first = next((error for error in failures.values() if not isinstance(error, TransientStageError)), None)
    error = first or next(iter(failures.values()))
    if not isinstance(error, StageError):
        return error
    keys = [{"PK": partition, "SK": sort} for partition, sort in failures]
    return type(error)(f"{len(failures)} of {total} items of a batch could not be stored: {error}", {"keys": keys})


handler = StoreStage(NEEDS)
