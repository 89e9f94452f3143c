from __future__ import annotations

import pytest

from tests.policy.broken import said
from tests.policy.changes import Change, imports, of, without
from tests.policy.handler_mutants import VARIABLES, setting
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
