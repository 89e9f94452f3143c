from __future__ import annotations

import pytest

from templates import naming
from tests.policy.broken import said
from tests.policy.changes import Change, drop, imports, of, put, without
from tests.policy.handler_mutants import ARN, VARIABLES, existing, setting
from tests.policy.samples import Json

RULE = "WIRE08_HANDLER_ENVIRONMENT"
EXPORT = "ceap-foundation-${Environment}-"


def variable(function: str, name: str, value: object) -> Change:
    return of(function, *VARIABLES, name, value)


@pytest.mark.parametrize(
    ("change", "message", "place"),
    [
        (
            variable("RateFunction", "TABLE_RATINGS", imports("RecordsTableName")),
            f"TABLE_RATINGS does not name the handler's table | fix: import {EXPORT}RatingsTableName",
            "RateFunction/Properties/Environment/Variables/TABLE_RATINGS",
        ),
        (
            without("KeepFunction", *VARIABLES, "TABLE_RECORDS"),
            f"TABLE_RECORDS does not name the handler's table | fix: import {EXPORT}RecordsTableName",
            "KeepFunction/Properties/Environment/Variables/TABLE_RECORDS",
        ),
        (
            variable("KeepFunction", "TABLE_RATINGS", imports("RatingsTableName")),
            "the handler does not use TABLE_RATINGS, and its role does not allow it | fix: remove it",
            "KeepFunction/Properties/Environment/Variables/TABLE_RATINGS",
        ),
        (
            without("TellFunction", *VARIABLES, "EVENT_BUS"),
            "the role may not publish to this event bus | fix: EVENT_BUS: default",
            "TellFunction/Properties/Environment/Variables/EVENT_BUS",
        ),
        (
            variable("TakeFunction", "EVENT_BUS", "default"),
            "the handler publishes no events | fix: remove the variable",
            "TakeFunction/Properties/Environment/Variables/EVENT_BUS",
        ),
        (
            without("TakeFunction", *VARIABLES, "SETTINGS"),
            "the function has no settings | fix: SETTINGS: '{}', or what the handler's Settings take",
            "TakeFunction/Properties/Environment/Variables/SETTINGS",
        ),
        (
            setting("TakeFunction", '{"max_rejected": -1}'),
            "the handler refuses these settings: Expected `int` >= 0 - at `SETTINGS.max_rejected` | fix: "
            "a JSON object of its Settings",
            "TakeFunction/Properties/Environment/Variables/SETTINGS",
        ),
    ],
)
def test_what_the_handler_does_not_need_or_cannot_use_is_found(change: Change, message: str, place: str) -> None:
    assert said(RULE, "standard", change) == [(f"{message}", f"/Resources/{place}")]


@pytest.mark.parametrize(
    "settings", ["", "max_rejected: 3", "[]", '{"max_rejected": 3, "max_rejected": 4}', "[" * 100_000]
)
def test_settings_that_are_no_json_object_are_found(settings: str) -> None:
    [(message, _)] = said(RULE, "standard", setting("TakeFunction", settings))
    assert message.startswith("the handler refuses these settings: ")


def test_more_variables_good_settings_and_a_table_of_the_same_template_are_fine() -> None:
    def change(data: Json) -> None:
        data["Resources"]["ConfigTable"] = {"Type": "AWS::DynamoDB::Table", "Properties": {}}
        variable("TakeFunction", "TABLE_CONFIG", {"Ref": "ConfigTable"})(data)
        variable("TakeFunction", "LOG_LEVEL", "DEBUG")(data)
        setting("TakeFunction", '{"max_rejected": 3}')(data)
        variable("SiftFunction", "SETTINGS", {"Fn::Sub": "${Settings}"})(data)

    assert said(RULE, "standard", change) == []


def test_a_handler_of_another_project_has_an_environment_of_its_own() -> None:
    def change(data: Json) -> None:
        of("TakeFunction", "Handler", "index.handler")(data)
        without("TakeFunction", "Environment")(data)

    assert said(RULE, "express", change) == []


NAME = "LEGACY_FUNCTION_ARN: !Ref NAME, where NAME ends in FunctionArn, as `legacy` has it"
NO_PARAMETER = f"LEGACY_FUNCTION_ARN does not come from a parameter for a function's ARN | fix: {NAME}"
LOOSE = (
    "TakeFunctionArn may hold something else than a function's ARN, and a role allows what it holds | fix: "
    f"AllowedPattern: {naming.FUNCTION_ARN_PATTERN}"
)


@pytest.mark.parametrize(
    ("change", "message", "place"),
    [
        (
            existing("TakeFunction", ARN),
            NO_PARAMETER,
            "/Resources/TakeFunction/Properties/Environment/Variables/LEGACY_FUNCTION_ARN",
        ),
        (
            existing("SiftFunction", {"Ref": "TakeFunctionArn"}),
            "the handler calls no existing function, and its role does not allow it | fix: remove the variable",
            "/Resources/SiftFunction/Properties/Environment/Variables/LEGACY_FUNCTION_ARN",
        ),
        (drop("Parameters", "TakeFunctionArn", "AllowedPattern"), LOOSE, "/Parameters/TakeFunctionArn"),
        (
            put("Parameters", "TakeFunctionArn", "AllowedPattern", ".*"),
            LOOSE,
            "/Parameters/TakeFunctionArn/AllowedPattern",
        ),
    ],
)
def test_the_existing_function_comes_from_a_parameter_that_takes_one_arn(
    change: Change, message: str, place: str
) -> None:
    assert said(RULE, "legacy", change) == [(message, place)]


def test_a_parameter_that_two_steps_share_is_one_finding() -> None:
    def change(data: Json) -> None:
        existing("RateFunction", {"Ref": "TakeFunctionArn"})(data)
        drop("Parameters", "TakeFunctionArn", "AllowedPattern")(data)

    assert said(RULE, "legacy", change) == [(LOOSE, "/Parameters/TakeFunctionArn")]
