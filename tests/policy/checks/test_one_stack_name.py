from __future__ import annotations

import pytest

from tests.policy.broken import said
from tests.policy.changes import Change, of, sub, without
from tests.policy.handler_mutants import VARIABLES
from tests.policy.samples import Json

RULE = "P38_ONE_STACK_NAME"


@pytest.mark.parametrize(
    ("change", "message", "place"),
    [
        (
            of("TakeFunction", "FunctionName", sub("ceap-expresss-${Environment}-Take")),
            "ceap-expresss-${Environment}-Take is not named after its stack | fix: ceap-express-${Environment}- and "
            "what it is",
            "TakeFunction/Properties/FunctionName",
        ),
        (
            of("StateMachine", "StateMachineName", sub("ceap-express-${Environment}-machine")),
            "ceap-express-${Environment}-machine is not named after its stack | fix: ceap-express-${Environment}",
            "StateMachine/Properties/StateMachineName",
        ),
        (
            of("TakeFunction", *VARIABLES, "POWERTOOLS_SERVICE_NAME", "take"),
            "the function logs as take | fix: POWERTOOLS_SERVICE_NAME: ceap-express",
            "TakeFunction/Properties/Environment/Variables/POWERTOOLS_SERVICE_NAME",
        ),
        (
            without("TakeFunction", *VARIABLES, "POWERTOOLS_SERVICE_NAME"),
            "the function logs as no service | fix: POWERTOOLS_SERVICE_NAME: ceap-express",
            "TakeFunction/Properties/Environment/Variables/POWERTOOLS_SERVICE_NAME",
        ),
    ],
)
def test_a_name_of_another_stack_is_found(change: Change, message: str, place: str) -> None:
    assert said(RULE, "express", change) == [(f"{message}", f"/Resources/{place}")]


def test_names_that_aws_gives_are_left_alone() -> None:
    assert said(RULE, "express", without("TakeFunction", "FunctionName")) == []


def test_the_logs_of_a_function_without_a_name_are_named_after_their_stack() -> None:
    change = of("KeepFunctionLogGroup", "LogGroupName", sub("/aws/lambda/ceap-mixed-b-${Environment}-Keep"))
    assert said(RULE, "mixed", change) == [
        (
            "/aws/lambda/ceap-mixed-b-${Environment}-Keep is not named after its stack | fix: "
            "/aws/lambda/ceap-mixed-${Environment}- and what it is",
            "/Resources/KeepFunctionLogGroup/Properties/LogGroupName",
        )
    ]


def test_a_template_of_several_workflows_has_several_names() -> None:
    def change(data: Json) -> None:
        resources = data["Resources"]
        resources["Second"] = resources["StateMachine"] | {"Properties": {"StateMachineName": sub("b-${Environment}")}}

    assert said(RULE, "express", change) == []
