"""The laws of what a stage does to records, for every stage and any candidates; `run` asserts that of counting."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ceap.testing import Json, items, run
from handlers import etl, filter, reactive, score, store  # noqa: A004 - the stage is called so
from handlers.candidates.candidate import Candidate
from handlers.runtime import stage as stage_module
from handlers.runtime import storage
from handlers.runtime.document import Header, encode_document, read_records
from handlers.runtime.stage import WorkflowLambdaHandler
from tests.handlers.candidates.support import AUDIT, candidate
from tests.handlers.support import strip

pytestmark = pytest.mark.usefixtures("aws")

# One emulated AWS serves all examples of a test: each has executions of its own.
shared_aws = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

TABLES = [table for module in (score, store, reactive) for table in module.NEEDS.tables]
HANDLERS = st.sampled_from([etl.handler, filter.handler, score.handler, store.handler, reactive.handler])
WRITERS = st.sampled_from([score.handler, store.handler, reactive.handler])
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
finite = st.floats(allow_nan=False, allow_infinity=False)
_executions = map("e{}".format, itertools.count())


@st.composite
def candidates(draw: st.DrawFn) -> Candidate:
    """Few keys, so that candidates meet; else anything that a candidate may hold."""
    return candidate(
        draw(st.sampled_from(["c1", "c2", "ü#\u2028:%"])),
        subject=draw(st.sampled_from(["o1", "o2"])),
        version=draw(st.integers(1, 3)),
        scores=draw(st.none() | st.dictionaries(texts, finite, max_size=2)),
        orderValue=draw(finite),
        timingWindow=draw(texts),
        channelEligibility=draw(st.dictionaries(texts, st.booleans(), max_size=2)),
    )


lists = st.lists(candidates(), max_size=12)


def identity(record: Json) -> tuple[Any, ...]:
    return record["customerId"], record["subject"], record["attributes"], record["metadata"]["version"]


@shared_aws
@given(stage=HANDLERS, records=lists)
def test_records_leave_a_stage_in_the_order_in_which_they_came(
    stage: WorkflowLambdaHandler[Any, Any], records: list[Candidate]
) -> None:
    left = map(identity, run(stage, records, execution=next(_executions))["data"])
    came = iter([identity(msgspec.to_builtins(record)) for record in records])
    # Store lets the newest of a batch take the place of the first of its key.
    if stage is store.handler:
        assert set(map(str, left)) <= set(map(str, came))
    else:
        assert all(any(record == other for other in came) for record in left)


@shared_aws
@given(stage=HANDLERS, records=lists, chunk=st.integers(1, 4000))
def test_a_stage_does_not_notice_how_its_input_is_cut_into_chunks(
    stage: WorkflowLambdaHandler[Any, Any], records: list[Candidate], chunk: int
) -> None:
    whole = run(stage, records, execution=next(_executions))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage_module, "EDGE_BYTES", 100)
        patch.setattr(storage, "CHUNK_BYTES", chunk)
        cut = run(stage, records, execution=next(_executions))
    for document in (whole, cut):
        for record in document["data"]:
            record.pop("published", None), record.pop("reason", None)
    assert [identity(record) for record in whole["data"]] == [identity(record) for record in cut["data"]]


@shared_aws
@given(stage=WRITERS, records=lists, times=st.sampled_from([1, 4]))
def test_tables_are_the_same_however_often_a_message_is_processed(
    stage: WorkflowLambdaHandler[Any, Any], records: list[Candidate], times: int
) -> None:
    run(stage, records, execution=next(_executions))
    once = [strip(items(table), AUDIT) for table in TABLES]
    for _ in range(times):
        run(stage, records, execution=next(_executions))
    assert once == [strip(items(table), AUDIT) for table in TABLES]


@given(records=lists)
def test_candidates_come_back_from_a_document_as_they_were(records: list[Candidate]) -> None:
    header = Header(execution_id="e", stage="S", started_at="2026-01-02T03:04:05Z")
    body = encode_document(header, records, lambda count: {"outputRecordCount": count})
    decoder = msgspec.json.Decoder(Candidate)
    assert list(read_records(body, decoder, count=len(records), where="a document")) == records
