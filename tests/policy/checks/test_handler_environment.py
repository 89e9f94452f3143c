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
            variable("ScoreFunction", "TABLE_SCORE_CACHE", imports("CandidatesTableName")),
            f"TABLE_SCORE_CACHE does not name the handler's table | fix: import {EXPORT}ScoreCacheTableName",
            "ScoreFunction/Properties/Environment/Variables/TABLE_SCORE_CACHE",
        ),
        (
            without("StoreFunction", *VARIABLES, "TABLE_CANDIDATES"),
            f"TABLE_CANDIDATES does not name the handler's table | fix: import {EXPORT}CandidatesTableName",
            "StoreFunction/Properties/Environment/Variables/TABLE_CANDIDATES",
        ),
        (
            variable("StoreFunction", "TABLE_SCORE_CACHE", imports("ScoreCacheTableName")),
            "the handler uses no TABLE_SCORE_CACHE, and its role has no grant | fix: remove it",
            "StoreFunction/Properties/Environment/Variables/TABLE_SCORE_CACHE",
        ),
        (
            without("ReactiveFunction", *VARIABLES, "EVENT_BUS"),
            "the role may not publish to this event bus | fix: EVENT_BUS default",
            "ReactiveFunction/Properties/Environment/Variables/EVENT_BUS",
        ),
        (
            variable("ETLFunction", "EVENT_BUS", "default"),
            "the handler publishes no events | fix: remove the variable",
            "ETLFunction/Properties/Environment/Variables/EVENT_BUS",
        ),
        (
            without("ETLFunction", *VARIABLES, "SETTINGS"),
            "the function has no settings | fix: SETTINGS '{}', or what the handler's Settings take",
            "ETLFunction/Properties/Environment/Variables/SETTINGS",
        ),
        (
            setting("ETLFunction", '{"ttl_days": 0}'),
            "the handler refuses these settings: Expected `int` >= 1 - at `SETTINGS.ttl_days` | fix: "
            "a JSON object of its Settings",
            "ETLFunction/Properties/Environment/Variables/SETTINGS",
        ),
    ],
)
def test_what_the_handler_does_not_need_or_cannot_use_is_found(change: Change, message: str, place: str) -> None:
    assert said(RULE, "standard", change) == [(f"[WIRE08] {message}", f"/Resources/{place}")]


@pytest.mark.parametrize("settings", ["", "ttl_days: 3", "[]", '{"ttl_days": 3, "ttl_days": 4}', "[" * 100_000])
def test_settings_that_are_no_json_object_are_found(settings: str) -> None:
    [(message, _)] = said(RULE, "standard", setting("ETLFunction", settings))
    assert message.startswith("[WIRE08] the handler refuses these settings: ")


def test_more_variables_good_settings_and_a_table_of_the_same_template_are_fine() -> None:
    def change(data: Json) -> None:
        data["Resources"]["ProgramConfigTable"] = {"Type": "AWS::DynamoDB::Table", "Properties": {}}
        variable("ETLFunction", "TABLE_PROGRAM_CONFIG", {"Ref": "ProgramConfigTable"})(data)
        variable("ETLFunction", "LOG_LEVEL", "DEBUG")(data)
        setting("ETLFunction", '{"ttl_days": 3}')(data)
        variable("FilterFunction", "SETTINGS", {"Fn::Sub": "${Settings}"})(data)

    assert said(RULE, "standard", change) == []


def test_a_handler_of_another_project_has_an_environment_of_its_own() -> None:
    def change(data: Json) -> None:
        of("ETLFunction", "Handler", "index.handler")(data)
        without("ETLFunction", "Environment")(data)

    assert said(RULE, "express", change) == []
