"""Steps that existing functions do: what of the template they change, and what a declaration may say of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates import naming
from templates.config import parse_workflow
from templates.model import LegacyStep, Workflow, WorkflowType
from templates.source import parse_source
from templates.stacks import workflow_stack
from tests.legacy_mixes import MIXES, existing, mixed
from tests.strategies import EXISTING, all_workflows, declarations, standard_declarations, workflow_of
from tests.templates.support import changed, of_type, refusal, statements

LEGACY = changed("handler: sift", "legacy: SiftFunctionArn")


def parts(template: dict[str, Any], stage: str) -> dict[str, Any]:
    """Return the resources of a stage by their logical ids."""
    function = naming.function_id(stage)
    return {name: body for name, body in template["Resources"].items() if name in (function, f"{function}Role")}


@given(declaration=declarations() | standard_declarations(), data=st.data())
def test_a_stage_migrates_alone(declaration: dict[str, Any], data: st.DataObject) -> None:
    """With another stage migrated, each has the same function and role, and the state machine runs the same."""
    steps = declaration["steps"]
    index = data.draw(st.sampled_from(range(len(steps))))
    stage = steps[index]["stage"]
    size = {"timeout_s": 1} if "glue" in steps[index] else {"timeout_s": steps[index]["timeout_s"]}
    old, new = (
        workflow_stack(workflow_of(declaration | {"steps": [*steps[:index], step | size, *steps[index + 1 :]]}))
        for step in ({"stage": stage, "legacy": EXISTING[0]}, {"stage": stage, "handler": "tell"})
    )
    for other in [step["stage"] for step in steps if step["stage"] != stage]:
        assert parts(old, other) == parts(new, other)
    assert parts(old, stage) != parts(new, stage)
    for logical_id in ("StateMachine", "StateMachineRole", "Pipe", "PipeRole", "Queue"):
        assert old["Resources"][logical_id] == new["Resources"][logical_id]
    assert (old["Outputs"], set(old["Resources"])) == (new["Outputs"], set(new["Resources"]))


@pytest.mark.parametrize("kind", WorkflowType)
@pytest.mark.parametrize("legacy", MIXES, ids=lambda legacy: "+".join(legacy) or "none")
def test_in_each_mix_only_the_function_and_the_role_of_a_stage_differ(
    legacy: tuple[str, ...], kind: WorkflowType
) -> None:
    new, mix = workflow_stack(mixed(kind, ())), workflow_stack(mixed(kind, legacy))
    touched = {name for stage in legacy for name in parts(mix, stage)}
    # Of items that a newer version keeps from being written only the handler of KeepStage can tell.
    stale = {"KeepStaleAlarm", "Dashboard"} if "KeepStage" in legacy else set()
    names = new["Resources"].keys() | mix["Resources"].keys()
    differ = {name for name in names if new["Resources"].get(name) != mix["Resources"].get(name)}
    assert differ == touched | stale
    assert mix["Outputs"] == new["Outputs"]
    assert mix["Parameters"].keys() - new["Parameters"].keys() == {existing(stage) for stage in legacy}


@given(workflow=all_workflows())
def test_the_function_of_a_legacy_step_may_invoke_the_function_that_it_is_told_of_and_no_other_may_any(
    workflow: Workflow,
) -> None:
    template = workflow_stack(workflow)
    roles, functions = (of_type(template, f"AWS::{kind}") for kind in ("IAM::Role", "Lambda::Function"))
    for step in workflow.lambda_steps:
        name = naming.function_id(step.stage)
        told = functions[name]["Environment"]["Variables"].get("LEGACY_FUNCTION_ARN")
        granted = [one for one in statements(roles[f"{name}Role"]).values() if "lambda:InvokeFunction" in one["Action"]]
        if isinstance(step, LegacyStep):
            assert functions[name]["Handler"] == "handlers.runtime.legacy.handler"
            assert told == {"Ref": step.legacy}
            [grant] = granted
            assert (grant["Action"], grant["Resource"]) == (["lambda:InvokeFunction"], [told])
        else:
            assert (told, granted) == (None, [])


@given(workflow=all_workflows())
def test_each_existing_function_is_one_parameter_that_every_deployment_must_give(workflow: Workflow) -> None:
    template = workflow_stack(workflow)
    named = {step.legacy for step in workflow.steps if isinstance(step, LegacyStep)}
    found = {name: body for name, body in template["Parameters"].items() if name.endswith("FunctionArn")}
    assert found.keys() == named
    assert all("Default" not in body and body["AllowedPattern"] == PATTERN for body in found.values())


PATTERN = naming.FUNCTION_ARN_PATTERN
FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:orders-Score-1A2B3C"


@pytest.mark.parametrize(
    "arn",
    [
        FUNCTION,
        f"{FUNCTION}:7",
        f"{FUNCTION}:live",
        f"{FUNCTION}:$LATEST",
        FUNCTION.replace("aws:lambda:eu-central-1", "aws-us-gov:lambda:us-gov-west-1"),
        f"{FUNCTION.rpartition(':')[0]}:{'f' * 64}:{'a' * 128}",
    ],
)
def test_the_parameter_takes_the_arn_of_a_function_a_version_or_an_alias(arn: str) -> None:
    assert re.fullmatch(PATTERN, arn)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "orders-Score",
        "123456789012:function:orders-Score",
        f"{FUNCTION}*",
        f"{FUNCTION}:*",
        f"{FUNCTION}:",
        f"{FUNCTION}:live:more",
        f"{FUNCTION},{FUNCTION}",
        f"{FUNCTION}\n",
        FUNCTION.replace(":123456789012:", ":*:"),
        FUNCTION.replace(":function:", ":layer:"),
        f"{FUNCTION.rpartition(':')[0]}:*",
        f"{FUNCTION.rpartition(':')[0]}:{'f' * 65}",
        "arn:aws:states:eu-central-1:123456789012:stateMachine:orders",
    ],
)
def test_the_parameter_takes_nothing_that_would_widen_the_grant(text: str) -> None:
    assert not re.fullmatch(PATTERN, text)


def test_two_steps_may_name_one_function() -> None:
    text = LEGACY.replace("handler: take", "legacy: SiftFunctionArn")
    template = workflow_stack(parse_workflow(parse_source(text, "orders.yaml")))
    assert [name for name in template["Parameters"] if name.endswith("FunctionArn")] == ["SiftFunctionArn"]
    labels = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterLabels"]
    assert labels["SiftFunctionArn"] == {"default": "Function that does TakeStage"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            changed("handler: sift", "handler: sift\n    legacy: SiftFunctionArn"),
            "orders.yaml:6: steps[1] has both handler and legacy; give exactly one: handler for a Lambda step, "
            "glue for a Glue step, legacy for one that an existing function does",
        ),
        (
            changed("handler: sift", "legcy: SiftFunctionArn"),
            "orders.yaml:7: steps[1].legcy is an unknown key; did you mean legacy?",
        ),
        (
            changed("handler: sift", "legacy: SiftFunction"),
            "orders.yaml:7: steps[1].legacy is 'SiftFunction': expected str (the parameter that gives the existing "
            "function's ARN, also of a version or an alias; it ends in FunctionArn, e.g. ScoreFunctionArn)",
        ),
        (
            f"{LEGACY}    settings: {{batch: 3}}\n",
            "orders.yaml:8: steps[1].settings.batch is an unknown key; ",
        ),
        (
            f"{LEGACY}    environment: {{LEGACY_FUNCTION_ARN: x}}\n",
            "orders.yaml:8: steps[1].environment.LEGACY_FUNCTION_ARN is a variable that ceap sets from `settings`, "
            "`legacy` and NEEDS; choose another name",
        ),
        (
            LEGACY.replace("handler: take", "legacy: TakeFunctionArn") + "s3_events: {}\n",
            "orders.yaml:8: s3_events needs a first stage that reads a bucket, and TakeStage is done by an existing "
            "function; put a step with a handler first",
        ),
    ],
)
def test_what_a_legacy_step_cannot_be_is_refused_with_the_cure(text: str, message: str) -> None:
    assert refusal(text).startswith(message)


def test_the_longest_arn_counts_as_part_of_the_environment() -> None:
    def declared(size: int) -> str:
        return f"{LEGACY}    environment: {{A1: {'x' * size}}}\n"

    parse_workflow(parse_source(declared(3650), "orders.yaml"))
    assert " bytes as JSON with what ceap sets" in refusal(declared(3850))


def test_a_schedule_may_send_any_message_to_an_existing_function() -> None:
    schedule = {"expression": "rate(1 hour)", "message": {"what": "the function alone knows"}}
    steps = [{"stage": "OldStage", "legacy": "OldFunctionArn"}]
    assert workflow_of({"name": "a", "type": "STANDARD", "steps": steps, "schedule": schedule})
