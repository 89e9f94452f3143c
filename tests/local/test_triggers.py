"""The triggers of a workflow in a run: which send, how often, and what is told of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ceap.errors import UsageError
from ceap.local.engine import Engine
from ceap.local.order import Order
from ceap.local.seed import Seed
from ceap.local.triggers import fire
from tests.local.support import Template, deploy_triggered, triggered_template

BUCKET = "my-exports-dev"


def order(folder: Path, *keys: str, copies: int = 1) -> Order:
    """Return an order of what the triggers send, with these objects in the seed."""
    for key in keys:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_text("a row", encoding="utf-8")
    seed = Seed(folder, False, {BUCKET: {key: folder / key for key in keys}}, {}, {}, {}, ())
    return Order(None, copies, once=False, failure=None, seed=seed, start=None)


def without_schedule() -> Template:
    template = triggered_template()
    del template["Resources"]["Schedule"]
    return template


def test_each_trigger_sends_as_often_as_is_ordered_and_is_told_once(engine: Engine, tmp_path: Path) -> None:
    deployed = deploy_triggered(engine)
    told: list[str] = []
    assert fire(engine, order(tmp_path, "orders/1.csv", "orders/2.csv", "other/3.csv", copies=2), told.append) == 6
    assert told == [
        "schedule ceap-triggered-dev-schedule sends its message",
        "rule ceap-triggered-dev-objects sends 2 messages, of 3 objects in the seed: "
        f"s3://{BUCKET}/orders/1.csv, s3://{BUCKET}/orders/2.csv",
    ]
    sources = [json.loads(body)["source"] for body in engine.messages(deployed.queue)]
    assert sorted(source.get("key", source.get("prefix")) for source in sources) == [
        *("orders/", "orders/", "orders/1.csv", "orders/1.csv", "orders/2.csv", "orders/2.csv")
    ]


def test_triggers_that_send_nothing_are_an_error_that_counts_the_objects(engine: Engine, tmp_path: Path) -> None:
    deploy_triggered(engine, without_schedule())
    with pytest.raises(UsageError, match="no trigger sends a message: of 1 object in the seed none matches s3_events"):
        fire(engine, order(tmp_path, "other/3.csv"), print)
