"""The metrics of a stage, in CloudWatch's embedded metric format: lines of the log, which need no permission."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from time import time
from typing import Final, TypeAlias

import msgspec

from handlers.runtime.logs import has_defaults, logger
from handlers.runtime.tally import STALE, Place, Share, Tally

NAMESPACE: Final = "CeapPlatform/Workflow"

INPUT_COUNT: Final = "InputCount"
OUTPUT_COUNT: Final = "OutputCount"
REJECTED_COUNT: Final = "RejectedCount"
STALE_COUNT: Final = "StaleCount"
STAGE_DURATION: Final = "StageDuration"
"""The metrics of a function: their only dimension is FunctionName, which alarms and dashboards of a template name."""

SETS_MAX: Final = 20
"""The dimension sets of a run. CloudWatch bills each metric of each set, and a feed may name any number of places."""

OTHER: Final = "other"
"""The value of a dimension that stands for all places, or reason codes, beyond these sets."""

# What a line may hold at most. Source: CloudWatch User Guide, "Specification: Embedded metric format".
METRICS_MAX: Final = 100
DIMENSIONS_MAX: Final = 30
NAME_MAX: Final = 255

# Counts by the names of their metrics; one that is a mapping is counted per reason code, a dimension of its own.
Measures: TypeAlias = Mapping[str, int | Mapping[str, int]]


class Line(msgspec.Struct, frozen=True):
    """What is written of one place: counts by metric, and for each reason code counts by metric."""

    place: Place
    records: int
    counts: Counter[str]
    reasons: dict[str, Counter[str]]

    @property
    def sets(self) -> int:
        """How many dimension sets it takes."""
        return 1 + len(self.reasons)


def write_metrics(
    stage: str, tally: Tally, measure: Callable[[Share], Measures], duration_ms: int, *, keeps_newest: bool
) -> None:
    """Write what a run measured, a line per dimension set, at most `SETS_MAX`; a failure to write is only logged.

    `StageDuration` is that of the whole run, on the line of each place, and on that of the function with the counts of
    all records. A stage that keeps the newest also counts there how many were stale, 0 included.
    """
    try:
        # First: a fault in a handler's own measures must not keep the alarms from what they watch.
        function = {"FunctionName": os.environ["AWS_LAMBDA_FUNCTION_NAME"]}
        _write(function, _counts_of_function(tally, keeps_newest=keeps_newest), duration_ms)
        lines = [_line(place, share.records, measure(share)) for place, share in tally.shares().items()]
        limited = limit_lines(lines, SETS_MAX - 1)
        for line in limited:
            dimensions = {**dict(line.place), "Stage": stage}
            _write(dimensions, line.counts, duration_ms)
            for code, counts in line.reasons.items():
                _write(dimensions | {"ReasonCode": code}, counts)
        wanted, written = (sum(line.sets for line in each) for each in (lines, limited))
        if wanted > written:
            logger().info(f"metrics of small places or codes count as {OTHER}", dimensionSets=wanted, written=written)
    except Exception as error:
        logger().warning("metrics were not written", reason=type(error).__name__)


def limit_lines(lines: Iterable[Line], sets_max: int = SETS_MAX) -> list[Line]:
    """Return lines with the same sums in at most `sets_max` dimension sets, which are 4 or more.

    The places with the most records keep their names, and equal ones in the order of their names; the rest count under
    `OTHER`. So the order of records changes nothing, and large places keep their names from run to run. Codes likewise.
    """
    # One place always keeps its name: beside all its codes there is room for a line of the rest, and one of its codes.
    ranked = [_limit_codes(line, sets_max - 3) for line in sorted(lines, key=lambda line: (-line.records, line.place))]
    named, rest = ranked[:sets_max], ranked[sets_max:]
    while (room := sets_max - sum(line.sets for line in named)) < _least_sets(rest):
        rest.insert(0, named.pop())
    return [*named, _limit_codes(_add(rest), room - 1)] if rest else named


def _counts_of_function(tally: Tally, *, keeps_newest: bool) -> dict[str, int]:
    counts = {
        INPUT_COUNT: tally.records_in,
        OUTPUT_COUNT: tally.records_out,
        REJECTED_COUNT: tally.rejections.total(),
    }
    return counts | ({STALE_COUNT: tally.counts[STALE]} if keeps_newest else {})


def _line(place: Place, records: int, measures: Measures) -> Line:
    line = Line(place, records, Counter(), {})
    for name, value in measures.items():
        if isinstance(value, int):
            line.counts[name] = value
        else:
            for code, number in value.items():
                line.reasons.setdefault(code, Counter())[name] = number
    return line


def _least_sets(rest: list[Line]) -> int:
    return 1 + any(line.reasons for line in rest) if rest else 0


def _add(lines: list[Line]) -> Line:
    """Return all lines as one of another place, which is named like the first."""
    place = tuple((name, OTHER) for name, _ in lines[0].place)
    total = Line(place, sum(line.records for line in lines), Counter(), {})
    for line in lines:
        total.counts.update(line.counts)
        for code, counts in line.reasons.items():
            total.reasons.setdefault(code, Counter()).update(counts)
    return total


def _limit_codes(line: Line, codes_max: int) -> Line:
    """Return the line with at most so many reason codes; those with the highest counts keep their names."""
    if len(line.reasons) <= codes_max:
        return line
    ranked = sorted(line.reasons, key=lambda code: (-line.reasons[code].total(), code))
    reasons: dict[str, Counter[str]] = {}
    for number, code in enumerate(ranked, start=1):
        reasons.setdefault(code if number < codes_max else OTHER, Counter()).update(line.reasons[code])
    return msgspec.structs.replace(line, reasons=reasons)


def _write(dimensions: Mapping[str, str], counts: Mapping[str, int], duration_ms: int | None = None) -> None:
    """Write a line as Powertools does, which takes 40 ms to import; itself, where it checks or is set otherwise."""
    values = [(name, "Count", float(number)) for name, number in counts.items()]
    if duration_ms is not None:
        values.append((STAGE_DURATION, "Milliseconds", float(duration_ms)))
    if not has_defaults() or not _is_plain(dimensions, [name for name, _, _ in values]):
        _write_checked(dimensions, values)
        return
    line = {
        "_aws": {
            "Timestamp": int(time() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": NAMESPACE,
                    "Dimensions": [list(dimensions)],
                    "Metrics": [{"Name": name, "Unit": unit} for name, unit, _ in values],
                }
            ],
        },
        **dimensions,
        **{name: [number] for name, _, number in values},
    }
    print(json.dumps(line, separators=(",", ":")))


def _is_plain(dimensions: Mapping[str, str], metrics: list[str]) -> bool:
    """Say whether CloudWatch takes these names and values as they are.

    Source: CloudWatch User Guide, "Specification: Embedded metric format".
    """
    texts = [*dimensions, *dimensions.values(), *metrics]
    return (
        len(set(metrics)) == len(metrics)
        and 0 < len(metrics) < METRICS_MAX
        and len(dimensions) < DIMENSIONS_MAX
        and all(isinstance(text, str) and text == text.strip() and 0 < len(text) <= NAME_MAX for text in texts)
    )


def _write_checked(dimensions: Mapping[str, str], values: Iterable[tuple[str, str, float]]) -> None:
    from aws_lambda_powertools.metrics import EphemeralMetrics

    # An empty service: the logger's variable would make it one more dimension.
    metrics = EphemeralMetrics(namespace=NAMESPACE, service="")
    for name, value in dimensions.items():
        metrics.add_dimension(name, value)
    for name, unit, number in values:
        metrics.add_metric(name, unit, number)
    metrics.flush_metrics()
