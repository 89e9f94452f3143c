"""The item of a candidate in the candidates table: its keys, those of the indexes, and its content."""

from datetime import datetime
from typing import Final, NamedTuple

from handlers.candidates.candidate import Candidate, join_key
from handlers.runtime.needs import Index, Table
from handlers.runtime.records import encode_record
from handlers.runtime.tables import Item

# Partition key CUSTOMER#{c}#PROGRAM#{p}#MARKETPLACE#{m}; sort key SUBJECT#{type}#{id}.
CANDIDATES: Final = Table(
    name="candidates",
    partition_key="PK",
    sort_key="SK",
    ttl="ttl",
    indexes=(
        Index("ProgramChannelIndex", partition_key="GSI1PK", sort_key="GSI1SK"),
        Index("ProgramDateIndex", partition_key="GSI2PK", sort_key="GSI2SK"),
    ),
)


class Rank(NamedTuple):
    """The place of a candidate in ProgramChannelIndex."""

    channel: str
    score: float


def build_key(candidate: Candidate) -> tuple[str, str]:
    """Return the partition and the sort key; BadRecordError if the candidate has no program or marketplace."""
    program, marketplace = candidate.context_id("program"), candidate.context_id("marketplace")
    return (
        join_key("#", "CUSTOMER", candidate.customer_id, "PROGRAM", program, "MARKETPLACE", marketplace),
        join_key("#", "SUBJECT", candidate.subject.type, candidate.subject.id),
    )


def build_item(candidate: Candidate, rank: Rank | None, updated_at: datetime) -> Item:
    """Return the item; without a rank it is not in ProgramChannelIndex.

    Raises:
        BadRecordError: The candidate has no program or marketplace, or its metadata nests too deep.
    """
    partition, sort = build_key(candidate)
    created, customer, program = candidate.metadata.created_at, candidate.customer_id, candidate.context_id("program")
    item: Item = {
        "PK": partition,
        "SK": sort,
        "customerId": customer,
        "data": encode_record(candidate).decode(),
        "version": candidate.metadata.version,
        "ttl": int(candidate.metadata.expires_at.timestamp()),
        "updatedAt": updated_at.isoformat(),
        "createdAt": created.isoformat(),
        "GSI2PK": join_key("#", "PROGRAM", program, "DATE", f"{created:%Y-%m-%d}"),
        "GSI2SK": join_key("#", "CREATED", str(int(created.timestamp())), "CUSTOMER", customer),
    }
    if rank:
        item["GSI1PK"] = join_key("#", "PROGRAM", program, "CHANNEL", rank.channel)
        item["GSI1SK"] = join_key("#", "SCORE", f"{rank.score:.6f}", "CUSTOMER", customer)
    return item
