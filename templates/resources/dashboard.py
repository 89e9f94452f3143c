"""The dashboard: what happens in a workflow, what fails, and what it costs, on one page of the CloudWatch console.

CloudWatch takes up to 500 widgets, 500 metrics in one and 2,500 in all; 50 steps have about 700.
Source: CloudWatch API Reference, "Dashboard Body Structure and Syntax"; CloudWatch User Guide, "CloudWatch quotas".
"""

import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, TypeAlias

from troposphere import Sub, Template, cloudwatch

from templates import dashboard_metrics as shown
from templates import discovery, naming
from templates.dashboard_metrics import Shown, adopted_queues
from templates.model import Workflow, WorkflowType
from templates.parts import in_parts
from templates.resources.pipe import PIPE
from templates.resources.queue import QUEUE
from templates.resources.state_machine import STATE_MACHINE

DASHBOARD: Final = "Dashboard"
ALARMS_MAX: Final = 100
"""Alarms of one widget. Source: as above, "Properties of an Alarm Status Widget Object"."""

_Json: TypeAlias = dict[str, Any]
_Row: TypeAlias = list[str | _Json]

_RIGHT: Final = {"yAxis": "right"}


class _Graph(NamedTuple):
    """A widget of metrics under one statistic; `rows` are its lines, each with options of its own at its end."""

    title: str
    statistic: str
    rows: list[_Row]


def add_dashboard(template: Template, workflow: Workflow) -> None:
    """Add the dashboard of all that the template has by now, unless the declaration does without.

    Its body is JSON in which CloudFormation puts in the names of resources, none of which can hold a quotation mark.
    """
    if workflow.dashboard:
        template.add_resource(
            cloudwatch.Dashboard(
                DASHBOARD,
                DashboardName=Sub(naming.resource(workflow.name)),
                DashboardBody=Sub(_body(template, workflow)),
            )
        )


def _body(template: Template, workflow: Workflow) -> str:
    """Return the body, an `Fn::Sub` text with a line for each metric: a change shows which."""
    alarms = [f"${{{name}.Arn}}" for name in _ids(template, "AWS::CloudWatch::Alarm")]
    widgets = [_text_widget(workflow), *map(_alarm_widget, in_parts(alarms, ALARMS_MAX))]
    widgets += [_graph_widget(graph) for graph in _graphs(template, workflow) if graph.rows]
    return '{"start":"-P1D","widgets":[\n' + ",\n".join(widgets) + "\n]}\n"


def _graphs(template: Template, workflow: Workflow) -> list[_Graph]:
    functions = [naming.function_id(step.stage) for step in workflow.lambda_steps]
    newest = [
        naming.function_id(step.stage)
        for step in workflow.lambda_steps
        if discovery.load_needs(step.handler).keeps_newest
    ]
    is_express = workflow.type is WorkflowType.EXPRESS
    failures = [
        *_rows(shown.PIPE_FAILURES, [PIPE]),
        *_rows(shown.RULE_FAILURES, _ids(template, "AWS::Events::Rule")),
        *_rows(shown.SCHEDULE_FAILURES, _ids(template, "AWS::Scheduler::ScheduleGroup")),
    ]
    executions = _rows(shown.EXECUTIONS, [STATE_MACHINE])
    redriven = [] if is_express else _rows(shown.REDRIVEN, [STATE_MACHINE])
    times = [[*row, {"stat": each}] for row in _rows(shown.EXECUTION_TIME, [STATE_MACHINE]) for each in _TIMES]
    calls = _rows(shown.FUNCTION_CALLS, functions, _RIGHT)
    return [
        *_queue_graphs(template, workflow),
        _Graph("Executions", "Sum", executions + redriven),
        _Graph("Duration of executions (ms)", "Average", times),
        _Graph("Duration of stages (ms)", "Average", _rows(shown.STAGE_TIME, functions)),
        _Graph("Records in and out", "Sum", _rows(shown.RECORDS, functions)),
        _Graph("Records rejected and stale", "Sum", _rows(shown.REJECTED, functions) + _rows(shown.STALE, newest)),
        _Graph("Errors and throttles of functions", "Sum", _rows(shown.FUNCTION_FAILURES, functions)),
        _Graph("Failures of pipe, rules and schedule", "Sum", failures),
        _Graph("Cost: duration (ms) and calls of functions", "Sum", _rows(shown.FUNCTION_TIME, functions) + calls),
        _Graph("Cost: billed executions", "Sum", _rows(shown.BILLED, [STATE_MACHINE]) if is_express else []),
        _Graph("Cost: bytes of logs", "Sum", _rows(shown.LOG_BYTES, _ids(template, "AWS::Logs::LogGroup"))),
    ]


def _queue_graphs(template: Template, workflow: Workflow) -> list[_Graph]:
    queues, adopted = _ids(template, "AWS::SQS::Queue"), workflow.adopt
    existing = [name for name in (adopted.dead_letter_queue, adopted.queue) if name]
    waiting, age = (
        _rows(adopted_queues(metrics), existing) + _rows(metrics, queues) for metrics in (shown.WAITING, shown.AGE)
    )
    taken = shown.IN_PROGRESS
    in_progress = _rows(adopted_queues(taken), [adopted.queue]) if adopted.queue else _rows(taken, [QUEUE])
    return [_Graph("Messages", "Maximum", waiting + in_progress), _Graph("Oldest message (s)", "Maximum", age)]


_TIMES: Final = ("Average", "p95", "Maximum")


def _ids(template: Template, kind: str) -> list[str]:
    return [name for name, resource in template.resources.items() if resource.resource_type == kind]


def _rows(metrics: Shown, ids: Iterable[str], options: _Json | None = None) -> list[_Row]:
    """Return a row for each metric of each resource."""
    ending = f".{metrics.attribute}" if metrics.attribute else ""
    return [
        [metrics.namespace, metric, metrics.dimension, f"${{{name}{ending}}}", *([options] if options else [])]
        for name in ids
        for metric in metrics.metrics
    ]


def _text_widget(workflow: Workflow) -> str:
    name, declaration = naming.resource(workflow.name), f"--env ${{Environment}} workflows/{workflow.name}.yaml"
    jobs = " Glue publishes no metrics of its jobs unless they ask for them: see the saved query `slow-stages`."
    lines = [
        f"# {name}",
        workflow.description or "",
        f"Failed executions: `ceap status {declaration}`. One message or execution: `ceap trace {declaration} ID`.",
        f"What to do about an alarm: the runbook, `docs/runbook/` of the project. "
        f"Saved queries: Logs Insights, folder `{name}`." + (jobs if workflow.glue_steps else ""),
    ]
    markdown = "\n\n".join(line for line in lines if line)
    return _json({"type": "text", "width": 24, "height": 4, "properties": {"markdown": markdown}})


def _alarm_widget(arns: Iterable[str]) -> str:
    return _json({"type": "alarm", "width": 24, "height": 4, "properties": {"title": "Alarms", "alarms": list(arns)}})


def _graph_widget(graph: _Graph) -> str:
    """Return a widget; `.` repeats what stands at the same place of the row before."""
    before: _Row = []
    lines = []
    for row in graph.rows:
        repeated = [index < min(4, len(before)) and item == before[index] for index, item in enumerate(row)]
        lines.append(_json(["." if same else item for same, item in zip(repeated, row, strict=True)]))
        before = row
    head = _json({"title": graph.title, "region": "${AWS::Region}", "stat": graph.statistic})
    metrics = ",\n".join(lines)
    return f'{{"type":"metric","width":12,"properties":{head[:-1]},"metrics":[\n{metrics}\n]}}}}'


# Not `json.dumps`, which makes an encoder for each call.
_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
