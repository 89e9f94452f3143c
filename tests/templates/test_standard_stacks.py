from __future__ import annotations

import pytest
from hypothesis import given

from templates import naming
from templates.model import Workflow
from templates.stacks import workflow_stack
from tests.strategies import standard_workflows
from tests.templates.support import of_type, one, statements


@pytest.mark.property(18, "H")
@given(workflow=standard_workflows())
def test_a_standard_state_machine_is_logged_in_full_and_traced(workflow: Workflow) -> None:
    template = workflow_stack(workflow)
    machine = one(template, "AWS::StepFunctions::StateMachine")
    assert machine["StateMachineType"] == "STANDARD"
    assert machine["TracingConfiguration"] == {"Enabled": True}
    assert (machine["LoggingConfiguration"]["Level"], machine["LoggingConfiguration"]["IncludeExecutionData"]) == (
        "ALL",
        True,
    )
    assert {group["RetentionInDays"] for group in of_type(template, "AWS::Logs::LogGroup").values()} == {14}


@pytest.mark.property(19, "H")
@given(workflow=standard_workflows())
def test_the_pipe_of_a_standard_workflow_starts_the_execution_and_does_not_wait(workflow: Workflow) -> None:
    template = workflow_stack(workflow)
    pipe = one(template, "AWS::Pipes::Pipe")
    assert pipe["TargetParameters"] == {"StepFunctionStateMachineParameters": {"InvocationType": "FIRE_AND_FORGET"}}
    start = statements(of_type(template, "AWS::IAM::Role")["PipeRole"])["StartExecutions"]
    assert start["Action"] == ["states:StartExecution"]


@given(workflow=standard_workflows())
def test_a_failed_standard_execution_alerts_the_topic_and_an_undelivered_alert_is_kept(workflow: Workflow) -> None:
    template = workflow_stack(workflow)
    rule = one(template, "AWS::Events::Rule")
    assert rule["EventPattern"] == {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"status": ["FAILED", "TIMED_OUT", "ABORTED"], "stateMachineArn": [{"Ref": "StateMachine"}]},
    }
    [target] = rule["Targets"]
    assert target["Arn"] == {"Fn::ImportValue": {"Fn::Sub": "ceap-foundation-${Environment}-AlertTopic"}}
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["AlertDeadLetterQueue", "Arn"]}}
    policies = of_type(template, "AWS::SQS::QueuePolicy")["AlertDeadLetterQueuePolicy"]["PolicyDocument"]["Statement"]
    allowed, denied = policies
    assert (allowed["Principal"], allowed["Action"]) == ({"Service": "events.amazonaws.com"}, ["sqs:SendMessage"])
    assert allowed["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::Sub"].endswith(f"rule/{rule['Name']['Fn::Sub']}")
    assert denied["Effect"] == "Deny"


@given(workflow=standard_workflows())
def test_a_job_is_what_its_step_declares_and_leaves_retries_to_the_state_machine(workflow: Workflow) -> None:
    jobs = of_type(workflow_stack(workflow), "AWS::Glue::Job")
    for step in workflow.glue_steps:
        job = jobs[naming.job_id(step.stage)]
        assert (job["WorkerType"], job["NumberOfWorkers"], job["Timeout"], job["MaxRetries"]) == (
            step.worker_type,
            step.workers,
            step.timeout_min,
            0,
        )
        assert job["ExecutionProperty"]["MaxConcurrentRuns"] > 1
        names = {"ArtifactBucket": {"Fn::ImportValue": {"Fn::Sub": "ceap-foundation-${Environment}-ArtifactBucket"}}}
        code = "s3://${ArtifactBucket}/${GluePrefix}"
        assert job["Command"]["ScriptLocation"] == {"Fn::Sub": [f"{code}{step.glue}.py", names]}
        assert job["DefaultArguments"]["--extra-py-files"] == {"Fn::Sub": [f"{code}lib.zip", names]}
