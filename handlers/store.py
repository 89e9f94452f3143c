"""Store: writes candidates to the candidates table, the newest version of each."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from handlers.candidates.candidate import Candidate, join_key
from handlers.candidates.candidate_stage import CandidateStage
from handlers.runtime.batch import batched
from handlers.runtime.context import StageContext
from handlers.runtime.contract import StageError, TransientStageError
from handlers.runtime.metrics import Measures
from handlers.runtime.needs import Index, Needs, Table
from handlers.runtime.tables import TableClient, check_item
from handlers.runtime.tally import FAILED, MERGED, STALE, Share


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ProgramChannelIndex ranks by, and how many writes are under way at once.

    `primary_channel` defaults to each candidate's first eligible one in alphabetical order.
    """

    primary_channel: str | None = None
    rank_by: str = "quality"
    concurrency: Annotated[int, Meta(ge=1, le=64)] = 16


# Partition key CUSTOMER#{c}#PROGRAM#{p}#MARKETPLACE#{m}; sort key SUBJECT#{type}#{id}.
CANDIDATES = Table(
    name="candidates",
    partition_key="PK",
    sort_key="SK",
    ttl="ttl",
    indexes=(
        Index("ProgramChannelIndex", partition_key="GSI1PK", sort_key="GSI1SK"),
        Index("ProgramDateIndex", partition_key="GSI2PK", sort_key="GSI2SK"),
    ),
)
NEEDS = Needs(settings=Settings, tables={CANDIDATES: ("UpdateItem",)}, keeps_newest=True)


BATCH: Final = 256

_CONDITION: Final = "attribute_not_exists(#version) OR #version <= :version"
_SET: Final = (
    "SET customerId = :customer, #data = :data, #version = :version, #ttl = :ttl, updatedAt = :now, "
    "createdAt = if_not_exists(createdAt, :created), GSI2PK = if_not_exists(GSI2PK, :datePartition), "
    "GSI2SK = if_not_exists(GSI2SK, :dateSort)"
)
_NAMES: Final = {"#data": "data", "#version": "version", "#ttl": "ttl"}  # DynamoDB reserves these words


class StoreStage(CandidateStage[Candidate, Settings]):
    """Each candidate is stored unless a newer version is; what was stored goes on to the next stage.

    Candidates of the same key are merged within a batch; across batches the condition of the write decides.
    """

    record_type = Candidate

    def check_record(self, record: Candidate) -> None:
        check_item(*build_key(record), content=msgspec.json.encode(record))

    def process_data(self, records: Iterator[Candidate], stage: StageContext[Settings]) -> Iterator[Candidate]:
        table = stage.table(CANDIDATES.name)
        with ThreadPoolExecutor(stage.settings.concurrency) as pool:
            for batch in batched(records, BATCH):
                newest, merged = _merge(batch)
                for candidate in merged:
                    stage.count(MERGED, record=candidate)
                writes = [
                    (key, candidate, pool.submit(_write, table, key, candidate, stage))
                    for key, candidate in newest.items()
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


def build_key(candidate: Candidate) -> tuple[str, str]:
    """Return the partition and the sort key of a candidate's item."""
    program, marketplace = candidate.context_id("program"), candidate.context_id("marketplace")
    return (
        join_key("#", "CUSTOMER", candidate.customer_id, "PROGRAM", program, "MARKETPLACE", marketplace),
        join_key("#", "SUBJECT", candidate.subject.type, candidate.subject.id),
    )


def _write(table: TableClient, key: tuple[str, str], candidate: Candidate, stage: StageContext[Settings]) -> bool:
    """Store a candidate; return False if a newer version is stored already."""
    created = candidate.metadata.created_at
    program = candidate.context_id("program")
    values = {
        ":customer": candidate.customer_id,
        ":data": msgspec.json.encode(candidate).decode(),
        ":version": candidate.metadata.version,
        ":ttl": int(candidate.metadata.expires_at.timestamp()),
        ":now": stage.started_at.isoformat(),
        ":created": created.isoformat(),
        ":datePartition": join_key("#", "PROGRAM", program, "DATE", f"{created:%Y-%m-%d}"),
        ":dateSort": join_key("#", "CREATED", str(int(created.timestamp())), "CUSTOMER", candidate.customer_id),
    }
    rank = _rank(candidate, stage.settings)
    if rank:
        update = f"{_SET}, GSI1PK = :channelPartition, GSI1SK = :channelSort"
        values |= {":channelPartition": rank[0], ":channelSort": rank[1]}
    else:
        update = f"{_SET} REMOVE GSI1PK, GSI1SK"
    partition, sort = key
    refused_by = table.update({"PK": partition, "SK": sort}, update, _CONDITION, names=_NAMES, values=values)
    return refused_by is None


def _rank(candidate: Candidate, settings: Settings) -> tuple[str, str] | None:
    """Return the ProgramChannelIndex key, or None: not every candidate has a channel and a score."""
    eligible = sorted(name for name, usable in candidate.attributes.channel_eligibility.items() if usable)
    channel = settings.primary_channel or next(iter(eligible), None)
    score = candidate.score(settings.rank_by)
    if channel not in eligible or channel is None or score is None:
        return None
    return (
        join_key("#", "PROGRAM", candidate.context_id("program"), "CHANNEL", channel),
        join_key("#", "SCORE", f"{score.value:.6f}", "CUSTOMER", candidate.customer_id),
    )


def _summarise(failures: Mapping[tuple[str, str], BaseException], total: int) -> BaseException:
    """Return one error for all: permanent if one is, as a later attempt would meet it again."""
    first = next((error for error in failures.values() if not isinstance(error, TransientStageError)), None)
    error = first or next(iter(failures.values()))
    if not isinstance(error, StageError):
        return error
    keys = [{"PK": partition, "SK": sort} for partition, sort in failures]
    return type(error)(f"{len(failures)} of {total} items of a batch could not be stored: {error}", {"keys": keys})


handler = StoreStage(NEEDS)
