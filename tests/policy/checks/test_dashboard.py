from __future__ import annotations

from typing import Any

import pytest

from ceap.cfn.template import parse_template
from ceap.policy.checks import dashboard
from templates.render import render
from templates.stacks import workflow_stack
from tests.policy.broken import base, said
from tests.policy.changes import drop, of
from tests.policy.watching_mutants import MESSAGES, body, swapped, widget
from tests.strategies import workflow_of

RULE = dashboard.RULE
PLACE = "/Resources/Dashboard/Properties/DashboardBody"
STEPS = [{"stage": "KeepStage", "handler": "keep"}]


def checked(**more: Any) -> list[str]:
    """Return what is wrong with the template of a declaration."""
    text = render(workflow_stack(workflow_of({"name": "orders", "type": "EXPRESS", "steps": STEPS, **more})))
    return [fault.what for fault in dashboard.check(parse_template(text, "orders.template.yaml"))]


def test_a_metric_that_no_resource_has_is_found_and_the_one_that_is_missing() -> None:
    assert said(RULE, "express", swapped("ApproximateAgeOfOldestMessage", "OldestMessage")) == [
        (f"{what} | fix: {fix}", PLACE)
        for what, fix in (
            ("it shows AWS/SQS OldestMessage of ${DeadLetterQueue.QueueName}, which no resource of the template has",
             "remove it"),
            ("it shows AWS/SQS OldestMessage of ${Queue.QueueName}, which no resource of the template has",
             "remove it"),
            ("it does not show AWS/SQS ApproximateAgeOfOldestMessage of ${DeadLetterQueue.QueueName}",
             'the metric ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "${DeadLetterQueue.QueueName}"]'),
            ("it does not show AWS/SQS ApproximateAgeOfOldestMessage of ${Queue.QueueName}",
             'the metric ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "${Queue.QueueName}"]'),
        )
    ]  # fmt: skip


def test_an_alarm_that_is_not_shown_is_found() -> None:
    [(what, place)] = said(RULE, "express", swapped('"${QueueAgeAlarm.Arn}",', ""))
    alarm = "${QueueAgeAlarm.Arn}"
    assert (what, place) == (
        f"it does not show the alarm {alarm} | fix: {alarm} in a widget of type alarm",
        PLACE,
    )


def test_what_cannot_be_judged_is_said_once() -> None:
    call = {"type": "custom", "properties": {"endpoint": "arn"}}
    assert said(RULE, "express", body(lambda parsed: parsed["widgets"].insert(0, call))) == [
        ("a widget is of the type custom, which ceap does not write | fix: run `make templates`", PLACE)
    ]
    assert said(RULE, "express", of("Dashboard", "DashboardBody", "none")) == [
        ("the body is not a JSON object with a list of widgets | fix: run `make templates`", PLACE)
    ]


@pytest.mark.parametrize(
    "line", [["AWS/SQS", "NumberOfMessagesSent", "QueueName"], ["AWS/SQS", "NumberOfMessagesSent", "QueueName", 1], []]
)
def test_a_line_that_is_not_one_metric_of_one_resource_cannot_be_judged(line: list[Any]) -> None:
    assert said(RULE, "express", widget(MESSAGES, lambda properties: properties.update(metrics=[line]))) == [
        (
            f"the widget {MESSAGES} has a line that is not one metric of one resource | fix: run `make templates`",
            PLACE,
        )
    ]


def test_a_title_may_change_and_a_widget_may_be_drawn_otherwise() -> None:
    data = base("express").data
    found = said(RULE, "express", drop("Resources", "QueueAgeAlarm"))
    assert [what for what, _ in found] == [
        "it shows the alarm ${QueueAgeAlarm.Arn}, which the template does not have | fix: remove it"
    ]
    assert said(RULE, "express", widget(MESSAGES, lambda properties: properties.update(title="M", stacked=True))) == []
    assert "Dashboard" in data["Resources"]


def test_a_workflow_may_do_without_a_dashboard() -> None:
    assert checked() == []
    assert checked(dashboard=False) == []


def test_a_dashboard_of_another_stack_is_not_judged() -> None:
    text = "Resources: {Board: {Type: AWS::CloudWatch::Dashboard, Properties: {DashboardBody: '{}'}}}"
    assert list(dashboard.check(parse_template(text, "other.yaml"))) == []


def test_a_dashboard_of_a_teams_own_is_not_judged() -> None:
    assert dashboard.RULE not in {fault.what for fault in dashboard.check(base("owned"))}
    assert list(dashboard.check(base("owned"))) == []
