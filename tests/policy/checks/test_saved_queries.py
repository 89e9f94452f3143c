from __future__ import annotations

from typing import Any

import pytest

from ceap.cfn.template import parse_template
from ceap.policy.checks import saved_queries
from templates.render import render
from templates.stacks import workflow_stack
from tests.policy.broken import base, said
from tests.policy.changes import Change, of, without
from tests.policy.watching_mutants import query
from tests.strategies import workflow_of

RULE = saved_queries.RULE
FAILED = "/Resources/FailedExecutionsQuery/Properties"


@pytest.mark.parametrize(
    ("change", "what", "place"),
    [
        (
            query("FailedExecutions", "details.error", "details.eror"),
            "no line of the log groups has the field details.eror | fix: a field of templates/log_fields.py",
            f"{FAILED}/QueryString",
        ),
        (
            query("FailedExecutions", "sort", "order"),
            "Logs Insights cannot run the query: order is not a command; use display, fields, filter, limit, parse, "
            "sort, stats | fix: run `make templates`",
            f"{FAILED}/QueryString",
        ),
        (
            of("FailedExecutionsQuery", "LogGroupNames", []),
            "the query is of 0 log groups; Logs Insights takes 1 to 50 | fix: !Ref of the log groups that have the "
            "fields",
            f"{FAILED}/LogGroupNames",
        ),
        (
            without("OneExecutionQuery", "Parameters"),
            "executionId is in the query alone | fix: the same name in {{executionId}} of QueryString and in "
            "Parameters",
            "/Resources/OneExecutionQuery/Properties/QueryString",
        ),
        (
            of("OneExecutionQuery", "Parameters", [{"Name": "executionId"}, {"Name": "stage"}]),
            "stage is a parameter alone | fix: the same name in {{stage}} of QueryString and in Parameters",
            "/Resources/OneExecutionQuery/Properties/QueryString",
        ),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(change: Change, what: str, place: str) -> None:
    assert (what, place) in said(RULE, "express", change)


def test_a_log_group_of_another_stack_is_found() -> None:
    found = said(RULE, "express", of("LogVolumeQuery", "LogGroupNames", 0, "/aws/lambda/other"))
    place = "/Resources/LogVolumeQuery/Properties/LogGroupNames/0"
    assert found == [("the query is of a log group that the template does not have | fix: !Ref of a log group", place)]


def test_the_queries_of_every_kind_of_workflow_are_right() -> None:
    for kind in ("express", "standard", "job_first", "owned", "governed"):
        assert list(saved_queries.check(base(kind))) == []


def test_a_query_of_another_stack_is_not_judged() -> None:
    text = "Resources: {Q: {Type: AWS::Logs::QueryDefinition, Properties: {Name: q, QueryString: source=logs}}}"
    assert list(saved_queries.check(parse_template(text, "other.yaml"))) == []


@pytest.mark.parametrize("step", [{"handler": "keep", "timeout_s": 6}, {"glue": "heavy"}])
def test_the_queries_of_more_log_groups_than_one_takes_are_right(step: dict[str, Any]) -> None:
    kind = "EXPRESS" if "handler" in step else "STANDARD"
    steps = [{"stage": f"S{number}", **step} for number in range(50)]
    text = render(workflow_stack(workflow_of({"name": "orders", "type": kind, "steps": steps})))
    assert list(saved_queries.check(parse_template(text, "orders.template.yaml"))) == []
