from __future__ import annotations

import pytest

from tests.policy.broken import said
from tests.policy.changes import Change, arn, of, state, swap, without
from tests.policy.handler_mutants import TOKENS, swap_functions
from tests.policy.samples import Json

RULE = "WIRE06_STAGE_RUNS_ITS_OWN"
STATES = "/Resources/StateMachine/Properties/DefinitionString/States"


def test_a_stage_that_runs_the_function_of_another_is_found() -> None:
    cure = "fix: the function whose name ends in"
    assert said(RULE, "express", swap_functions) == [
        (
            f"the stage runs ceap-express-${{Environment}}-Sift | {cure} -Take",
            f"{STATES}/TakeStage/Parameters/FunctionName",
        ),
        (
            f"the stage runs ceap-express-${{Environment}}-Take | {cure} -Sift",
            f"{STATES}/SiftStage/Parameters/FunctionName",
        ),
    ]


def test_logs_of_a_function_with_a_generated_name_that_are_called_after_another_stage_are_found() -> None:
    change = swap("SiftFunctionLogGroup", "KeepFunctionLogGroup", "LogGroupName")
    assert said(RULE, "mixed", change) == [
        (
            f"the stage {stage}Stage logs to /aws/lambda/ceap-mixed-${{Environment}}-{other} | fix: a name that ends "
            f"in -{stage}",
            f"/Resources/{stage}FunctionLogGroup/Properties/LogGroupName",
        )
        for stage, other in (("Sift", "Keep"), ("Keep", "Sift"))
    ]


@pytest.mark.parametrize(
    ("token", "value", "message", "place"),
    [
        (
            "RateFunction",
            arn("Queue"),
            "the token is not a function of this template | fix: !GetAtt of a function's Arn in "
            "DefinitionSubstitutions",
            "DefinitionString/States/RateStage/Parameters/FunctionName",
        ),
        (
            "HeavyJob",
            {"Ref": "TakeFunction"},
            "the token is not a job of this template | fix: !Ref of a job in DefinitionSubstitutions",
            "DefinitionString/States/HeavyStage/Parameters/JobName",
        ),
        (
            "WorkflowBucket",
            {"Ref": "Queue"},
            "Queue is not a bucket | fix: the workflow bucket's name",
            "DefinitionSubstitutions/WorkflowBucket",
        ),
    ],
)
def test_a_token_that_stands_for_something_else_is_found(token: str, value: object, message: str, place: str) -> None:
    found = said(RULE, "standard", of("StateMachine", TOKENS, token, value))
    assert found == [(f"{message}", f"/Resources/StateMachine/Properties/{place}")]


def test_stages_after_one_that_runs_a_function_of_another_stack_are_judged() -> None:
    def change(data: Json) -> None:
        state("TakeStage", "Parameters", "FunctionName", "arn:aws:lambda:eu-west-1:111122223333:function:take")(data)
        of("StateMachine", TOKENS, "SiftFunction", arn("Queue"))(data)

    [(message, place)] = said(RULE, "express", change)
    assert message.startswith("the token is not a function of this template")
    assert place == f"{STATES}/SiftStage/Parameters/FunctionName"


@pytest.mark.parametrize(
    "change",
    [
        without("TakeFunction", "FunctionName"),
        of("StateMachine", TOKENS, "TakeFunction", {"Ref": "TakeFunction"}),
        of("StateMachine", TOKENS, "TakeFunction", {"Fn::ImportValue": "take"}),
        state("TakeStage", "Parameters", "FunctionName", "arn:aws:lambda:eu-west-1:111122223333:function:take"),
    ],
)
def test_functions_with_names_of_aws_and_of_other_stacks_are_left_alone(change: Change) -> None:
    assert said(RULE, "express", change) == []
