from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
import pytest

from handlers.runtime.contract import PermanentStageError
from handlers.runtime.needs import Needs
from handlers.runtime.stage import WorkflowLambdaHandler
from handlers.runtime.tally import Place, Share
from tests.handlers.conftest import Log
from tests.handlers.metric_lines import measured
from tests.handlers.support import Json, message, run, run_on, write_output

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
    run_on(PLAIN, [{"a": 1}, {}, {"b": 1}])
    assert measured(capsys) == {HOME: {"InputCount": 3, "OutputCount": 2, "RejectedCount": 1}}


def test_a_count_by_reason_has_the_reason_as_a_dimension(capsys: pytest.CaptureFixture[str]) -> None:
    run_on(ByReason(Needs(settings=Settings)), [{"a": 1}, {}, {}])
    assert measured(capsys) == {
        HOME: {"InputCount": 3},
        (*HOME, ("ReasonCode", "EMPTY")): {"RejectionsByReason": 2},
    }


def test_a_run_without_records_is_measured_too(capsys: pytest.CaptureFixture[str]) -> None:
    run(PLAIN, "OwnStage", initial_data=message([]))
    assert measured(capsys) == {HOME: {"InputCount": 0, "OutputCount": 0, "RejectedCount": 0}}


def test_a_stage_that_fails_is_measured_as_far_as_it_came(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PermanentStageError, match="the record says so"):
        run_on(PLAIN, [{"a": 1}, {}, {"fail": True}])
    assert measured(capsys) == {HOME: {"InputCount": 2, "OutputCount": 1, "RejectedCount": 1}}
    with pytest.raises(PermanentStageError, match="should have written it"):
        run(PLAIN, "OwnStage", previous="BeforeStage", execution="none")
    assert list(measured(capsys)) == [HOME]


def test_a_fault_in_the_metrics_is_logged_and_fails_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    def fail(_: Share) -> Json:
        raise RuntimeError("of secret-customer")

    monkeypatch.setattr(PLAIN, "measure", fail)
    assert run_on(PLAIN, [{"a": 1}])["data"] == [{"a": 1}]
    assert measured(capsys) == {}
    assert log.lines()[-1]["message"] == "metrics were not written"
    assert "secret-customer" not in log.getvalue()


def test_a_fault_in_the_metrics_does_not_hide_why_the_stage_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aws_lambda_powertools.metrics.EphemeralMetrics.flush_metrics", None)
    write_output("BeforeStage", [{"fail": True}])
    with pytest.raises(PermanentStageError, match="the record says so"):
        run(PLAIN, "OwnStage", previous="BeforeStage")
