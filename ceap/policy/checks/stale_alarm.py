"""An alarm watches the stale records of each function whose handler keeps the newest version.

An item with a wrong version, e.g. in the future, makes all later records of it stale; the stage does not fail.
Source: `handlers/runtime/metrics.py`; "Metrics concepts" in the CloudWatch User Guide.
"""

from collections.abc import Iterator
from typing import Final

from ceap.cfn.lookup import ALARM, FUNCTION, Resource, at, handler_of, items, reference, resources
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from handlers.runtime.metrics import NAMESPACE, STALE_COUNT
from templates import discovery

RULE: Final = "WIRE13_STALE_ALARM"
ENTRY: Final = Entry(
    title="An alarm watches the stale records of each function that keeps the newest version",
    why="An item with a wrong version, e.g. in the future, makes all later records stale, and no stage fails.",
    fix=(
        f"Add an AWS::CloudWatch::Alarm on `Namespace: {NAMESPACE}` and `MetricName: {STALE_COUNT}`, with the function "
        "as its one dimension, e.g. `{Name: FunctionName, Value: !Ref StoreFunction}`."
    ),
    source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Dimension",
)


def check(template: Template) -> Iterator[Fault]:
    functions = [each for each in resources(template, FUNCTION) if _keeps_newest(each)]
    alarms = [each for each in resources(template, ALARM) if _counts_stale(each)]
    watched = {function.logical_id: [alarm for alarm in alarms if _watches(alarm, function)] for function in functions}
    idle = [alarm for alarm in alarms if not any(alarm in found for found in watched.values())]
    for function in functions:
        if watched[function.logical_id]:
            continue
        what = f"no alarm watches the stale records of {function.logical_id}"
        dimension = f"{{Name: FunctionName, Value: !Ref {function.logical_id}}}"
        if idle:
            yield Fault(idle[0].path("Dimensions"), what, f"Dimensions: [{dimension}]")
        else:
            yield Fault(function.path(), what, f"an alarm on {NAMESPACE} {STALE_COUNT} with the dimension {dimension}")


def _keeps_newest(function: Resource) -> bool:
    handler = handler_of(function)
    return handler is not None and discovery.load_needs(handler).keeps_newest


def _counts_stale(alarm: Resource) -> bool:
    return (alarm.properties.get("Namespace"), alarm.properties.get("MetricName")) == (NAMESPACE, STALE_COUNT)


def _watches(alarm: Resource, function: Resource) -> bool:
    """Tell whether the metric that a function writes is the alarm's; one with other dimensions is another metric."""
    dimensions = items(alarm.properties.get("Dimensions"))
    return [(at(each, "Name"), reference(at(each, "Value"))) for each in dimensions] == [
        ("FunctionName", (function.logical_id, ""))
    ]
