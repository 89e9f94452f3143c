"""What a declaration says of its steps is what the template says of its functions, jobs and tasks."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given

from templates.definition import build_definition
from templates.stacks import workflow_stack
from tests.strategies import whole_declarations, workflow_of
from tests.templates.support import of_type

OWN_VARIABLES = r"SETTINGS|POWERTOOLS_SERVICE_NAME|TABLE_\w+|EVENT_BUS|LEGACY_FUNCTION_ARN|(SECRET|PARAMETER)_\w+_NAME"
"""What a function has of ceap itself, whatever its step declares."""


def text_of(value: Any) -> Any:
    """Return the text of a value, also of one that a deployment fills in."""
    return value["Fn::Sub"] if isinstance(value, dict) else value


@given(declaration=whole_declarations())
def test_each_function_and_job_is_as_declared(declaration: dict[str, Any]) -> None:
    template = workflow_stack(workflow_of(declaration))
    functions, jobs = of_type(template, "AWS::Lambda::Function"), of_type(template, "AWS::Glue::Job")
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    found: list[tuple[Any, ...]] = []
    wanted: list[tuple[Any, ...]] = []
    for step in declaration["steps"]:
        purpose = step["stage"].removesuffix("Stage")
        if "glue" in step:
            job = jobs.pop(f"{purpose}Job")
            found.append(job_values(job))
            wanted.append((step.get("workers", 2), step.get("worker_type", "G.1X"), step.get("timeout_min", 480)))
            continue
        function = functions.pop(f"{purpose}Function")
        variables = function["Environment"]["Variables"]
        alarm = alarms[f"{purpose}RejectedAlarm"]
        found.append((*function_values(function), alarm["Threshold"]))
        wanted.append(
            (
                f"handlers.{step.get('handler', 'runtime.legacy')}.handler",
                step.get("timeout_s", 60),
                step.get("memory_mb", 1024),
                step.get("ephemeral_storage_mb"),
                step.get("reserved_concurrency"),
                step.get("settings", {}),
                step.get("rejected_percent", 50),
            )
        )
        environment = step.get("environment", {})
        assert {name: text_of(variables[name]) for name in environment} == environment
        assert [name for name in variables.keys() - environment.keys() if not re.fullmatch(OWN_VARIABLES, name)] == []
    assert found == wanted
    assert (functions, jobs) == ({}, {})


def job_values(job: dict[str, Any]) -> tuple[Any, ...]:
    return job["NumberOfWorkers"], job["WorkerType"], job["Timeout"]


def function_values(function: dict[str, Any]) -> tuple[Any, ...]:
    return (
        function["Handler"],
        function["Timeout"],
        function["MemorySize"],
        function.get("EphemeralStorage", {}).get("Size"),
        function.get("ReservedConcurrentExecutions"),
        json.loads(text_of(function["Environment"]["Variables"]["SETTINGS"])),
    )


DEFAULTS = {"lambda": {"interval_s": 20}, "glue": {"interval_s": 300}}


@given(declaration=whole_declarations())
def test_what_a_declaration_says_of_all_steps_holds_for_each(declaration: dict[str, Any]) -> None:
    workflow = workflow_of(declaration)
    states, template = build_definition(workflow)["States"], workflow_stack(workflow)
    for step in declaration["steps"]:
        kind = "glue" if "glue" in step else "lambda"
        retry = {"max_attempts": 2, "backoff_rate": 2.0, **DEFAULTS[kind], **declaration.get("retry", {}).get(kind, {})}
        assert states[step["stage"]]["Retry"][-1] == {
            "ErrorEquals": ["States.ALL"],
            "IntervalSeconds": retry["interval_s"],
            "MaxAttempts": retry["max_attempts"],
            "BackoffRate": retry["backoff_rate"],
        }
    days = declaration.get("log_retention_days", 14)
    kept = {group["RetentionInDays"] for group in of_type(template, "AWS::Logs::LogGroup").values()}
    assert kept == {days["value"] if isinstance(days, dict) else days}
    assert len(of_type(template, "AWS::CloudWatch::Dashboard")) == declaration.get("dashboard", True)
    assert len(of_type(template, "AWS::Scheduler::Schedule")) == ("schedule" in declaration)
