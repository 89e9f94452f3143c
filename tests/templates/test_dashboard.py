"""The dashboard: JSON as CloudWatch takes it, with all metrics of a workflow, for any workflow that can be declared."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from templates.model import Workflow
from templates.stacks import workflow_stack
from tests.strategies import all_workflows, workflow_of
from tests.templates.support import VALID, changed, one, refusal

# Source: CloudWatch API Reference, "Dashboard Body Structure and Syntax"; CloudWatch User Guide, "CloudWatch quotas".
METRIC_LINE = {
    "type": "array",
    "minItems": 4,
    "maxItems": 5,
    "prefixItems": [{"type": "string"}] * 4
    + [
        {
            "type": "object",
            "properties": {"stat": {"type": "string"}, "yAxis": {"enum": ["left", "right"]}},
            "additionalProperties": False,
        }
    ],
}
PROPERTIES = {
    "text": {
        "required": ["markdown"],
        "properties": {"markdown": {"type": "string", "minLength": 1}},
        "additionalProperties": False,
    },
    "alarm": {
        "required": ["title", "alarms"],
        "properties": {
            "title": {"type": "string"},
            "alarms": {
                "type": "array",
                "minItems": 1,
                "maxItems": 100,
                "items": {"type": "string", "pattern": "^arn:aws:cloudwatch:[a-z0-9-]+:[0-9]{12}:alarm:.+$"},
            },
        },
        "additionalProperties": False,
    },
    "metric": {
        "required": ["region", "metrics"],
        "properties": {
            "title": {"type": "string"},
            "region": {"type": "string", "pattern": "^[a-z]+(-[a-z]+)+-[0-9]$"},
            "stat": {"type": "string", "pattern": "^(Sum|Average|Maximum|Minimum|SampleCount|p[0-9.]+)$"},
            "metrics": {"type": "array", "minItems": 1, "maxItems": 500, "items": METRIC_LINE},
        },
        "additionalProperties": False,
    },
}
BODY = {
    "type": "object",
    "required": ["widgets"],
    "additionalProperties": False,
    "properties": {
        "start": {"type": "string", "pattern": "^-P([0-9]+D|T[0-9]+H)$"},
        "widgets": {
            "type": "array",
            "maxItems": 500,
            "items": {
                "type": "object",
                "required": ["type", "properties"],
                "properties": {
                    "type": {"enum": [*PROPERTIES]},
                    "width": {"type": "integer", "minimum": 1, "maximum": 24},
                    "height": {"type": "integer", "minimum": 1, "maximum": 1000},
                    "properties": {"type": "object"},
                },
                "additionalProperties": False,
                "allOf": [
                    {
                        "if": {"properties": {"type": {"const": kind}}},
                        "then": {"properties": {"properties": properties}},
                    }
                    for kind, properties in PROPERTIES.items()
                ],
            },
        },
    },
}
METRICS_MAX = 2500


def deployed(template: dict[str, Any]) -> dict[str, Any]:
    """Return the body with the names that CloudFormation puts into it, as long as any in the longest environment."""
    text = one(template, "AWS::CloudWatch::Dashboard")["DashboardBody"]["Fn::Sub"]

    def value(found: re.Match[str]) -> str:
        name, _, attribute = found[1].partition(".")
        if name in ("Environment", "AWS::Region"):
            return "production12" if name == "Environment" else "eu-central-1"
        return f"arn:aws:cloudwatch:eu-central-1:123456789012:alarm:{name}" if attribute == "Arn" else name

    body: dict[str, Any] = json.loads(re.sub(r"\$\{([^}]*)\}", value, text))
    return body


def lines(body: dict[str, Any]) -> list[list[Any]]:
    """Return the metrics of all widgets, with what `.` repeats."""
    found = []
    for widget in body["widgets"]:
        before: list[Any] = []
        for line in widget["properties"].get("metrics", ()):
            before = [before[index] if part == "." else part for index, part in enumerate(line)]
            found.append(before[:4])
    return found


def shown(template: dict[str, Any]) -> set[str]:
    """Return what is shown, each as `namespace metric resource`."""
    return {f"{namespace} {metric} {name}" for namespace, metric, _, name in lines(deployed(template))}


STEPS = [{"stage": "TakeStage", "handler": "take"}, {"stage": "KeepStage", "handler": "keep"}]


@given(workflow=all_workflows())
def test_the_body_is_one_that_cloudwatch_takes(workflow: Workflow) -> None:
    body = deployed(workflow_stack(workflow))
    assert [error.message for error in Draft202012Validator(BODY).iter_errors(body)] == []


def test_an_express_workflow_shows_what_happens_fails_and_costs() -> None:
    template = workflow_stack(workflow_of({"name": "orders", "type": "EXPRESS", "steps": STEPS[1:]}))
    queues = {
        f"AWS/SQS {metric} {queue}"
        for metric in ("ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage")
        for queue in ("Queue", "DeadLetterQueue")
    }
    ended = ("Started", "Succeeded", "Failed", "TimedOut", "Aborted")
    machine = {f"AWS/States Executions{way} StateMachine" for way in ended} | {
        "AWS/States ExecutionThrottled StateMachine",
        "AWS/States ExecutionTime StateMachine",
        "AWS/States ExpressExecutionBilledDuration StateMachine",
        "AWS/States ExpressExecutionBilledMemory StateMachine",
    }
    stage = {
        f"CeapPlatform/Workflow {metric} KeepFunction"
        for metric in ("InputCount", "OutputCount", "RejectedCount", "StaleCount", "StageDuration")
    }
    function = {f"AWS/Lambda {metric} KeepFunction" for metric in ("Errors", "Throttles", "Duration", "Invocations")}
    pipe = {
        f"AWS/EventBridge/Pipes {metric} Pipe"
        for metric in ("ExecutionFailed", "ExecutionTimeout", "ExecutionThrottled")
    }
    logs = {
        f"AWS/Logs IncomingBytes {group}" for group in ("KeepFunctionLogGroup", "StateMachineLogGroup", "PipeLogGroup")
    }
    in_progress = {"AWS/SQS ApproximateNumberOfMessagesNotVisible Queue"}
    assert shown(template) == queues | in_progress | machine | stage | function | pipe | logs


def test_a_standard_workflow_shows_redriven_executions_its_rule_and_no_metric_of_a_job() -> None:
    steps = [*STEPS, {"stage": "HeavyStage", "glue": "heavy"}]
    triggers = {"schedule": {"expression": "rate(1 hour)", "message": {"source": {"kind": "inline", "records": []}}}}
    template = workflow_stack(workflow_of({"name": "orders", "type": "STANDARD", "steps": steps, **triggers}))
    found = shown(template)
    assert {
        "AWS/States ExecutionsRedriven StateMachine",
        "AWS/Events FailedInvocations FailureRule",
        "AWS/Scheduler InvocationDroppedCount ScheduleGroup",
        "AWS/SQS ApproximateNumberOfMessagesVisible TriggerDeadLetterQueue",
        "AWS/Logs IncomingBytes HeavyJobErrorLogGroup",
    } <= found
    assert [each for each in found if "HeavyJob" in each and "LogGroup" not in each] == []
    assert [each for each in found if "Express" in each] == []


def test_every_alarm_of_the_template_is_shown() -> None:
    template = workflow_stack(workflow_of({"name": "orders", "type": "EXPRESS", "steps": STEPS}))
    alarms = [name for name, each in template["Resources"].items() if each["Type"] == "AWS::CloudWatch::Alarm"]
    [widget] = [widget for widget in deployed(template)["widgets"] if widget["type"] == "alarm"]
    assert [arn.rpartition(":")[2] for arn in widget["properties"]["alarms"]] == alarms


def test_the_first_widget_says_where_to_go_on() -> None:
    template = workflow_stack(workflow_of({"name": "orders", "type": "EXPRESS", "steps": STEPS}))
    markdown = deployed(template)["widgets"][0]["properties"]["markdown"]
    declaration = "--env production12 workflows/orders.yaml"
    for text in (f"`ceap status {declaration}`", f"`ceap trace {declaration} ID`", "`docs/runbook/`"):
        assert text in markdown


@pytest.mark.parametrize("step", [{"handler": "keep", "timeout_s": 6}, {"glue": "heavy"}])
def test_fifty_steps_stay_within_what_cloudwatch_takes(step: dict[str, Any]) -> None:
    kind = "EXPRESS" if "handler" in step else "STANDARD"
    steps = [{"stage": f"{'S' * 20}{number}Stage", **step} for number in range(50)]
    body = deployed(workflow_stack(workflow_of({"name": "a" * 20, "type": kind, "steps": steps})))
    assert [error.message for error in Draft202012Validator(BODY).iter_errors(body)] == []
    assert len(lines(body)) <= METRICS_MAX


def test_a_dashboard_that_is_switched_off_is_all_that_is_gone() -> None:
    declared = {"name": "orders", "type": "EXPRESS", "steps": STEPS}
    template, without = (workflow_stack(workflow_of(declared | more)) for more in ({}, {"dashboard": False}))
    del template["Resources"]["Dashboard"]
    assert without == template


def test_a_dashboard_is_declared_by_true_or_false() -> None:
    assert "dashboard" in refusal(VALID + "dashboard: prod\n")
    assert "did you mean dashboard?" in refusal(changed("steps:", "dashbord: false\nsteps:"))


def test_a_description_that_json_has_to_escape_stays_as_it_is() -> None:
    said = 'Orders "by night" \\ of all'
    template = workflow_stack(workflow_of({"name": "o", "type": "EXPRESS", "description": said, "steps": STEPS}))
    assert said in deployed(template)["widgets"][0]["properties"]["markdown"]
