"""Placeholders in settings: what a template holds, and what a declaration may not."""

from __future__ import annotations

import json

import pytest

from templates.config import parse_workflow
from templates.discovery import source_bucket
from templates.settings import filled_settings, settings_variable
from templates.source import parse_source
from templates.stacks import workflow_stack
from tests.templates.support import changed, of_type, refusal, statements


def declared(settings: str) -> str:
    return changed("handler: take\n", f"handler: take\n    settings: {settings}\n")


def test_settings_without_placeholders_are_plain_text() -> None:
    assert settings_variable({"a": "x ${y} ${Environment"}) == '{"a":"x ${y} ${Environment"}'


def test_settings_with_a_placeholder_are_substituted_and_other_signs_stay() -> None:
    variable = settings_variable({"a": "acme-${Environment}", "b": ["${y}", "$" + "{"]})
    text = variable.to_dict()["Fn::Sub"]  # type: ignore[union-attr]  # it has a placeholder
    assert text == '{"a":"acme-${Environment}","b":["\\u0024{y}","\\u0024{"]}'
    assert json.loads(text) == {"a": "acme-${Environment}", "b": ["${y}", "${"]}


def test_settings_are_filled_at_every_depth() -> None:
    values = {"Environment": "dev", "AWS::Region": "eu-west-1"}
    assert filled_settings({"a": {"b": ["${Environment}/${AWS::Region}/${x}"]}}, values) == {
        "a": {"b": ["dev/eu-west-1/${x}"]}
    }


def test_the_role_reads_the_bucket_of_its_environment() -> None:
    workflow = parse_workflow(parse_source(declared("{source_bucket: 'acme-${Environment}'}"), "orders.yaml"))
    assert source_bucket(workflow.lambda_steps[0]) == "acme-${Environment}"
    template = workflow_stack(workflow)
    granted = statements(of_type(template, "AWS::IAM::Role")["TakeFunctionRole"])
    assert granted["ReadSource"]["Resource"] == [{"Fn::Sub": "arn:${AWS::Partition}:s3:::acme-${Environment}/*"}]
    variables = of_type(template, "AWS::Lambda::Function")["TakeFunction"]["Environment"]["Variables"]
    assert variables["SETTINGS"] == {"Fn::Sub": '{"source_bucket":"acme-${Environment}"}'}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param(
            "{source_bucket: 'acme-${Env}'}",
            "orders.yaml:6: steps[0].settings.source_bucket is 'acme-${Env}': expected str (a bucket's name: 3 to 63 "
            "of a-z, 0-9, hyphen and single dots); it holds ${Env}, which no deployment fills in; allowed: "
            "${Environment}, ${AWS::AccountId}, ${AWS::Region}",
            id="unknown",
        ),
        pytest.param(
            "{source_bucket: 'acme-exports-of-the-department-small-${AWS::AccountId}-${AWS::Region}'}",
            "orders.yaml:6: steps[0].settings.source_bucket is 'acme-exports-of-the-department-small-${AWS::AccountId}-"
            "$...: expected str (a bucket's name: 3 to 63 of a-z, 0-9, hyphen and single dots); deployed, it can have "
            "65 characters",
            id="too long",
        ),
        pytest.param(
            "{source_bucket: 'ceap-workflow-${Environment}-1'}",
            "orders.yaml:6: steps[0].settings.source_bucket is 'ceap-workflow-${Environment}-1', a bucket of ceap, "
            "of which a stage reads the previous output alone; name another",
            id="a workflow bucket",
        ),
        pytest.param(
            "{source_bucket: 'ceap-artifacts-${Environment}-1'}",
            "orders.yaml:6: steps[0].settings.source_bucket is 'ceap-artifacts-${Environment}-1', a bucket of ceap, "
            "of which a stage reads the previous output alone; name another",
            id="an artifact bucket",
        ),
    ],
)
def test_a_bucket_that_cannot_be_is_refused_as_it_is_written(settings: str, message: str) -> None:
    assert refusal(declared(settings)) == message
