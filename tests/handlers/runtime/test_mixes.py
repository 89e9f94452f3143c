"""Stages migrate one at a time: in any chain, each may be a handler or an existing function, and hands on the same."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock
from urllib.parse import unquote, urlsplit

import msgspec
import pytest
from botocore.awsrequest import AWSResponse  # type: ignore[import-untyped]  # botocore ships no types
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.core.botocore_stubber import BotocoreStubber

from ceap.testing import invoke, message
from handlers.runtime import legacy
from handlers.runtime.context import StageContext
from handlers.runtime.contract import output_key
from handlers.runtime.needs import LEGACY_VARIABLE, Needs
from handlers.runtime.stage import WorkflowLambdaHandler
from tests.handlers.support import get_object, keys

pytestmark = pytest.mark.usefixtures("aws")

Json = dict[str, Any]
Work = Callable[[Json], list[Json]]

WORK: dict[str, Work] = {
    "keep": lambda record: [record],
    "drop": lambda record: [] if record.get("drop") else [record],
    "mark": lambda record: [record | {"marks": record.get("marks", 0) + 1}],
    "split": lambda record: [record, record | {"half": True}],
}
"""What a stage makes of a record, by name."""

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
record_lists = st.lists(
    st.fixed_dictionaries({"id": st.text(max_size=3)}, optional={"drop": st.booleans(), "content": values}), max_size=4
)
_numbers = itertools.count()


class NoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class NewStage(WorkflowLambdaHandler[Json, NoSettings]):
    expands = True

    def __init__(self, work: Work) -> None:
        super().__init__(Needs(settings=NoSettings))
        self._work = work

    def process_data(self, records: Iterator[Json], stage: StageContext[NoSettings]) -> Iterator[Json]:
        for record in records:
            made = self._work(record)
            yield from made
            if not made:
                stage.reject(record, "DROPPED", "the record says so")


def function(work: Work) -> Callable[[Any], list[Json]]:
    """Return an existing function that does the same: it takes a message or a list of records, and returns a list."""

    def work_off(payload: Any) -> list[Json]:
        records = payload["source"]["records"] if isinstance(payload, dict) else payload
        return [made for record in records for made in work(record)]

    return work_off


@contextmanager
def functions(answers: Mapping[str, Callable[[Any], object]]) -> Iterator[None]:
    """Answer calls of functions, by ARN, below the client, with the JSON that Lambda's runtime makes of results."""
    emulate = BotocoreStubber.__call__

    def answer(emulator: BotocoreStubber, event_name: str, request: Any, **context: object) -> Any:
        if event_name != "before-send.lambda.Invoke":
            return emulate(emulator, event_name, request, **context)
        name = unquote(urlsplit(request.url).path.split("/")[3])
        result = json.dumps(answers[name](json.loads(request.body)), ensure_ascii=False)
        return AWSResponse(request.url, 200, {}, _Body(result.encode()))

    with mock.patch.object(BotocoreStubber, "__call__", answer):
        yield


class _Body(io.BytesIO):
    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


def run_chain(chain: list[tuple[str, bool]], records: list[Json]) -> tuple[list[list[bytes]], list[str]]:
    """Run stages, each given as its work and whether an existing function does it; return their records, and the keys.

    `invoke` checks that each stage accounts for every record; here, that it took what the one before handed on.
    """
    execution, previous, count = f"execution-{next(_numbers)}", None, None
    documents = []
    for number, (work, is_old) in enumerate(chain):
        stage, arn = f"Stage{number}", f"arn:aws:lambda:eu-central-1:123456789012:function:{work}"
        handler = legacy.handler if is_old else NewStage(WORK[work])
        with mock.patch.dict("os.environ", {LEGACY_VARIABLE: arn}), functions({arn: function(WORK[work])}):
            body = message(records) if previous is None else None
            metadata = invoke(handler, stage, previous=previous, initial_data=body, execution=execution)["metadata"]
        assert count in (None, metadata["inputRecordCount"])
        previous, count = stage, metadata["outputRecordCount"]
        documents.append(get_object(output_key(execution, stage)).splitlines()[1:-1])
    outputs = [key for key in keys(f"executions/{execution}/") if not key.endswith("rejected.jsonl")]
    return documents, [key.replace(execution, "execution") for key in outputs]


@pytest.mark.property(39, "H")
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    chain=st.lists(st.tuples(st.sampled_from(list(WORK)), st.booleans()), min_size=1, max_size=4), records=record_lists
)
def test_every_stage_hands_on_the_same_bytes_whichever_stages_existing_functions_do(
    chain: list[tuple[str, bool]], records: list[Json]
) -> None:
    migrated = [(work, False) for work, _ in chain]
    assert run_chain(chain, records) == run_chain(migrated, records)
