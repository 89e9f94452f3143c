"""Existing functions are asked for before a workflow that calls them is deployed: here by the local engine as AWS."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from ceap.aws.session import Aws, open_session
from ceap.ceap_toml import Environment
from ceap.cfn.template import parse_template
from ceap.deploy.legacy_functions import find_unfit
from ceap.deploy.preflight import check
from ceap.deploy.problem import Planned
from templates.render import render
from templates.stacks import workflow_stack
from tests.strategies import workflow_of

DEV = Environment(name="dev")
STEPS = [
    {"stage": "TakeStage", "legacy": "OrdersFunctionArn", "timeout_s": 30},
    {"stage": "KeepStage", "handler": "keep", "naming": "generated"},
    {"stage": "TellStage", "legacy": "OrdersFunctionArn", "timeout_s": 60},
]
PLACE = "ceap-orders-dev: parameter OrdersFunctionArn"
CURE = "correct the value below [env.dev.parameters] in ceap.toml"


def planned(**parameters: str) -> Planned:
    text = render(workflow_stack(workflow_of({"name": "orders", "type": "EXPRESS", "steps": STEPS})))
    template = parse_template(text, "generated/orders.template.yaml")
    given = {"Environment": "dev", "HandlersPrefix": "handlers/", **parameters}
    return Planned(stack="ceap-orders-dev", template=template, parameters=given)


def said(aws: Aws, arn: str) -> list[str]:
    found = find_unfit(aws, planned(OrdersFunctionArn=arn))
    return [f"{'' if problem.is_fatal else 'not known: '}{problem}" for problem in found]


def code() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("lambda_function.py", "def lambda_handler(event, context):\n    return event\n")
    return content.getvalue()


def make_function(aws: Aws, name: str, timeout_s: int) -> str:
    """Make a function outside of every stack; return its ARN."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    made: dict[str, Any] = aws.client("lambda").create_function(
        FunctionName=name,
        Role=role,
        Runtime="python3.13",
        Handler="lambda_function.lambda_handler",
        Code={"ZipFile": code()},
        Timeout=timeout_s,
    )
    arn: str = made["FunctionArn"]
    return arn


@pytest.fixture(scope="module")
def function(aws: Aws) -> str:
    return make_function(aws, "orders-Take-1A2B3C", 20)


def test_a_function_that_is_there_and_quicker_than_its_steps_is_no_problem(aws: Aws, function: str) -> None:
    assert said(aws, function) == []


def test_a_function_that_does_not_exist_is_refused_once_for_all_steps_that_call_it(aws: Aws, function: str) -> None:
    gone = function.replace("1A2B3C", "GONE")
    assert said(aws, gone) == [f"{PLACE}: names {gone}, which does not exist; deploy it first, or {CURE}"]
    [line] = [str(each) for each in check(aws, DEV, [planned(OrdersFunctionArn=gone)]) if each.place == PLACE]
    assert line == said(aws, gone)[0]


@pytest.mark.parametrize("name", ["ceap-orders-dev-Take", "ceap-orders-dev-KeepFunction-1A2B3C4D5E6F"])
def test_a_function_of_the_workflow_itself_is_refused(aws: Aws, name: str) -> None:
    """It takes an event of the state machine and no payload: every execution would fail."""
    own = make_function(aws, name, 20)
    assert said(aws, own) == [
        f"{PLACE}: names {name}, a function of the stack itself, which does no other stage's work; give it the ARN of "
        f"the function that did the step so far: {CURE}"
    ]


def test_a_function_of_another_region_is_refused(aws: Aws, function: str) -> None:
    other = function.replace(aws.region, "ap-south-2")
    assert said(aws, other) == [
        f"{PLACE}: names a function in ap-south-2, and Lambda in {aws.region} reaches none there; {CURE}, or deploy "
        "there (--region)"
    ]


def test_a_function_of_another_account_is_told(aws: Aws, function: str) -> None:
    other = function.replace(aws.account, "210987654321")
    assert said(aws, other) == [
        f"not known: {PLACE}: {other} is of account 210987654321: what the step takes is sent there; see that it "
        "exists, and that its resource policy allows the role, or go on if you know it"
    ]


def test_a_function_that_may_take_longer_than_a_step_waits_is_told_of_that_step(aws: Aws) -> None:
    slow = make_function(aws, "orders-Slow", 30)
    assert said(aws, slow) == [
        f"not known: {PLACE}: {slow} may take 30 s, and TakeFunction waits no longer than its own timeout of 30 s; "
        "raise the step's timeout_s to some 15 s more than it, or lower the function's timeout"
    ]


def test_whether_it_exists_is_not_known_without_the_right_to_ask(
    aws: Aws, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{aws.account}:root"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws.client("iam").create_role(RoleName="asks-nothing", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    keys = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="ci")["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", keys["SessionToken"])
    assert said(open_session(DEV), function) == [
        f"not known: {PLACE}: whether {function} exists is not known: AWS refused GetFunctionConfiguration; grant it "
        "to this identity, or go on if you know it"
    ]


@pytest.mark.parametrize("value", ["orders", "*", "arn:aws:lambda:eu-central-1:123456789012:function:*"])
def test_a_value_that_is_no_arn_is_a_problem_of_the_parameter_alone(aws: Aws, value: str) -> None:
    assert said(aws, value) == []
    [line] = [str(each) for each in check(aws, DEV, [planned(OrdersFunctionArn=value)]) if each.place == PLACE]
    assert line == (
        f"{PLACE}: is '{value}'; allowed: the ARN of a Lambda function, or of a version or an alias of one; give it an "
        "allowed value below [env.dev.parameters] in ceap.toml"
    )
