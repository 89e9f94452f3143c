"""The metrics that log lines hold in CloudWatch's embedded metric format."""

from __future__ import annotations

import json

import pytest

from ceap.local.clock import CLOCK
from ceap.local.engine import Engine
from ceap.local.metrics import Metric, add_embedded, metrics_of


def line(stamp: object, **values: object) -> str:
    directive = {"Namespace": "Own", "Dimensions": [["Stage"]], "Metrics": [{"Name": "Failures"}]}
    return json.dumps({"_aws": {"Timestamp": stamp, "CloudWatchMetrics": [directive]}, "Stage": "Sift", **values})


@pytest.mark.parametrize(
    "wrong",
    [
        '"_aws" in a line of text',
        '{"_aws": 1}',
        '{"_aws": {"CloudWatchMetrics": [{}]}}',
        line(None, Failures=1),
        line(0, Failures="many"),
    ],
)
def test_a_line_that_is_no_metric_hides_none_of_the_others(engine: Engine, wrong: str) -> None:
    now = CLOCK.now()
    lines = [line(now * 1000, Failures=1), "text", wrong, line(now * 1000, Failures=[2, 3])]
    add_embedded(engine.account, lines)
    metric = Metric("Own", "Failures", frozenset({("Stage", "Sift")}))
    samples = metrics_of(engine.account).read(metric, now - 1, now + 1)
    assert [sample.value for sample in samples] == [1, 2, 3]
