"""Where records count: the framework knows no domain, a record or a message says its own place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec
import pytest

from ceap.testing import run, run_first
from handlers.runtime.message import Message
from handlers.runtime.needs import Needs
from handlers.runtime.stage import WorkflowLambdaHandler
from handlers.runtime.tally import Place, Placed, Tally


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None."""


class Sale(msgspec.Struct, Placed, frozen=True):
    """A record of another domain."""

    shop: str

    def place(self) -> Place:
        return (("Shop", self.shop),)


class Till(Message, frozen=True):
    """A message of another domain."""

    shop: str = "none"

    def place(self) -> Place:
        return (("Shop", self.shop),)


class Sales(WorkflowLambdaHandler[Sale, Settings]):
    """Passes sales on."""

    record_type = Sale
    message_type: ClassVar[type[Message]] = Till
    home: ClassVar[Place] = (("Shop", "unknown"),)

    def process_data(self, records: Iterator[Sale], stage: Any) -> Iterator[Sale]:
        yield from records


class Rows(WorkflowLambdaHandler[dict[str, Any], Settings]):
    """Passes any records on."""

    def process_data(self, records: Iterator[dict[str, Any]], stage: Any) -> Iterator[dict[str, Any]]:
        yield from records


def metrics(capsys: pytest.CaptureFixture[str]) -> dict[tuple[tuple[str, str], ...], float]:
    """The records out by the dimensions of their metric, but for those of the whole function."""
    found = {}
    for line in capsys.readouterr().out.splitlines():
        if (entry := json.loads(line)).get("_aws"):
            [names] = entry["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
            if names != ["FunctionName"]:
                [found[tuple((name, entry[name]) for name in names)]] = entry["OutputCount"]
    return found


@pytest.mark.usefixtures("aws")
def test_records_say_the_dimensions_of_their_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    run(Sales(Needs(settings=Settings)), [Sale("a"), Sale("b"), Sale("a")])
    assert metrics(capsys) == {(("Shop", "a"), ("Stage", "OwnStage")): 2, (("Shop", "b"), ("Stage", "OwnStage")): 1}


@pytest.mark.usefixtures("aws")
def test_a_message_says_where_records_count_that_do_not(capsys: pytest.CaptureFixture[str]) -> None:
    message = json.dumps({"shop": "c", "source": {"kind": "inline", "records": []}})
    run_first(Sales(Needs(settings=Settings)), message)
    assert metrics(capsys) == {(("Shop", "c"), ("Stage", "OwnStage")): 0}
    run(Sales(Needs(settings=Settings)), [], execution="other")
    assert metrics(capsys) == {(("Shop", "unknown"), ("Stage", "OwnStage")): 0}


@pytest.mark.usefixtures("aws")
def test_metrics_have_the_stage_alone_where_nothing_says_a_place(capsys: pytest.CaptureFixture[str]) -> None:
    run(Rows(Needs(settings=Settings)), [{"a": 1}])
    assert metrics(capsys) == {(("Stage", "OwnStage"),): 1}


def test_places_are_kept_apart_whatever_the_order() -> None:
    tally = Tally()
    for shop in ("a", "b", "a", "a"):
        tally.share(Sale(shop)).records_out += 1
    tally.share({"no": "place"}).records_out += 1
    counts = {place: share.records_out for place, share in tally.shares().items()}
    assert counts == {(("Shop", "a"),): 3, (("Shop", "b"),): 1, (): 1}


def test_records_of_a_block_count_one_by_one_as_they_are_taken() -> None:
    tally = Tally()
    taken = [(record, tally.records_in, tally.left_in_block) for record in tally.count_in([["a", "b"], ("c",)])]
    assert taken == [("a", 1, 1), ("b", 2, 0), ("c", 3, 0)]


def test_records_that_leave_count_where_each_belongs() -> None:
    tally = Tally((("Shop", "home"),))
    tally.count_out([{"no": "place"}, {"no": "place"}])
    tally.count_out([Sale("a"), {"no": "place"}, Sale("b"), Sale("a")])
    counts = {place: share.records_out for place, share in tally.shares().items()}
    assert counts == {(("Shop", "home"),): 3, (("Shop", "a"),): 2, (("Shop", "b"),): 1}
