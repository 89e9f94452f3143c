"""Who names the functions of a workflow: ceap, or CloudFormation, for each step as its declaration says."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from ceap.cfn.lookup import NAME_PROPERTY
from templates import naming
from templates.model import FunctionNaming, LambdaStep, Workflow
from templates.stacks import workflow_stack
from tests.strategies import named_declarations, named_workflows, workflow_of
from tests.templates.support import VALID, of_type, refusal, statements

ENVIRONMENTS = st.from_regex(naming.ENVIRONMENT_PATTERN, fullmatch=True)
GENERATED = {"ceap": {"naming": "generated"}}
SIFT = "    handler: sift\n"


@pytest.mark.property(38)
@given(declaration=named_declarations())
def test_each_function_is_named_by_whom_its_step_or_else_its_workflow_says(declaration: dict[str, Any]) -> None:
    template = workflow_stack(workflow_of(declaration))
    whole, functions = declaration.get("naming", "explicit"), of_type(template, "AWS::Lambda::Function")
    for step in declaration["steps"]:
        if "glue" in step:
            continue
        purpose = step["stage"].removesuffix("Stage")
        function, marks = functions[f"{purpose}Function"], template["Resources"][f"{purpose}Function"].get("Metadata")
        name = f"ceap-{declaration['name']}-${{Environment}}-{purpose}"
        if step.get("naming", whole) == "explicit":
            assert (function["FunctionName"], marks) == ({"Fn::Sub": name}, None)
        else:
            assert ("FunctionName" in function, marks) == (False, GENERATED)
        group = template["Resources"][function["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]
        assert group["LogGroupName"] == {"Fn::Sub": f"/aws/lambda/{name}"}


@pytest.mark.property(38)
@given(workflow=named_workflows())
def test_whoever_names_a_function_all_else_of_the_template_is_the_same(workflow: Workflow) -> None:
    template, named = ({**workflow_stack(each)["Resources"]} for each in (workflow, _explicit(workflow)))
    for step in workflow.lambda_steps:
        function, other = (side.pop(naming.function_id(step.stage)) for side in (template, named))
        name = other["Properties"].pop("FunctionName")
        if not workflow.names(step):
            assert function.pop("Metadata") == GENERATED
            function["Properties"]["FunctionName"] = name
        other["Properties"]["FunctionName"] = name
        assert function == other
        if workflow.vpc:
            _same_network(template, named, naming.function_id(step.stage), is_named=workflow.names(step))
    assert template == named


def _explicit(workflow: Workflow) -> Workflow:
    steps = tuple(replace(step, naming=None) if isinstance(step, LambdaStep) else step for step in workflow.steps)
    return replace(workflow, naming=FunctionNaming.EXPLICIT, steps=steps)


def _same_network(template: dict[str, Any], named: dict[str, Any], function: str, *, is_named: bool) -> None:
    """Check what denies a function its network; the role of one without a name cannot say which function that is."""
    denials = [statements(side[f"{function}Role"]["Properties"])["NoNetworkFromCode"] for side in (template, named)]
    caller = denials[0]["Condition"]["ArnEquals"]["lambda:SourceFunctionArn"]
    if not is_named:
        assert caller == {"Fn::Sub": "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:*"}
        denials[0]["Condition"] = denials[1]["Condition"]


@pytest.mark.property(38)
@given(data=st.data(), declaration=named_declarations())
def test_two_stacks_have_no_name_in_common(data: st.DataObject, declaration: dict[str, Any]) -> None:
    places = [(declaration["name"], data.draw(ENVIRONMENTS)), (data.draw(_NAMES), data.draw(ENVIRONMENTS))]
    assume(places[0] != places[1])
    first, second = (
        _physical(workflow_stack(workflow_of(declaration | {"name": name})), environment)
        for name, environment in places
    )
    assert first & second == set()
    assert len(first) > len(declaration["steps"])


_NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,6}", fullmatch=True)


def _physical(template: dict[str, Any], environment: str) -> set[tuple[str, str]]:
    """Return type and name of each resource with a name, as a stack of an environment has them."""
    found = set()
    for body in template["Resources"].values():
        name = body["Properties"].get(NAME_PROPERTY.get(body["Type"], ""))
        if name is not None:
            found.add((body["Type"], json.dumps(name).replace("${Environment}", environment)))
    return found


@pytest.mark.parametrize(
    ("stack", "logical_id", "name"),
    [
        ("ceap-realtime-dev", "ETLFunction", "ceap-realtime-dev-ETLFunction-XXXXXXXXXXXX"),
        ("s" * 40, "f" * 10, f"{'s' * 40}-{'f' * 10}-XXXXXXXXXXXX"),
        ("s" * 41, "f" * 10, f"{'s' * 40}-{'f' * 10}-XXXXXXXXXXXX"),
        ("s" * 25, "f" * 25, f"{'s' * 25}-{'f' * 25}-XXXXXXXXXXXX"),
        ("s" * 60, "f" * 60, f"{'s' * 25}-{'f' * 25}-XXXXXXXXXXXX"),
        ("s" * 5, "f" * 60, f"{'s' * 5}-{'f' * 45}-XXXXXXXXXXXX"),
    ],
)
def test_a_generated_name_has_the_stack_and_the_resource_in_it_as_far_as_there_is_room(
    stack: str, logical_id: str, name: str
) -> None:
    assert naming.generated(stack, logical_id) == name


@given(stack=st.text("s", min_size=1, max_size=128), logical_id=st.text("f", min_size=1, max_size=255))
def test_no_generated_name_is_longer_than_aws_allows_or_shorter_than_it_can_be(stack: str, logical_id: str) -> None:
    name = naming.generated(stack, logical_id)
    assert re.fullmatch("s+-f+-XXXXXXXXXXXX", name)
    assert len(name) == min(64, len(f"{stack}-{logical_id}-XXXXXXXXXXXX"))


def test_a_name_of_which_the_environment_could_be_cut_off_is_refused_with_what_to_do() -> None:
    text = VALID.replace("orders", "orders-of-all-markets").replace(SIFT, SIFT + "    naming: generated\n")
    assert refusal(text.replace("SiftStage", "SiftAllThatIsWrongStage")) == (
        "orders.yaml:6: steps[1].stage is 'SiftAllThatIsWrongStage': the name that CloudFormation generates for its "
        "function keeps 25 characters of the stack's, which could have 39 with an Environment of 12: shorten the "
        "workflow's name by 14, or set `naming: explicit`"
    )


def test_a_name_that_ceap_could_not_give_may_be_generated() -> None:
    stage = "S" + "i" * 60
    with_name = VALID.replace("SiftStage", stage)
    assert "AWS Lambda allows 64" in refusal(with_name)
    template = workflow_stack(
        workflow_of(
            {
                "name": "o",
                "type": "EXPRESS",
                "naming": "generated",
                "steps": [{"stage": stage, "handler": "sift"}],
            }
        )
    )
    assert "FunctionName" not in template["Resources"][f"{stage}Function"]["Properties"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (VALID.replace("type:", "naming: random\ntype:"), ["naming", "'random'", "explicit", "generated"]),
        (VALID.replace(SIFT, SIFT + "    naming: auto\n"), ["steps[1].naming", "'auto'", "explicit", "generated"]),
    ],
)
def test_another_way_of_naming_is_refused(text: str, words: list[str]) -> None:
    said = refusal(text)
    assert [word for word in words if word not in said] == []
