"""What `environment` of a step may hold, and where it goes."""

from __future__ import annotations

import pytest
from msgspec import Struct

from handlers.runtime.needs import Needs
from templates.config import parse_workflow
from templates.environment import environment_problems
from templates.model import Declaration, LambdaStep, WorkflowType
from templates.source import parse_source
from templates.stacks import workflow_stack
from tests.templates.support import changed, of_type, refusal


def declared(lines: str) -> str:
    return changed("handler: take\n", f"handler: take\n    {lines}\n")


def function(text: str) -> dict[str, object]:
    return of_type(workflow_stack(parse_workflow(parse_source(text, "orders.yaml"))), "AWS::Lambda::Function")[
        "TakeFunction"
    ]


def test_variables_stand_beside_those_of_ceap_with_their_placeholders_filled_in() -> None:
    found = function(declared("environment: {VENDOR_URL: 'https://${Environment}.example', LEVEL: '3'}"))
    variables = found["Environment"]["Variables"]  # type: ignore[index]  # a template's value
    assert variables["VENDOR_URL"] == {"Fn::Sub": "https://${Environment}.example"}
    assert variables["LEVEL"] == "3"
    assert variables["SETTINGS"] == "{}"


def test_a_function_has_the_storage_that_is_declared_and_no_property_otherwise() -> None:
    assert function(declared("ephemeral_storage_mb: 2048"))["EphemeralStorage"] == {"Size": 2048}
    assert "EphemeralStorage" not in function(declared("memory_mb: 512"))


OWN = "is a variable that ceap sets from `settings`, `legacy` and NEEDS; choose another name"
OBEYED = "changes what runs, where data go or what is logged below the handler; choose another name"
NAME = "has a name that AWS Lambda refuses; allowed: a letter, then letters, digits and _, two in all or more"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("SETTINGS", OWN),
        ("EVENT_BUS", OWN),
        ("LEGACY_FUNCTION_ARN", OWN),
        ("POWERTOOLS_SERVICE_NAME", OWN),
        ("TABLE_ORDERS", OWN),
        ("SECRET_VENDOR_NAME", OWN),
        ("PARAMETER_URL_NAME", OWN),
        ("AWS_ENDPOINT_URL_S3", OBEYED),
        ("PYTHONPATH", OBEYED),
        ("https_proxy", OBEYED),
        ("OPENSSL_CONF", OBEYED),
        ("SSLKEYLOGFILE", OBEYED),
        ("POWERTOOLS_LOG_LEVEL", OBEYED),
        ("LOG_LEVEL", OBEYED),
        ("TZ", OBEYED),
        ("A", NAME),
        ("_HANDLER", NAME),
        ("A-B", NAME),
    ],
)
def test_a_variable_that_ceap_or_what_runs_below_obeys_is_refused(name: str, problem: str) -> None:
    text = declared(f"environment: {{{name}: x}}")
    assert refusal(text) == f"orders.yaml:6: steps[0].environment.{name} {problem}"


def test_a_value_is_a_text_with_known_placeholders() -> None:
    assert refusal(declared("environment: {LEVEL: 3}")) == (
        "orders.yaml:6: steps[0].environment.LEVEL is 3: expected str, got int (variables for libraries: texts, "
        "numbers in quotes; they may hold the same placeholders)"
    )
    assert refusal(declared("environment: {URL: 'x${Env}'}")) == (
        "orders.yaml:6: steps[0].environment.URL holds ${Env}, which no deployment fills in; "
        "allowed: ${Environment}, ${AWS::AccountId}, ${AWS::Region}"
    )


def test_all_variables_together_are_counted_as_lambda_does() -> None:
    assert function(declared(f"environment: {{LONG: {'x' * 3900}}}"))
    said = refusal(declared(f"environment: {{LONG: {'x' * 4096}}}"))
    assert said.startswith("orders.yaml:6: steps[0].environment takes 4,")
    assert said.endswith(
        "bytes as JSON with what ceap sets; AWS Lambda allows 4,096: shorten it, or put values into a parameter "
        "(`parameters` of NEEDS)"
    )


def test_what_ceap_sets_is_counted_too_where_no_variable_is_declared() -> None:
    step = LambdaStep(stage="Take", handler="take", timeout_s=60)
    orders = Declaration(name="orders", type=WorkflowType.EXPRESS)
    needs = Needs(settings=Struct, secrets=tuple(f"{letter * 500}" for letter in "abcde"))
    [(place, said)] = environment_problems(orders, step, needs)
    assert place is None
    assert said.endswith("AWS Lambda allows 4,096: shorten `settings`, or names in NEEDS")


def test_storage_is_within_the_limits_of_lambda() -> None:
    assert refusal(declared("ephemeral_storage_mb: 511")) == (
        "orders.yaml:6: steps[0].ephemeral_storage_mb is 511: expected int >= 512 (MB of /tmp; AWS Lambda allows 512 "
        "to 10240)"
    )
