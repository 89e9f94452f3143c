from __future__ import annotations

from typing import Any

from hypothesis import given

from templates.config import STEPS_MAX
from templates.model import Workflow
from templates.stacks import foundation_stack, workflow_stack
from tests.strategies import all_workflows, workflow_of

OUTPUTS_MAX = 200
"""Source: CloudFormation User Guide, "Quotas"."""


def declared(kind: str, *steps: dict[str, Any]) -> dict[str, Any]:
    return workflow_stack(workflow_of({"name": "orders", "type": kind, "steps": list(steps)}))


def test_a_workflow_gives_its_queues_state_machine_pipe_functions_jobs_and_log_groups() -> None:
    template = declared("STANDARD", {"stage": "TakeStage", "handler": "take"}, {"stage": "HeavyStage", "glue": "heavy"})
    assert {name: output["Value"] for name, output in template["Outputs"].items()} == {
        "QueueUrl": {"Ref": "Queue"},
        "QueueArn": {"Fn::GetAtt": ["Queue", "Arn"]},
        "DeadLetterQueueUrl": {"Ref": "DeadLetterQueue"},
        "DeadLetterQueueArn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]},
        "StateMachineArn": {"Fn::GetAtt": ["StateMachine", "Arn"]},
        "StateMachineName": {"Fn::GetAtt": ["StateMachine", "Name"]},
        "StateMachineLogGroupName": {"Ref": "StateMachineLogGroup"},
        "PipeName": {"Ref": "Pipe"},
        "PipeArn": {"Fn::GetAtt": ["Pipe", "Arn"]},
        "PipeLogGroupName": {"Ref": "PipeLogGroup"},
        "TakeFunctionName": {"Ref": "TakeFunction"},
        "TakeFunctionLogGroupName": {"Ref": "TakeFunctionLogGroup"},
        "HeavyJobName": {"Ref": "HeavyJob"},
        "HeavyJobOutputLogGroupName": {"Ref": "HeavyJobOutputLogGroup"},
        "HeavyJobErrorLogGroupName": {"Ref": "HeavyJobErrorLogGroup"},
    }


@given(workflow=all_workflows())
def test_every_output_has_a_description_of_its_own(workflow: Workflow) -> None:
    for template in (workflow_stack(workflow), foundation_stack()):
        descriptions = [output["Description"] for output in template["Outputs"].values()]
        assert len(set(descriptions)) == len(descriptions)


def test_the_outputs_of_the_longest_workflow_are_as_few_as_cloudformation_allows() -> None:
    glue = [{"stage": f"Number{number}", "glue": "heavy"} for number in range(STEPS_MAX)]
    assert len(declared("STANDARD", *glue)["Outputs"]) == 160 < OUTPUTS_MAX
