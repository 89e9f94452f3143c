from __future__ import annotations

import pytest

from tests.policy.broken import said
from tests.policy.changes import Change, arn, drop, of, put, sub, without
from tests.policy.wiring_mutants import DESTINATION, LOG_PREFIX, LOGS_TO

RULE = "WIRE02_LOG_DESTINATION"
JOB_GROUPS = "/aws-glue/jobs/ceap-standard-${Environment}-Heavy"
PREFIX_PLACE = "HeavyJob/Properties/DefaultArguments/--custom-logGroup-prefix"


@pytest.mark.parametrize(
    ("change", "message", "place"),
    [
        (
            of("StateMachine", *DESTINATION, arn("PipeLogGroup")),
            "StateMachine logs to /aws/vendedlogs/pipes/ceap-standard-${Environment} | fix: a log group of the name "
            "/aws/vendedlogs/states/ceap-standard-${Environment}",
            "StateMachine/Properties/LoggingConfiguration/Destinations/0/CloudWatchLogsLogGroup/LogGroupArn",
        ),
        (
            of("Pipe", *LOGS_TO, arn("Queue")),
            "LogGroupArn is not the ARN of a log group | fix: !GetAtt of its log group's Arn",
            "Pipe/Properties/LogConfiguration/CloudwatchLogsLogDestination/LogGroupArn",
        ),
        (
            without("HeavyJob", "DefaultArguments"),
            f"the job does not log to groups of its own | fix: --custom-logGroup-prefix {JOB_GROUPS}",
            PREFIX_PLACE,
        ),
        (
            drop("Resources", "HeavyJobOutputLogGroup"),
            f"the template has no log group {JOB_GROUPS}/output | fix: an AWS::Logs::LogGroup of that name",
            PREFIX_PLACE,
        ),
        (
            put("Resources", "HeavyJob", "DependsOn", "HeavyJobOutputLogGroup"),
            "the job may run before HeavyJobErrorLogGroup exists | fix: name it in DependsOn",
            "HeavyJob/DependsOn",
        ),
    ],
)
def test_logs_that_go_elsewhere_are_found(change: Change, message: str, place: str) -> None:
    assert said(RULE, "standard", change) == [(f"{message}", f"/Resources/{place}")]


@pytest.mark.parametrize(
    "change",
    [
        of("Pipe", *LOGS_TO, {"Fn::ImportValue": "logs"}),
        without("Pipe", "LogConfiguration"),
        without("PipeLogGroup", "LogGroupName"),
        without("StateMachine", "StateMachineName"),
        without("HeavyJob", "Name"),
    ],
)
def test_groups_of_other_stacks_and_names_that_aws_gives_are_left_alone(change: Change) -> None:
    assert said(RULE, "standard", change) == []


def test_a_job_that_no_state_machine_runs_may_log_where_it_likes() -> None:
    def change(data: dict[str, object]) -> None:
        drop("Resources", "StateMachine")(data)
        of("HeavyJob", *LOG_PREFIX, sub("/jobs/${Environment}"))(data)

    assert said(RULE, "standard", change) == []


@pytest.mark.parametrize(("function", "other"), [("Sift", "Keep"), ("Keep", "Take")])
def test_a_function_with_a_generated_name_has_a_log_group_of_its_own(function: str, other: str) -> None:
    place = ("LoggingConfig", "LogGroup")
    found = said(RULE, "mixed", of(f"{function}Function", *place, {"Ref": f"{other}FunctionLogGroup"}))
    assert (
        f"{other}Function logs to {other}FunctionLogGroup, too | fix: !Ref of a log group of its own",
        f"/Resources/{function}Function/Properties/LoggingConfig/LogGroup",
    ) in found
