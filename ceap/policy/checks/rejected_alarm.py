"""An alarm watches the share of records that each function rejects.

A stage that rejects all records succeeds: what is rejected, and why, stands in `rejected.jsonl`, where nobody looks.
Source: `handlers/runtime/metrics.py`; "Using math expressions with CloudWatch metrics" in the CloudWatch User Guide.
"""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, Final

from ceap.cfn.lookup import ALARM, FUNCTION, Resource, at, handler_of, items, reference, resources
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from handlers.runtime.metrics import INPUT_COUNT, NAMESPACE, REJECTED_COUNT
from templates.resources.alarms import RATE

RULE: Final = "WIRE20_REJECTED_ALARM"
ENTRY: Final = Entry(
    title="An alarm watches the share of records that each function rejects",
    why="A stage that rejects all its records succeeds, and the next stages have nothing to do: nobody is told.",
    fix=(
        f"Add an AWS::CloudWatch::Alarm whose Metrics return `Expression: {RATE}`, where `rejected` and `input` are "
        f"{REJECTED_COUNT} and {INPUT_COUNT} of `Namespace: {NAMESPACE}`, each with the function as its one dimension "
        "and `ReturnData: false`."
    ),
    requirement=("8.7",),
    source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html",
)


def check(template: Template) -> Iterator[Fault]:
    functions = [each for each in resources(template, FUNCTION) if handler_of(each) is not None]
    alarms = [each for each in resources(template, ALARM) if "Metrics" in each.properties]
    unwatched = [each for each in functions if not any(_watches(alarm, each) for alarm in alarms)]
    idle = [each for each in alarms if not any(_watches(each, function) for function in functions)]
    for alarm, function in zip_longest(idle, unwatched):
        name = function.logical_id if function else "STAGEFunction"
        dimension = f"Dimensions: [{{Name: FunctionName, Value: !Ref {name}}}]"
        cure = f"Metrics: {RATE} of {REJECTED_COUNT} and {INPUT_COUNT} in {NAMESPACE}, each with {dimension}"
        if function is None:
            what = "the alarm does not watch the share of records that a function rejects"
            yield Fault(alarm.path("Metrics"), what, cure)
        else:
            place = function.path() if alarm is None else alarm.path("Metrics")
            yield Fault(place, f"no alarm watches the share of records that {name} rejects", cure)


def _watches(alarm: Resource, function: Resource) -> bool:
    named = [(at(query, "Id"), query) for query in items(alarm.properties.get("Metrics"))]
    queries = {name: query for name, query in named if isinstance(name, str)}
    returned = [at(query, "Expression") for query in queries.values() if at(query, "ReturnData") is not False]
    metrics = {name: _metric(query) for name, query in queries.items() if at(query, "MetricStat") is not None}
    of_function = [("FunctionName", (function.logical_id, ""))]
    counts = {"rejected": REJECTED_COUNT, "input": INPUT_COUNT}
    return returned == [RATE] and metrics == {name: (NAMESPACE, metric, of_function) for name, metric in counts.items()}


def _metric(query: Any) -> tuple[Any, Any, list[Any]]:
    metric = at(query, "MetricStat", "Metric")
    dimensions = [(at(each, "Name"), reference(at(each, "Value"))) for each in items(at(metric, "Dimensions"))]
    return at(metric, "Namespace"), at(metric, "MetricName"), dimensions
