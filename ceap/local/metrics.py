"""The metrics of an account: what AWS's services measure, on the virtual clock.

Each service of the engine adds its values when something happens; what a queue holds is read from it, see
`queue_metrics`. Nothing expires, and nothing comes late or twice, as it may on AWS.
Source: Step Functions Developer Guide, "Monitoring Step Functions metrics using Amazon CloudWatch"; Lambda Developer
Guide, "Types of metrics for Lambda functions"; EventBridge User Guide, "Monitoring Amazon EventBridge" and "Monitoring
EventBridge Pipes"; EventBridge Scheduler User Guide, "Monitoring with CloudWatch".
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from moto.cloudwatch.models import cloudwatch_backends

from ceap.local.clock import CLOCK
from ceap.local.sessions import REGION

_KEPT: Final = "ceap_metrics"


class Metric(NamedTuple):
    """A metric as CloudWatch tells it from others; `dimensions` are its names and values."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]


class Sample(NamedTuple):
    """A value of a metric, at a virtual moment in seconds since the epoch."""

    moment: float
    value: float


Gauge: TypeAlias = Callable[[Metric, float, float], Iterable[Sample] | None]
"""Returns the samples of a metric from a moment up to, not including, another; None for a metric of somebody else."""


class Metrics:
    """The metrics of one account; several threads may add values."""

    def __init__(self) -> None:
        self.gauges: Final[list[Gauge]] = []
        self._samples: Final[defaultdict[Metric, list[Sample]]] = defaultdict(list)
        self._lock: Final = threading.Lock()

    def add(
        self, namespace: str, dimensions: Mapping[str, str], values: Mapping[str, float], moment: float | None = None
    ) -> None:
        """Add a value for each name, at a moment, by default now."""
        sampled_at = CLOCK.now() if moment is None else moment
        with self._lock:
            for name, value in values.items():
                metric = Metric(namespace, name, frozenset(dimensions.items()))
                self._samples[metric].append(Sample(sampled_at, float(value)))

    def read(self, metric: Metric, start: float, end: float) -> list[Sample]:
        """Return the samples of a metric from `start` up to, not including, `end`."""
        for gauge in self.gauges:
            if (found := gauge(metric, start, end)) is not None:
                return list(found)
        with self._lock:
            return [sample for sample in self._samples.get(metric, ()) if start <= sample.moment < end]


def metrics_of(account: str) -> Metrics:
    """Return the metrics of an account; they go when the backends of moto do."""
    found: Metrics = vars(cloudwatch_backends[account][REGION]).setdefault(_KEPT, Metrics())
    return found


def add_embedded(account: str, lines: Iterable[str]) -> None:
    """Add the metrics of log lines in CloudWatch's embedded metric format; other lines hold none.

    Source: CloudWatch User Guide, "Specification: Embedded metric format".
    """
    for line in lines:
        if '"_aws"' not in line:
            continue
        try:
            document = json.loads(line)
            for namespace, dimensions, values in _embedded(document):
                metrics_of(account).add(namespace, dimensions, values, document["_aws"]["Timestamp"] / 1000)
        except (ValueError, TypeError, KeyError, AttributeError):
            continue  # AWS extracts nothing from it, and tells nobody


def _embedded(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str], Mapping[str, float]]]:
    """Yield namespace, dimensions and values of each set of dimensions."""
    for directive in document["_aws"]["CloudWatchMetrics"]:
        names = [metric["Name"] for metric in directive["Metrics"]]
        for dimensions in directive["Dimensions"]:
            values: dict[str, list[float]] = {name: _listed(document[name]) for name in names if name in document}
            for position in range(max(map(len, values.values()), default=0)):
                present = {name: each[position] for name, each in values.items() if position < len(each)}
                yield directive["Namespace"], {name: document[name] for name in dimensions}, present


def _listed(value: Any) -> list[float]:
    return [float(each) for each in (value if isinstance(value, list) else [value])]
