"""The saved queries: what each asks of which log groups; that their fields exist, a run on the engine proves."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from ceap.policy.insights import read_query
from templates.model import Workflow
from templates.parts import in_parts
from templates.stacks import workflow_stack
from tests.strategies import all_workflows, workflow_of
from tests.templates.support import of_type

STEPS = [
    {"stage": "TakeStage", "handler": "take"},
    {"stage": "HeavyStage", "glue": "heavy"},
    {"stage": "KeepStage", "handler": "keep"},
]
NAMES = [
    "failed-executions",
    "unfinished-stages",
    "slow-stages",
    "one-execution",
    "executions-of-message",
    "stage-failures",
    "rejected-records",
    "log-volume",
]


def queries(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the saved queries by their names in the folder."""
    found = of_type(template, "AWS::Logs::QueryDefinition").values()
    return {query["Name"]["Fn::Sub"].rpartition("/")[2]: query for query in found}


def groups(query: dict[str, Any]) -> list[str]:
    return [group["Ref"] for group in query["LogGroupNames"]]


def test_the_queries_stand_in_a_folder_of_the_workflow_and_its_environment() -> None:
    template = workflow_stack(workflow_of({"name": "orders", "type": "STANDARD", "steps": STEPS}))
    found = of_type(template, "AWS::Logs::QueryDefinition")
    assert list(queries(template)) == NAMES
    assert found["LogVolumeQuery"]["Name"] == {"Fn::Sub": "ceap-orders-${Environment}/log-volume"}


def test_each_query_is_of_the_log_groups_that_have_its_lines() -> None:
    template = workflow_stack(workflow_of({"name": "orders", "type": "STANDARD", "steps": STEPS}))
    functions = ["TakeFunctionLogGroup", "KeepFunctionLogGroup"]
    every = [name for name, each in template["Resources"].items() if each["Type"] == "AWS::Logs::LogGroup"]
    found = queries(template)
    assert [groups(found[name]) for name in NAMES] == [
        ["StateMachineLogGroup"],
        ["StateMachineLogGroup"],
        ["StateMachineLogGroup"],
        ["StateMachineLogGroup", *functions],
        ["StateMachineLogGroup"],
        functions,
        functions,
        every,
    ]


def test_more_log_groups_than_one_query_takes_have_a_query_of_their_own() -> None:
    steps = [{"stage": f"S{number}", "handler": "keep", "timeout_s": 6} for number in range(50)]
    template = workflow_stack(workflow_of({"name": "orders", "type": "EXPRESS", "steps": steps}))
    found = queries(template)
    assert {name: len(groups(query)) for name, query in found.items() if name.startswith(("one", "log"))} == {
        "one-execution": 50,
        "one-execution-2": 2,
        "log-volume": 50,
        "log-volume-2": 2,
    }
    asked = [groups(found[name]) for name in ("one-execution", "one-execution-2")]
    assert [names[0] for names in asked] == ["StateMachineLogGroup"] * 2
    assert asked[0][1:] + asked[1][1:] == [f"S{number}FunctionLogGroup" for number in range(50)]
    same = {query["QueryString"] for name, query in found.items() if name.startswith("one")}
    assert len(same) == 1


@given(workflow=all_workflows())
def test_every_query_can_be_read_and_asks_for_the_values_that_it_names(workflow: Workflow) -> None:
    for query in queries(workflow_stack(workflow)).values():
        assert len(query["QueryString"]) <= 10_000
        assert 1 <= len(query["LogGroupNames"]) <= 50
        asked = [parameter["Name"] for parameter in query.get("Parameters", ())]
        assert sorted(read_query(query["QueryString"]).placeholders) == asked


def test_a_workflow_of_jobs_alone_has_no_query_of_stages_that_log() -> None:
    steps = [{"stage": "HeavyStage", "glue": "heavy"}]
    found = queries(workflow_stack(workflow_of({"name": "orders", "type": "STANDARD", "steps": steps})))
    assert sorted({*NAMES} - {*found}) == ["rejected-records", "stage-failures"]
    assert groups(found["one-execution"]) == ["StateMachineLogGroup"]
    assert "executionId =" not in found["one-execution"]["QueryString"]


def test_a_list_is_cut_into_parts_in_order() -> None:
    assert in_parts("abcde", 2) == ["ab", "cd", "e"]
    assert in_parts([], 2) == []
