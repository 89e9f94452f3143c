"""The metrics of a stage, in CloudWatch's embedded metric format: lines of the log, which need no permission."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from handlers.runtime.logs import logger
from handlers.runtime.tally import Place, Share, Tally

NAMESPACE: Final = "CeapPlatform/Workflow"

# Counts by the names of their metrics; one that is a mapping is counted per reason code, a dimension of its own.
Measures: TypeAlias = Mapping[str, int | Mapping[str, int]]


def write_metrics(stage: str, tally: Tally, measure: Callable[[Share], Measures], duration_ms: int) -> None:
    """Write what a run measured, a line per place; a failure to write is only logged.

    `StageDuration` is that of the whole run, on each of the lines.
    """
    try:
        for place, share in tally.shares().items():
            _write_place(stage, place, measure(share), duration_ms)
    except Exception as error:
        logger().warning("metrics were not written", reason=type(error).__name__)


def _write_place(stage: str, place: Place, measures: Measures, duration_ms: int) -> None:
    dimensions = {**dict(place), "Stage": stage}
    plain = {name: value for name, value in measures.items() if isinstance(value, int)}
    _write_line(dimensions, plain, duration_ms)
    for name, value in measures.items():
        if isinstance(value, Mapping):
            for code, number in value.items():
                _write_line(dimensions | {"ReasonCode": code}, {name: number})


def _write_line(dimensions: Mapping[str, str], counts: Mapping[str, int], duration_ms: int | None = None) -> None:
    from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

    # An empty service: the logger's variable would make it one more dimension.
    metrics = EphemeralMetrics(namespace=NAMESPACE, service="")
    for name, value in dimensions.items():
        metrics.add_dimension(name, value)
    for name, number in counts.items():
        metrics.add_metric(name, MetricUnit.Count, number)
    if duration_ms is not None:
        metrics.add_metric("StageDuration", MetricUnit.Milliseconds, duration_ms)
    metrics.flush_metrics()
