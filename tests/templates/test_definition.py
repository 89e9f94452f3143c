from __future__ import annotations

import itertools
import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given

from handlers.runtime.contract import ExecutionContext
from templates import naming
from templates.definition import build_definition, definition_text
from templates.model import GlueStep, Workflow
from templates.stacks import workflow_stack
from tests.strategies import all_workflows, standard_workflows, workflow_of, workflows

MISSING = "missing"


def tasks(workflow: Workflow) -> dict[str, dict[str, Any]]:
    return {name: state for name, state in build_definition(workflow)["States"].items() if state["Type"] == "Task"}


def lambda_tasks(workflow: Workflow) -> list[dict[str, Any]]:
    return [tasks(workflow)[step.stage] for step in workflow.lambda_steps]


@pytest.mark.property(8, "H")
@given(workflow=all_workflows())
def test_the_payload_is_exactly_the_execution_context_and_the_body_goes_to_the_first_stage_alone(
    workflow: Workflow,
) -> None:
    fields = {field.encode_name for field in msgspec.structs.fields(ExecutionContext)}
    assert fields == {"executionId", "currentStage", "previousStage", "workflowBucket", "initialData"}
    for step, task in zip(workflow.lambda_steps, lambda_tasks(workflow), strict=True):
        previous = workflow.previous(step)
        assert task["Parameters"]["Payload"] == {
            "executionId.$": "$$.Execution.Name",
            "currentStage": step.stage,
            "previousStage": previous,
            "workflowBucket": "${WorkflowBucket}",
            **({"initialData.$": "$.body"} if previous is None else {"initialData": None}),
        }


@given(workflow=all_workflows())
def test_each_stage_names_the_one_before_it(workflow: Workflow) -> None:
    stages = [step.stage for step in workflow.steps]
    assert [None, *stages[:-1]] == [workflow.previous(step) for step in workflow.steps]


@pytest.mark.property(15, "H")
@given(workflow=workflows())
def test_the_states_are_one_chain_of_lambda_tasks(workflow: Workflow) -> None:
    definition = build_definition(workflow)
    states, name, walked = definition["States"], definition["StartAt"], []
    while name:
        walked.append(name)
        name = states[name].get("Next")
    assert ["ReceiveMessage", *[step.stage for step in workflow.steps]] == walked
    assert set(walked) == set(states)
    assert [walked[-1]] == [state for state, body in states.items() if body.get("End")]
    assert {"arn:aws:states:::lambda:invoke"} == {task["Resource"] for task in tasks(workflow).values()}
    hand_over = [(task["Parameters"]["Payload"]["previousStage"], name) for name, task in tasks(workflow).items()]
    assert hand_over == [*itertools.pairwise([None, *walked[1:]])]


@pytest.mark.property(16, "H")
@given(workflow=all_workflows())
def test_every_lambda_task_is_retried_twice_after_20_s_but_never_for_a_permanent_error(workflow: Workflow) -> None:
    expected = [
        {"ErrorEquals": ["PermanentStageError"], "MaxAttempts": 0},
        {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 20, "MaxAttempts": 2, "BackoffRate": 2.0},
    ]
    assert [expected] * len(workflow.lambda_steps) == [task["Retry"] for task in lambda_tasks(workflow)]


@pytest.mark.property(17, "H")
@given(workflow=all_workflows())
def test_every_lambda_result_is_discarded(workflow: Workflow) -> None:
    assert {task.get("ResultPath", MISSING) for task in lambda_tasks(workflow)} <= {None}


@given(workflow=workflows())
def test_tasks_and_machine_have_timeouts_within_the_budget(workflow: Workflow) -> None:
    definition = build_definition(workflow)
    timeouts = [task["TimeoutSeconds"] for task in tasks(workflow).values()]
    assert [step.timeout_s + 10 for step in workflow.lambda_steps] == timeouts
    assert sum(step.timeout_s for step in workflow.lambda_steps) <= definition["TimeoutSeconds"] == 300


@given(workflow=all_workflows())
def test_no_state_catches_so_that_a_failure_ends_at_the_stage_that_failed(workflow: Workflow) -> None:
    assert [name for name, state in build_definition(workflow)["States"].items() if "Catch" in state] == []


@given(workflow=all_workflows())
def test_every_token_has_a_substitution_and_every_substitution_a_token(workflow: Workflow) -> None:
    machine = workflow_stack(workflow)["Resources"]["StateMachine"]["Properties"]
    assert set(re.findall(r"\$\{(\w+)}", machine["DefinitionString"])) == set(machine["DefinitionSubstitutions"])


@pytest.mark.property(20, "H")
@pytest.mark.property(28, "H")
@given(workflow=standard_workflows())
def test_lambda_and_glue_steps_chain_in_any_mix_and_order(workflow: Workflow) -> None:
    definition = build_definition(workflow)
    names = list(definition["States"])
    first_is_glue = isinstance(workflow.steps[0], GlueStep)
    assert names == ["ReceiveMessage", *(["StageInput"] if first_is_glue else []), *[s.stage for s in workflow.steps]]
    assert [definition["States"][name].get("Next") for name in names] == [*names[1:], None]
    assert [definition["States"][step.stage]["Resource"].split(":::")[1] for step in workflow.steps] == [
        "glue:startJobRun.sync" if isinstance(step, GlueStep) else "lambda:invoke" for step in workflow.steps
    ]
    assert definition["States"][names[-1]]["End"] is True


@pytest.mark.property(21, "H")
@given(workflow=standard_workflows())
def test_every_glue_task_waits_for_its_job(workflow: Workflow) -> None:
    glue = [tasks(workflow)[step.stage] for step in workflow.glue_steps]
    assert {task["Resource"] for task in glue} <= {"arn:aws:states:::glue:startJobRun.sync"}
    assert [task["Parameters"]["JobName"] for task in glue] == [
        f"${{{naming.job_id(step.stage)}}}" for step in workflow.glue_steps
    ]
    assert [task.get("ResultPath", MISSING) for task in glue] == [None] * len(glue)


@pytest.mark.property(22, "H")
@given(workflow=standard_workflows())
def test_every_glue_task_passes_the_five_arguments_by_the_convention(workflow: Workflow) -> None:
    for step in workflow.glue_steps:
        previous = workflow.previous(step) or "initial"
        assert tasks(workflow)[step.stage]["Parameters"]["Arguments"] == {
            "--execution-id.$": "$$.Execution.Name",
            "--input-bucket": "${WorkflowBucket}",
            "--input-key.$": f"States.Format('executions/{{}}/{previous}/output.json', $$.Execution.Name)",
            "--output-bucket": "${WorkflowBucket}",
            "--output-key.$": f"States.Format('executions/{{}}/{step.stage}/output.json', $$.Execution.Name)",
        }


@pytest.mark.property(24, "H")
@given(workflow=standard_workflows())
def test_every_glue_task_is_retried_twice_after_300_s_and_waits_patiently_for_a_free_run(workflow: Workflow) -> None:
    for step in workflow.glue_steps:
        concurrency, every = tasks(workflow)[step.stage]["Retry"]
        assert concurrency["ErrorEquals"] == ["Glue.ConcurrentRunsExceededException"]
        assert every == {
            "ErrorEquals": ["States.ALL"],
            "IntervalSeconds": 300,
            "MaxAttempts": 2,
            "BackoffRate": 2.0,
        }


@given(workflow=standard_workflows())
def test_a_first_glue_step_finds_the_message_body_on_s3(workflow: Workflow) -> None:
    assume(isinstance(workflow.steps[0], GlueStep))
    state = build_definition(workflow)["States"]["StageInput"]
    assert state["Resource"] == "arn:aws:states:::aws-sdk:s3:putObject"
    assert state["Parameters"] == {
        "Bucket": "${WorkflowBucket}",
        "Key.$": "States.Format('executions/{}/initial/output.json', $$.Execution.Name)",
        "Body.$": "$.body",
        "ContentType": "application/json",
    }
    assert [retrier["ErrorEquals"] for retrier in state["Retry"]] == [["PermanentStageError"], ["States.ALL"]]


@given(workflow=standard_workflows())
def test_a_standard_machine_outlasts_all_attempts_and_a_glue_task_its_job(workflow: Workflow) -> None:
    definition = build_definition(workflow)
    states = definition["States"]
    for step in workflow.glue_steps:
        assert states[step.stage]["TimeoutSeconds"] > 60 * step.timeout_min
    attempts = sum(3 * state["TimeoutSeconds"] for state in states.values() if state["Type"] == "Task")
    assert min(attempts, 365 * 24 * 3600) <= definition["TimeoutSeconds"] <= 365 * 24 * 3600


def test_the_text_is_the_definition_as_indented_json_in_any_language() -> None:
    workflow = workflow_of(
        {"name": "a", "type": "EXPRESS", "description": "für alle", "steps": [{"stage": "A", "handler": "take"}]}
    )
    text = definition_text(workflow)
    assert build_definition(workflow) == json.loads(text)
    assert text.startswith('{\n  "Comment": "für alle",\n  "StartAt": "ReceiveMessage",\n')
    assert text.endswith("\n}\n")


def test_what_yaml_cannot_write_in_a_literal_block_is_escaped_and_the_rest_is_not() -> None:
    step = {"stage": "TakeStage", "handler": "take"}
    description = "Größe \N{ROCKET} \u2028 \x85 \ufeff \x7f"
    workflow = workflow_of({"name": "orders", "type": "EXPRESS", "steps": [step]})
    text = definition_text(msgspec.structs.replace(workflow, description=description))
    assert '"Comment": "Größe \\ud83d\\ude80 \\u2028 \\u0085 \\ufeff \\u007f"' in text
    assert json.loads(text)["Comment"] == description
