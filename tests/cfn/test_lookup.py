from __future__ import annotations

import json
from typing import Any

import pytest

from ceap.cfn import lookup
from ceap.cfn.template import Template, parse_template
from tests.policy.samples import golden


def template(**bodies: Any) -> Template:
    return parse_template(json.dumps({"Resources": bodies}), "t.json")


def machine(definition: Any) -> Template:
    text = definition if isinstance(definition, str) else json.dumps(definition)
    return template(Machine={"Type": lookup.MACHINE, "Properties": {"DefinitionString": text}})


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ({"Ref": "Queue"}, ("Queue", "")),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, ("Queue", "Arn")),
        ({"Fn::GetAtt": "Queue.Arn"}, ("Queue", "Arn")),
        ({"Fn::GetAtt": ["Queue", {"Ref": "Attribute"}]}, None),
        ({"Fn::GetAtt": "Queue"}, None),
        ({"Ref": ["Queue"]}, None),
        ({"Ref": "Queue", "Other": 1}, None),
        ("Queue", None),
        (None, None),
    ],
)
def test_a_reference_is_a_logical_id_and_an_attribute(value: Any, target: Any) -> None:
    assert lookup.reference(value) == target


def test_references_are_found_in_every_form_with_their_places() -> None:
    value = {
        "A": [{"Ref": "A"}, {"Fn::GetAtt": ["B", "Arn"]}],
        "S": {"Fn::Sub": ["${C} ${D.Arn} ${X} ${!E} ${AWS::Region}", {"X": {"Fn::GetAtt": "F.Arn"}}]},
    }
    assert list(lookup.references(value)) == [
        (("A", "0"), "A", ""),
        (("A", "1"), "B", "Arn"),
        (("S",), "C", ""),
        (("S",), "D", "Arn"),
        (("S",), "AWS::Region", ""),
        (("S",), "F", "Arn"),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        ({"Fn::Sub": "${A}"}, "${A}"),
        ({"Fn::Sub": ["${A}", {"A": 1}]}, None),
        ({"Ref": "A"}, None),
        (1, None),
    ],
)
def test_a_text_may_be_substituted(value: Any, text: str | None) -> None:
    assert lookup.text(value) == text


def test_what_is_not_there_is_none_in_any_shape() -> None:
    value = {"a": [{"b": 1}]}
    assert lookup.at(value, "a", 0, "b") == 1
    for keys in (("b",), ("a", 1), ("a", "b"), (0,), ("a", 0, "b", "c")):
        assert lookup.at(value, *keys) is None


def test_numbers_are_no_truth_values() -> None:
    assert [lookup.number(value) for value in (1, 1.5, True, "1", None)] == [1, 1.5, None, None, None]


@pytest.mark.parametrize(("value", "items"), [("a", ["a"]), (["a"], ["a"]), ({}, [{}]), (None, [])])
def test_one_value_is_a_list_of_one(value: Any, items: list[Any]) -> None:
    assert lookup.items(value) == items


def test_an_import_is_known_by_its_name() -> None:
    assert lookup.imported({"Fn::ImportValue": {"Fn::Sub": "x-${E}"}}) == "x-${E}"
    assert lookup.imported({"Fn::ImportValue": {"Ref": "Name"}}) is None
    assert lookup.imported("x") is None


def test_resources_are_found_by_type_and_by_what_points_at_them() -> None:
    express = golden("express")
    [queue] = [found for found in lookup.resources(express, lookup.QUEUE) if "RedrivePolicy" in found.properties]
    assert queue.name == "ceap-express-${Environment}-queue"
    assert queue.path() == "/Resources/Queue"
    assert queue.path("RedrivePolicy", "maxReceiveCount") == "/Resources/Queue/Properties/RedrivePolicy/maxReceiveCount"
    found = lookup.pointed_at(express, queue.properties["RedrivePolicy"]["deadLetterTargetArn"])
    assert found is not None
    assert found.logical_id == "DeadLetterQueue"


def test_owners_come_with_their_roles() -> None:
    roles = {owner.logical_id: role.logical_id for owner, role in lookup.owners(golden("standard"))}
    owned = ("TakeFunction", "SiftFunction", "RateFunction", "KeepFunction", "TellFunction", "HeavyJob")
    assert roles == {owner: f"{owner}Role" for owner in (*owned, "StateMachine", "Pipe")}


def test_the_states_of_a_machine_are_in_order_and_name_what_they_run() -> None:
    standard = golden("standard")
    [found] = lookup.machines(standard)
    stages = ["TakeStage", "SiftStage", "HeavyStage", "RateStage", "KeepStage", "TellStage"]
    assert found.chain() == ["ReceiveMessage", *stages]
    assert found.stages() == stages
    runs = [found.runs(standard, stage) for stage in stages[1:3]]
    assert [run and run.logical_id for run in runs] == ["SiftFunction", "HeavyJob"]
    path = found.path("States", "SiftStage", "Next")
    assert standard.text.splitlines()[standard.line(path) - 1].strip() == '"Next": "HeavyStage"'


def test_a_chain_ends_where_it_comes_round() -> None:
    states = {"A": {"Next": "B"}, "B": {"Next": "A"}, "C": {}, "D": "no state"}
    [found] = lookup.machines(machine({"StartAt": "A", "States": states}))
    assert found.chain() == ["A", "B"]
    assert list(found.states) == ["A", "B", "C"]


@pytest.mark.parametrize("definition", ["", "[]", '{"a": 1, "a": 2}', "{" * 200])
def test_a_definition_that_cannot_be_read_is_left_out(definition: str) -> None:
    assert list(lookup.machines(machine(definition))) == []


def test_resources_of_odd_shape_are_left_out_or_empty() -> None:
    odd = template(A={"Type": 1}, B={"Type": "X", "Properties": []}, C=[1], D={"Type": lookup.MACHINE})
    assert [(found.logical_id, found.properties) for found in lookup.resources(odd)] == [("B", {}), ("D", {})]
    assert list(lookup.machines(odd)) == []
    assert list(lookup.owners(odd)) == []
    assert [found.name for found in lookup.resources(odd)] == [None, None]


@pytest.mark.parametrize(
    ("handler", "module"),
    [
        ("handlers.take.handler", "take"),
        ("handlers.runtime.legacy.handler", "runtime.legacy"),
        ("handlers.runtime.storage.handler", None),
        ("handlers.legacy.handler", None),
        ("handlers.runtime.legacy.main", None),
        ("runtime.legacy.handler", None),
    ],
)
def test_the_handler_of_a_function_is_a_stage_of_the_project_or_the_one_that_calls_an_existing_function(
    handler: str, module: str | None
) -> None:
    assert lookup.handler_of(lookup.Resource("Function", lookup.FUNCTION, {"Handler": handler})) == module
