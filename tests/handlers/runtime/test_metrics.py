from __future__ import annotations

import contextlib
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceap.testing import Json, invoke, message, run, run_first, write_output
from handlers.runtime import metrics
from handlers.runtime.contract import PermanentStageError
from handlers.runtime.metrics import OTHER, Line, limit_lines
from handlers.runtime.needs import Needs
from handlers.runtime.stage import WorkflowLambdaHandler
from handlers.runtime.tally import STALE, Place, Placed, Share
from tests.handlers.conftest import Log
from tests.handlers.metric_lines import FUNCTION, measured, measured_all

pytestmark = pytest.mark.usefixtures("aws")

HOME = (("Shop", "unknown"), ("Stage", "OwnStage"))


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None."""


class Plain(WorkflowLambdaHandler[Json, Settings]):
    """Rejects empty records, and fails at one that says so."""

    home: ClassVar[Place] = HOME[:1]

    def process_data(self, records: Iterator[Json], stage: Any) -> Iterator[Json]:
        for record in records:
            if "fail" in record:
                raise PermanentStageError("the record says so")
            if record:
                yield record
            else:
                stage.reject(record, "EMPTY", "is empty")


class ByReason(Plain):
    """Counts rejections by their reason."""

    def measure(self, share: Share) -> Any:
        return {"InputCount": share.records, "RejectionsByReason": share.rejections}


PLAIN = Plain(Needs(settings=Settings))


def test_a_stage_without_metrics_of_its_own_counts_records_in_out_and_rejected(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(PLAIN, [{"a": 1}, {}, {"b": 1}])
    assert measured(capsys) == {HOME: {"InputCount": 3, "OutputCount": 2, "RejectedCount": 1}}


def test_a_count_by_reason_has_the_reason_as_a_dimension(capsys: pytest.CaptureFixture[str]) -> None:
    run(ByReason(Needs(settings=Settings)), [{"a": 1}, {}, {}])
    assert measured(capsys) == {
        HOME: {"InputCount": 3},
        (*HOME, ("ReasonCode", "EMPTY")): {"RejectionsByReason": 2},
    }


def test_a_run_without_records_is_measured_too(capsys: pytest.CaptureFixture[str]) -> None:
    run_first(PLAIN, message([]))
    assert measured(capsys) == {HOME: {"InputCount": 0, "OutputCount": 0, "RejectedCount": 0}}


def test_a_stage_that_fails_is_measured_as_far_as_it_came(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PermanentStageError, match="the record says so"):
        run(PLAIN, [{"a": 1}, {}, {"fail": True}])
    assert measured(capsys) == {HOME: {"InputCount": 2, "OutputCount": 1, "RejectedCount": 1}}
    with pytest.raises(PermanentStageError, match="should have written it"):
        invoke(PLAIN, "OwnStage", previous="BeforeStage", execution="none")
    assert list(measured(capsys)) == [HOME]


def test_a_stage_that_fails_has_counted_each_record_before(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PermanentStageError, match="the record says so"):
        run(PLAIN, [*[{"a": 1}] * 10, {"fail": True}])
    assert measured(capsys) == {HOME: {"InputCount": 10, "OutputCount": 10, "RejectedCount": 0}}


def test_a_fault_in_the_metrics_is_logged_and_fails_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    def fail(_: Share) -> Json:
        raise RuntimeError("of secret-customer")

    monkeypatch.setattr(PLAIN, "measure", fail)
    assert run(PLAIN, [{"a": 1}])["data"] == [{"a": 1}]
    assert measured_all(capsys) == {FUNCTION: {"InputCount": 1, "OutputCount": 1, "RejectedCount": 0}}
    assert log.lines()[-1]["message"] == "metrics were not written"
    assert "secret-customer" not in log.getvalue()


def test_a_fault_in_the_metrics_does_not_hide_why_the_stage_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("handlers.runtime.metrics._write", None)
    write_output("BeforeStage", [{"fail": True}])
    with pytest.raises(PermanentStageError, match="the record says so"):
        invoke(PLAIN, "OwnStage", previous="BeforeStage")


NAMES = st.sampled_from(["InputCount", "PassedCount", "StageDuration", " padded ", "", "n" * 255, "n" * 256, "ä"])


@given(
    dimensions=st.dictionaries(NAMES, NAMES, max_size=4),
    counts=st.dictionaries(NAMES, st.integers(0, 10**6), max_size=4)
    | st.integers(98, 102).map(lambda number: {f"C{each}": each for each in range(number)}),
    duration_ms=st.none() | st.integers(0, 900_000),
)
@pytest.mark.filterwarnings("ignore:The dimension", "ignore:No application metrics", "ignore:Dimension")
def test_a_line_of_metrics_is_that_of_powertools(
    dimensions: dict[str, str], counts: dict[str, int], duration_ms: int | None
) -> None:
    values = [(name, "Count", float(number)) for name, number in counts.items()]
    values += [] if duration_ms is None else [("StageDuration", "Milliseconds", float(duration_ms))]
    ours = printed(lambda: metrics._write(dimensions, counts, duration_ms))
    assert ours == printed(lambda: metrics._write_checked(dimensions, values))


@pytest.mark.parametrize("number", [0, 1, 99, 100, 101])
@pytest.mark.filterwarnings("ignore:No application metrics")
def test_a_line_of_no_metric_or_of_many_is_that_of_powertools(number: int) -> None:
    counts = {f"C{each}": each for each in range(number)}
    ours = printed(lambda: metrics._write({"Place": "here"}, counts))
    values = [(name, "Count", float(count)) for name, count in counts.items()]
    assert ours == printed(lambda: metrics._write_checked({"Place": "here"}, values))


@given(number=st.integers(27, 32))
def test_metrics_of_many_dimensions_are_those_of_powertools(number: int) -> None:
    dimensions = {f"D{each}": "v" for each in range(number)}
    ours = printed(lambda: metrics._write(dimensions, {"InputCount": 1}))
    assert ours == printed(lambda: metrics._write_checked(dimensions, [("InputCount", "Count", 1.0)]))


def printed(write: Callable[[], None]) -> str:
    """Return what a call prints, without the time, and the error with which it ends."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            write()
        except Exception as error:
            print(repr(error))
    return re.sub(r'"Timestamp":\s?\d+', '"Timestamp":0', out.getvalue())


class Sale(msgspec.Struct, Placed, frozen=True):
    """A record that says its place, and why it is to be rejected."""

    shop: str
    code: str = ""

    def place(self) -> Place:
        return (("Shop", self.shop),)


class Sales(WorkflowLambdaHandler[Sale, Settings]):
    """Rejects what has a code."""

    record_type = Sale

    def process_data(self, records: Iterator[Sale], stage: Any) -> Iterator[Sale]:
        for record in records:
            if record.code:
                stage.reject(record, record.code, "it has a code")
            else:
                yield record

    def measure(self, share: Share) -> Any:
        return {"InputCount": share.records, "RejectionsByReason": share.rejections}


SALES = Sales(Needs(settings=Settings))


def at(shop: str, *code: str) -> Place:
    codes = [("ReasonCode", each) for each in code]
    return (("Shop", shop), ("Stage", "OwnStage"), *codes)


def limits(log: Log) -> list[tuple[int, int]]:
    lines = [line for line in log.lines() if "dimensionSets" in line]
    assert {line["message"] for line in lines} <= {"metrics of small places or codes count as other"}
    return [(line["dimensionSets"], line["written"]) for line in lines]


def test_places_beyond_twenty_dimension_sets_count_as_other(capsys: pytest.CaptureFixture[str], log: Log) -> None:
    run(SALES, [Sale(f"s{number:02}") for number in range(30)] + [Sale("s29"), Sale("s28")])
    large = {at(shop): {"InputCount": 2} for shop in ("s28", "s29")}
    named = {at(f"s{number:02}"): {"InputCount": 1} for number in range(16)}
    function = {FUNCTION: {"InputCount": 32, "OutputCount": 32, "RejectedCount": 0}}
    assert measured_all(capsys) == large | named | {at(OTHER): {"InputCount": 12}} | function
    assert limits(log) == [(30, 19)]


def test_codes_count_as_dimension_sets_too(capsys: pytest.CaptureFixture[str], log: Log) -> None:
    codes = [f"C{number:02}" for number in range(12)]
    run(SALES, [Sale(shop, code) for shop in ("a", "a", "b") for code in codes] + [Sale("b", "C11")])
    assert measured(capsys) == {
        at("a"): {"InputCount": 24},
        **{at("a", code): {"RejectionsByReason": 2} for code in codes},
        at(OTHER): {"InputCount": 13},
        at(OTHER, "C11"): {"RejectionsByReason": 2},
        **{at(OTHER, code): {"RejectionsByReason": 1} for code in codes[:3]},
        at(OTHER, OTHER): {"RejectionsByReason": 8},
    }
    assert limits(log) == [(26, 19)]


def test_the_function_and_nineteen_dimension_sets_keep_their_names(
    capsys: pytest.CaptureFixture[str], log: Log
) -> None:
    shops = [f"s{number:02}" for number in range(19)]
    run(SALES, map(Sale, shops))
    assert measured(capsys) == {at(shop): {"InputCount": 1} for shop in shops}
    assert limits(log) == []


class Newest(Sales):
    """Counts records with a code as stale."""

    def process_data(self, records: Iterator[Sale], stage: Any) -> Iterator[Sale]:
        for record in records:
            if record.code == "fail":
                raise PermanentStageError("the record says so")
            if record.code:
                stage.count(STALE, record=record)
            else:
                yield record


NEWEST = Newest(Needs(settings=Settings, keeps_newest=True))


def test_all_records_of_a_run_are_counted_by_function(capsys: pytest.CaptureFixture[str]) -> None:
    run(SALES, [Sale("a"), Sale("b", "C1"), Sale("b", "C2"), Sale("c")])
    assert measured_all(capsys)[FUNCTION] == {"InputCount": 4, "OutputCount": 2, "RejectedCount": 2}
    run_first(PLAIN, message([]))
    assert measured_all(capsys)[FUNCTION] == {"InputCount": 0, "OutputCount": 0, "RejectedCount": 0}


def test_a_function_that_fails_counts_the_records_that_it_took(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PermanentStageError, match="the record says so"):
        run(PLAIN, [{"a": 1}, {}, {"fail": True}, {"b": 1}])
    assert measured_all(capsys)[FUNCTION] == {"InputCount": 3, "OutputCount": 1, "RejectedCount": 1}


def test_a_function_whose_input_is_missing_has_counted_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PermanentStageError, match="should have written it"):
        invoke(PLAIN, "OwnStage", previous="BeforeStage", execution="none")
    assert measured_all(capsys)[FUNCTION] == {"InputCount": 0, "OutputCount": 0, "RejectedCount": 0}


def test_stale_records_of_all_places_are_counted_by_function(capsys: pytest.CaptureFixture[str]) -> None:
    run(NEWEST, [Sale("a", "old"), Sale("b", "old"), Sale("b")])
    counts = {"InputCount": 3, "OutputCount": 1, "RejectedCount": 0, "StaleCount": 2}
    assert measured_all(capsys)[FUNCTION] == counts
    run(NEWEST, [Sale("a")], execution="e2")
    assert measured_all(capsys)[FUNCTION]["StaleCount"] == 0
    with pytest.raises(PermanentStageError, match="the record says so"):
        run(NEWEST, [Sale("a", "old"), Sale("a", "fail")], execution="e3")
    assert measured_all(capsys)[FUNCTION]["StaleCount"] == 1


COUNTS = st.integers(0, 1000)
NAMES = st.one_of(st.sampled_from(["a", "b", OTHER]), st.text(max_size=3))
BY_METRIC = st.dictionaries(st.sampled_from(["First", "Second"]), COUNTS).map(Counter)
LINES = st.lists(
    st.builds(
        Line,
        place=st.tuples(st.tuples(st.just("Shop"), NAMES), st.tuples(st.just("Town"), NAMES)),
        records=COUNTS,
        counts=BY_METRIC,
        reasons=st.dictionaries(NAMES, BY_METRIC, max_size=30),
    ),
    max_size=40,
    unique_by=lambda line: line.place,
)


def sums(lines: Iterable[Line]) -> tuple[int, dict[str, int], dict[str, int]]:
    """The records, the counts by metric, and those with a reason code by metric."""
    plain, by_reason = Counter[str](), Counter[str]()
    for line in lines:
        plain.update(line.counts)
        for counts in line.reasons.values():
            by_reason.update(counts)
    return sum(line.records for line in lines), dict(plain), dict(by_reason)


@given(lines=LINES, sets_max=st.integers(4, 20))
def test_a_limit_of_dimension_sets_keeps_all_sums(lines: list[Line], sets_max: int) -> None:
    limited = limit_lines(lines, sets_max)
    assert sums(limited) == sums(lines)
    assert sum(line.sets for line in limited) <= sets_max


@given(lines=LINES.flatmap(lambda lines: st.tuples(st.just(lines), st.permutations(lines))))
def test_the_order_of_places_does_not_decide_which_keep_their_names(lines: tuple[list[Line], list[Line]]) -> None:
    first, second = (limit_lines(each) for each in lines)
    assert first == second


@given(lines=LINES.filter(bool))
def test_the_place_with_the_most_records_keeps_its_name(lines: list[Line]) -> None:
    largest = max(line.records for line in lines)
    first = limit_lines(lines)[0]
    assert first.place in [line.place for line in lines if line.records == largest]
