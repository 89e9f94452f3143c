"""What a stage yields, and what it reads: the type that it declares, how many records, and whose document it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from ceap.testing import EXECUTION, Json, error, invoke, run, write_output
from handlers.runtime.context import StageContext
from handlers.runtime.contract import PermanentStageError, output_key
from handlers.runtime.needs import Needs
from handlers.runtime.stage import WorkflowLambdaHandler
from tests.handlers.support import get_object, keys, put_object

pytestmark = pytest.mark.usefixtures("aws")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True): ...


NEEDS = Needs(settings=Settings)


class Copier(WorkflowLambdaHandler[Json, Settings]):
    """Yields each record as often as it says."""

    def process_data(self, records: Iterator[Json], stage: StageContext[Settings]) -> Iterator[Json]:
        for record in records:
            yield from [record] * record["copies"]


class Splitter(Copier):
    expands = True


COPIER, SPLITTER = Copier(NEEDS), Splitter(NEEDS)


def unbalanced(stage: Copier, copies: int) -> str:
    """Run a stage on one record, which must fail; return the message."""
    with pytest.raises(PermanentStageError):
        run(stage, [{"copies": copies}])
    message: str = error()["errorMessage"]
    return message


def test_a_stage_that_makes_several_records_of_one_is_told_how_to_say_so() -> None:
    text = "once; a stage that makes several records of one declares `expands = True`"
    assert text in unbalanced(COPIER, 2)
    assert text not in unbalanced(COPIER, 0)


def test_records_that_a_stage_makes_beyond_those_it_took_are_counted_as_expanded() -> None:
    metadata = run(SPLITTER, [{"copies": 2}, {"copies": 1}, {"copies": 2}])["metadata"]
    assert [metadata[f"{way}RecordCount"] for way in ("input", "expanded", "output")] == [3, 2, 5]


def test_a_stage_that_may_expand_records_may_not_lose_one() -> None:
    assert unbalanced(SPLITTER, 0) == (
        "OwnStage took 1 records but accounts for 0: 0 yielded, 0 rejected, 0 merged, 0 stale; its process_data must "
        "yield or reject each record, or count it by stage.count(MERGED) or stage.count(STALE)"
    )


class Returning(WorkflowLambdaHandler[Json, Settings]):
    """Gives back what it is made with."""

    def __init__(self, results: Any) -> None:
        super().__init__(NEEDS)
        self.results = results

    def process_data(self, records: Iterator[Json], stage: StageContext[Settings]) -> Iterator[Json]:
        results: Iterator[Json] = self.results
        return results


@pytest.mark.parametrize(
    ("results", "text"),
    [
        (None, "process_data of OwnStage returned None; yield each record instead"),
        ([{"a": 1}], "process_data of OwnStage returned an object of type list, not a generator; yield each"),
        (iter(["text"]), "record 1 that OwnStage yields is of type str, not dict; yield each record as dict"),
        (iter([{"a": float("nan")}]), "record 1 that OwnStage yields holds the number nan, which JSON has not"),
    ],
)
def test_a_stage_that_yields_what_is_no_record_is_blamed_and_leaves_no_output(results: Any, text: str) -> None:
    with pytest.raises(PermanentStageError, match=text):
        run(Returning(results), [{"a": 1}])
    assert error()["errorMessage"].startswith(text)
    assert output_key(EXECUTION, "OwnStage") not in keys()


class Tagged(msgspec.Struct):
    a: int
    tag: str = "x"


class Tagging(Returning):
    yields = Tagged

    def process_data(self, records: Iterator[Json], stage: StageContext[Settings]) -> Iterator[Any]:
        yield from (Tagged(a=record["a"]) if self.results else record for record in records)


def test_a_stage_is_held_to_the_type_that_it_declares() -> None:
    assert run(Tagging(True), [{"a": 1}])["data"] == [{"a": 1, "tag": "x"}]
    with pytest.raises(PermanentStageError, match="record 1 that OwnStage yields is of type dict, not Tagged"):
        run(Tagging(False), [{"a": 1}])


def test_the_document_of_another_execution_is_refused() -> None:
    write_output("BeforeStage", [{"copies": 1}], "execution-0")
    put_object(output_key(EXECUTION, "BeforeStage"), get_object(output_key("execution-0", "BeforeStage")))
    with pytest.raises(PermanentStageError, match="is the document of BeforeStage of execution execution-0, copied"):
        invoke(COPIER, "OwnStage", previous="BeforeStage")


def test_the_document_of_another_stage_is_refused() -> None:
    write_output("FirstStage", [{"copies": 1}])
    put_object(output_key(EXECUTION, "BeforeStage"), get_object(output_key(EXECUTION, "FirstStage")))
    with pytest.raises(PermanentStageError, match=f"is the document of FirstStage of execution {EXECUTION}, copied"):
        invoke(COPIER, "OwnStage", previous="BeforeStage")


def test_a_byte_that_is_not_utf_8_is_refused_also_in_a_field_that_no_stage_reads() -> None:
    write_output("BeforeStage", [{"a": 1, "other": "\N{LATIN SMALL LETTER U WITH DIAERESIS}"}])
    key = output_key(EXECUTION, "BeforeStage")
    put_object(key, get_object(key).replace("\N{LATIN SMALL LETTER U WITH DIAERESIS}".encode(), b"\xfc"))
    with pytest.raises(PermanentStageError, match="record 1 is not UTF-8"):
        invoke(Reader(NEEDS), "OwnStage", previous="BeforeStage")


class Reader(WorkflowLambdaHandler[Tagged, Settings]):
    record_type = Tagged

    def process_data(self, records: Iterator[Tagged], stage: StageContext[Settings]) -> Iterator[Tagged]:
        yield from records
