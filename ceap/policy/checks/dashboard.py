"""A workflow's dashboard shows all metrics and alarms of its resources, and none of others.

CloudWatch takes any name: a graph of a metric that does not exist is empty, as if nothing had failed. A declaration may
do without a dashboard.
Source: CloudWatch API Reference, "Dashboard Body Structure and Syntax"; `templates/dashboard_metrics.py`.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from ceap.cfn.adopted import adopted_queues, queue_at
from ceap.cfn.lookup import (
    ALARM,
    DASHBOARD,
    EVENT_RULE,
    FUNCTION,
    LOG_GROUP,
    MACHINE,
    PIPE,
    QUEUE,
    SCHEDULE_GROUP,
    Resource,
    at,
    handler_of,
    items,
    pointed_at,
    resources,
    text,
)
from ceap.cfn.own import without_own
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from ceap.policy.vocabulary.kinds import is_workflow
from templates import dashboard_metrics as shown
from templates import discovery
from templates.dashboard_metrics import Shown
from templates.model import WorkflowType

RULE: Final = "WIRE18_DASHBOARD"
ENTRY: Final = Entry(
    title="A dashboard shows all metrics and alarms of its workflow's resources, and none of others",
    why="A graph of a metric that does not exist is empty, as if nothing had failed. What is not shown is not seen.",
    fix="Run `make templates`; to do without a dashboard, declare `dashboard: false`.",
    requirement=("9.4",),
    source="https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html",
)

_REGION: Final = "${AWS::Region}"
_PROPERTIES: Final = frozenset(("title", "region", "stat", "metrics", "period", "view", "stacked", "yAxis"))
_OPTIONS: Final = frozenset(("stat", "period", "yAxis", "label", "color"))
"""What may stand beside a metric; `expression`, `accountId` and `region` would show something else."""


class _Metric(NamedTuple):
    """A metric under one dimension, whose value is that of a variable of `Fn::Sub`."""

    namespace: str
    name: str
    dimension: str
    variable: str


class _BodyError(ValueError):
    """A body, or a part of it, that cannot be judged."""


def check(template: Template) -> Iterator[Fault]:
    if not is_workflow(template):
        return
    own = without_own(template)
    for dashboard in resources(own, DASHBOARD):
        place = dashboard.path("DashboardBody")
        for what, fix in _problems(own, text(dashboard.properties.get("DashboardBody")) or ""):
            yield Fault(place, what, fix)


def _problems(template: Template, body: str) -> Iterator[tuple[str, str]]:
    try:
        widgets = _widgets(body)
        metrics = {metric for widget in widgets for metric in _metrics(widget)}
        alarms = {alarm for widget in widgets for alarm in _alarms(widget)}
    except _BodyError as error:
        yield str(error), "run `make templates`"
        return
    wanted = set(_wanted(template))
    for metric in sorted(metrics - wanted):
        what = f"it shows {metric.namespace} {metric.name} of {metric.variable}, which no resource of the template has"
        yield what, "remove it"
    for metric in sorted(wanted - metrics):
        row = json.dumps([*metric])
        yield f"it does not show {metric.namespace} {metric.name} of {metric.variable}", f"the metric {row}"
    named = {f"${{{alarm.logical_id}.Arn}}" for alarm in resources(template, ALARM)}
    for alarm in sorted(alarms - named):
        yield f"it shows the alarm {alarm}, which the template does not have", "remove it"
    for alarm in sorted(named - alarms):
        yield f"it does not show the alarm {alarm}", f"{alarm} in a widget of type alarm"


def _widgets(body: str) -> list[Any]:
    try:
        widgets = at(json.loads(body), "widgets")
    except ValueError:
        widgets = None
    if not isinstance(widgets, list):
        raise _BodyError("the body is not a JSON object with a list of widgets")
    return widgets


def _metrics(widget: Any) -> Iterator[_Metric]:
    kind, properties = at(widget, "type"), at(widget, "properties")
    if kind not in ("text", "alarm", "metric"):
        raise _BodyError(f"a widget is of the type {kind}, which ceap does not write")
    if kind != "metric":
        return
    title = at(properties, "title")
    if at(properties, "region") != _REGION:
        raise _BodyError(f"the widget {title} does not show the Region of the stack")
    if not isinstance(properties, dict) or properties.keys() - _PROPERTIES:
        raise _BodyError(f"the widget {title} has other properties than {', '.join(sorted(_PROPERTIES))}")
    before: list[Any] = []
    for row in items(at(properties, "metrics")):
        before = _expanded(row, before)
        if len(before) != 4 or not all(isinstance(part, str) for part in before):
            raise _BodyError(f"the widget {title} has a line that is not one metric of one resource")
        yield _Metric(*before)


def _expanded(row: Any, before: list[Any]) -> list[Any]:
    """Return a line of a widget without options, with what `.` repeats of the line before."""
    parts = list(row) if isinstance(row, list) else []
    if parts and isinstance(parts[-1], dict) and parts.pop().keys() - _OPTIONS:
        return []
    return [before[index] if part == "." and index < len(before) else part for index, part in enumerate(parts)]


def _alarms(widget: Any) -> Iterable[str]:
    return map(str, items(at(widget, "properties", "alarms"))) if at(widget, "type") == "alarm" else ()


def _wanted(template: Template) -> Iterator[_Metric]:
    sources = [pointed_at(template, pipe.properties.get("Source")) for pipe in resources(template, PIPE)]
    for queue in adopted_queues(template):
        is_source = queue in [queue_at(template, pipe.properties.get("Source")) for pipe in resources(template, PIPE)]
        for metrics in _shown_of_queue(is_source=is_source):
            for name in metrics.metrics:
                yield _Metric(metrics.namespace, name, metrics.dimension, f"${{{queue.logical_id}}}")
    for resource in resources(template):
        for metrics in _shown_of(resource, is_source=resource in sources):
            ending = f".{metrics.attribute}" if metrics.attribute else ""
            for name in metrics.metrics:
                yield _Metric(metrics.namespace, name, metrics.dimension, f"${{{resource.logical_id}{ending}}}")


def _shown_of_queue(*, is_source: bool) -> Iterable[Shown]:
    return (shown.WAITING, shown.AGE, *((shown.IN_PROGRESS,) if is_source else ()))


def _shown_of(resource: Resource, *, is_source: bool) -> Iterable[Shown]:
    match resource.type:
        case kind if kind == QUEUE:
            return _shown_of_queue(is_source=is_source)
        case kind if kind == MACHINE:
            is_express = resource.properties.get("StateMachineType") == WorkflowType.EXPRESS
            return (shown.EXECUTIONS, shown.EXECUTION_TIME, shown.BILLED if is_express else shown.REDRIVEN)
        case kind if kind == FUNCTION:
            handler = handler_of(resource)
            stale = (shown.STALE,) if handler and discovery.load_needs(handler).keeps_newest else ()
            stage = (shown.STAGE_TIME, shown.RECORDS, shown.REJECTED, *stale)
            return (*stage, shown.FUNCTION_FAILURES, shown.FUNCTION_TIME, shown.FUNCTION_CALLS)
        case _:
            return _OF_ONE_KIND.get(resource.type, ())


_OF_ONE_KIND: Final = {
    PIPE: (shown.PIPE_FAILURES,),
    EVENT_RULE: (shown.RULE_FAILURES,),
    SCHEDULE_GROUP: (shown.SCHEDULE_FAILURES,),
    LOG_GROUP: (shown.LOG_BYTES,),
}
