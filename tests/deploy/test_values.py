from __future__ import annotations

import pytest

from ceap.cfn.template import Template, parse_template
from ceap.deploy.values import Values, choose_values
from ceap.errors import UsageError
from templates.render import render
from templates.stacks import workflow_stack
from tests.strategies import workflow_of


def template(key_default: str = "''") -> Template:
    return parse_template(
        f"Parameters: {{Environment: {{Type: String}}, KmsKeyArn: {{Type: String, Default: {key_default}}}}}\n"
        "Resources: {Topic: {Type: 'AWS::SNS::Topic'}}\n",
        "x.yaml",
    )


def test_a_new_stack_takes_what_is_wanted_and_its_defaults() -> None:
    values = choose_values(template(), {"Environment": "dev", "Other": "x"}, None, {})
    assert values == Values(given={"Environment": "dev"}, all={"Environment": "dev", "KmsKeyArn": ""})


def test_a_value_that_was_given_by_hand_stays() -> None:
    values = choose_values(template(), {"Environment": "dev"}, template(), {"Environment": "dev", "KmsKeyArn": "arn"})
    assert values == Values(
        given={"Environment": "dev", "KmsKeyArn": None}, all={"Environment": "dev", "KmsKeyArn": "arn"}
    )


def test_ceap_toml_comes_before_a_value_that_was_given_by_hand() -> None:
    values = choose_values(template(), {"Environment": "dev", "KmsKeyArn": "new"}, template(), {"KmsKeyArn": "old"})
    assert values.given == {"Environment": "dev", "KmsKeyArn": "new"}


def test_a_new_default_replaces_an_old_one() -> None:
    values = choose_values(template("new"), {"Environment": "dev"}, template("old"), {"KmsKeyArn": "old"})
    assert values == Values(given={"Environment": "dev"}, all={"Environment": "dev", "KmsKeyArn": "new"})


def test_a_parameter_without_any_value_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^x\.yaml: the parameters Environment have no value; give one to each in "):
        choose_values(template(), {}, None, {})


def test_the_existing_function_of_a_step_is_asked_for_by_its_parameter() -> None:
    steps = [{"stage": "TakeStage", "legacy": "OrdersFunctionArn"}]
    stack = workflow_stack(workflow_of({"name": "orders", "type": "EXPRESS", "steps": steps}))
    workflow = parse_template(render(stack), "generated/orders.template.yaml")
    given = {"Environment": "dev", "HandlersPrefix": "handlers/"}
    with pytest.raises(UsageError) as refused:
        choose_values(workflow, given, None, {})
    assert str(refused.value) == (
        "generated/orders.template.yaml: the parameters OrdersFunctionArn have no value; give one to each in "
        'ceap.toml, e.g. OrdersFunctionArn = "..." below [env.NAME.parameters]'
    )
    arn = "arn:aws:lambda:eu-central-1:123456789012:function:orders"
    assert choose_values(workflow, given | {"OrdersFunctionArn": arn}, None, {}).given["OrdersFunctionArn"] == arn
