"""Wrong dashboards and saved queries: changes that a check must notice."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.policy.changes import Change, Mutant, of, put, sub, without
from tests.policy.samples import Json

DASHBOARD, QUERIES, NAMES = "WIRE18_DASHBOARD", "WIRE19_QUERIES", "P38_ONE_STACK_NAME"
BODY = ("Resources", "Dashboard", "Properties", "DashboardBody", "Fn::Sub")


def body(change: Callable[[Json], Any]) -> Change:
    """Return the change made inside the body of the dashboard."""

    def change_body(data: Json) -> None:
        holder = data["Resources"]["Dashboard"]["Properties"]["DashboardBody"]
        parsed = json.loads(holder["Fn::Sub"])
        change(parsed)
        holder["Fn::Sub"] = json.dumps(parsed)

    return change_body


def widget(title: str, change: Callable[[Json], Any]) -> Change:
    """Return the change of the properties of the widget with a title."""

    def change_widget(parsed: Json) -> None:
        [found] = [each for each in parsed["widgets"] if each["properties"].get("title") == title]
        change(found["properties"])

    return body(change_widget)


def line(title: str, index: int, *place: Any) -> Change:
    return widget(title, put("metrics", index, *place))


def option(title: str, key: str, value: Any) -> Change:
    """Return the change that gives the first metric of a widget an option."""
    return widget(title, lambda properties: properties["metrics"][0].append({key: value}))


def swapped(old: str, new: str) -> Change:
    """Return the change of a text of the body, once."""

    def change(data: Json) -> None:
        holder = data["Resources"]["Dashboard"]["Properties"]["DashboardBody"]
        holder["Fn::Sub"] = holder["Fn::Sub"].replace(old, new, 1)

    return change


def query(name: str, old: str, new: str) -> Change:
    """Return the change of a text of a query."""

    def change(data: Json) -> None:
        properties = data["Resources"][f"{name}Query"]["Properties"]
        properties["QueryString"] = properties["QueryString"].replace(old, new)

    return change


MESSAGES, EXECUTIONS, STALE = "Messages", "Executions", "Records rejected and stale"
CALL = {"type": "custom", "properties": {"endpoint": "arn:aws:lambda:us-east-1:210987654321:function:f"}}
GROUPS = [{"Ref": "StateMachineLogGroup"}]
NO_PARAMETER = {"Name": "name", "Description": "of nothing"}

WATCHING_MUTANTS = [
    Mutant(rule, kind, name, change)
    for rule, kind, name, change in (
        (DASHBOARD, "express", "no JSON", put(*BODY, "{")),
        (DASHBOARD, "express", "no widgets", put(*BODY, "{}")),
        (DASHBOARD, "express", "a reference", of("Dashboard", "DashboardBody", {"Ref": "Environment"})),
        (DASHBOARD, "express", "a misspelt metric", swapped("ApproximateAgeOfOldestMessage", "AgeOfOldestMessage")),
        (DASHBOARD, "express", "another namespace", line(EXECUTIONS, 0, 0, "AWS/Lambda")),
        (DASHBOARD, "express", "another dimension", line(EXECUTIONS, 0, 2, "StateMachineName")),
        (DASHBOARD, "express", "the ARN of a queue", swapped("${Queue.QueueName}", "${Queue.Arn}")),
        (DASHBOARD, "express", "a fixed name", swapped("${TakeFunction}", "ceap-express-dev-Take")),
        (DASHBOARD, "express", "a function twice", line("Duration of stages (ms)", 1, 3, "${TakeFunction}")),
        (DASHBOARD, "express", "another Region", widget(MESSAGES, put("region", "us-east-1"))),
        (DASHBOARD, "express", "another account", widget(MESSAGES, put("accountId", "210987654321"))),
        (DASHBOARD, "express", "a metric of another account", option(EXECUTIONS, "accountId", "210987654321")),
        (DASHBOARD, "express", "an expression", line(EXECUTIONS, 1, [{"expression": "SUM(METRICS())"}])),
        (DASHBOARD, "express", "a widget that calls a function", body(lambda all_: all_["widgets"].append(CALL))),
        (DASHBOARD, "express", "stale records", widget(STALE, lambda properties: properties["metrics"].pop())),
        (DASHBOARD, "express", "no messages", body(lambda all_: all_["widgets"].pop(2))),
        (DASHBOARD, "express", "no alarms", body(lambda all_: all_["widgets"].pop(1))),
        (DASHBOARD, "express", "an alarm less", widget("Alarms", lambda properties: properties["alarms"].pop())),
        (DASHBOARD, "express", "an alarm of others", widget("Alarms", lambda all_: all_["alarms"].append("arn:x"))),
        (DASHBOARD, "express", "redriven executions", swapped('"ExecutionsAborted"', '"ExecutionsRedriven"')),
        (DASHBOARD, "standard", "no redriven executions", swapped('"ExecutionsRedriven"', '"ExecutionsStarted"')),
        (DASHBOARD, "standard", "a log group less", swapped("${HeavyJobErrorLogGroup}", "${HeavyJobOutputLogGroup}")),
        (DASHBOARD, "standard", "a rule that is not there", swapped("${FailureRule}", "${OtherRule}")),
        (QUERIES, "express", "a misspelt field", query("FailedExecutions", "details.error", "details.eror")),
        (QUERIES, "express", "a field of other lines", query("StageFailures", "executionId", "execution_arn")),
        (QUERIES, "express", "a misspelt command", query("LogVolume", "stats", "stat")),
        (QUERIES, "express", "a misspelt function", query("LogVolume", "strlen", "strlength")),
        (QUERIES, "express", "no text", without("LogVolumeQuery", "QueryString")),
        (QUERIES, "express", "no log groups", without("LogVolumeQuery", "LogGroupNames")),
        (QUERIES, "express", "no log group of the fields", of("RejectedRecordsQuery", "LogGroupNames", GROUPS)),
        (QUERIES, "express", "a log group of others", of("LogVolumeQuery", "LogGroupNames", 0, "/aws/lambda/other")),
        (
            QUERIES,
            "express",
            "the ARN of a log group",
            of("LogVolumeQuery", "LogGroupNames", 0, {"Fn::GetAtt": ["PipeLogGroup", "Arn"]}),
        ),
        (QUERIES, "express", "a function for a log group", of("LogVolumeQuery", "LogGroupNames", 0, {"Ref": "Pipe"})),
        (QUERIES, "express", "too many", of("LogVolumeQuery", "LogGroupNames", GROUPS * 51)),
        (QUERIES, "standard", "a value that is not asked for", without("OneExecutionQuery", "Parameters")),
        (QUERIES, "standard", "a value that is not used", of("LogVolumeQuery", "Parameters", [NO_PARAMETER])),
        (NAMES, "express", "dashboard", of("Dashboard", "DashboardName", sub("ceap-express-${Environment}-x"))),
        (NAMES, "express", "query in no folder", of("LogVolumeQuery", "Name", sub("ceap-express-${Environment}-x"))),
    )
]
