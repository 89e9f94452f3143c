"""Reads the metrics that a stage wrote to its log."""

from __future__ import annotations

import json
from typing import TypeAlias

import pytest

from handlers.runtime.tally import Place

Values: TypeAlias = dict[Place, dict[str, float]]


FUNCTION: Place = (("FunctionName", "own-function"),)


def measured(capsys: pytest.CaptureFixture[str]) -> Values:
    """Return the metrics of places that were written since the last look, without the durations of each run."""
    return {place: counts for place, counts in measured_all(capsys).items() if place != FUNCTION}


def measured_all(capsys: pytest.CaptureFixture[str]) -> Values:
    """Return the metrics of places and of the function, without the durations of each run."""
    values: Values = {}
    for line in capsys.readouterr().out.splitlines():
        if (entry := json.loads(line)).get("_aws") is None:
            continue
        [metrics] = entry["_aws"]["CloudWatchMetrics"]
        [dimensions] = metrics["Dimensions"]
        assert metrics["Namespace"] == "CeapPlatform/Workflow"
        units = {metric["Name"]: metric["Unit"] for metric in metrics["Metrics"]}
        assert {name: "Milliseconds" if name == "StageDuration" else "Count" for name in units} == units
        counts = {name: value for name in units for value in entry[name]}
        if dimensions[-1] in {"Stage", "FunctionName"}:
            assert 0 <= counts.pop("StageDuration") < 600_000
        values[tuple((name, entry[name]) for name in dimensions)] = counts
    return values
