from __future__ import annotations

import pytest

from tests.policy.broken import said
from tests.policy.changes import Change, drop, of, rename, without
from tests.policy.samples import Json

RULE = "WIRE12_DECLARED_TABLES"


@pytest.mark.parametrize(
    ("change", "message", "place"),
    [
        (
            of("RatingsTable", "KeySchema", 0, "AttributeName", "id"),
            "the keys are not those that handlers use | fix: ",
            "/Resources/RatingsTable/Properties/KeySchema",
        ),
        (
            of("RatingsTable", "AttributeDefinitions", 0, "AttributeType", "N"),
            "handlers write every key as a string | fix: AttributeType: S",
            "/Resources/RatingsTable/Properties/AttributeDefinitions",
        ),
        (
            of("RecordsTable", "GlobalSecondaryIndexes", 1, "KeySchema", 0, "AttributeName", "date"),
            "handlers query the index RateIndex | fix: KeySchema ",
            "/Resources/RecordsTable/Properties/GlobalSecondaryIndexes",
        ),
        (
            without("RatingsTable", "TimeToLiveSpecification"),
            'items that handlers let expire are never deleted | fix: {"AttributeName": "ttl", "Enabled": true}',
            "/Resources/RatingsTable/Properties/TimeToLiveSpecification",
        ),
    ],
)
def test_a_table_that_handlers_do_not_declare_so_is_found(change: Change, message: str, place: str) -> None:
    [(said_message, said_place)] = said(RULE, "foundation", change)
    assert said_message.startswith(f"{message}")
    assert said_place == place


@pytest.mark.parametrize("change", [drop("Resources", "RatingsTable"), drop("Parameters", "RatingsTableName")])
def test_a_table_that_is_always_adopted_or_always_made_is_fine(change: Change) -> None:
    assert said(RULE, "foundation", change) == []


def test_tables_of_other_stacks_have_keys_of_their_own() -> None:
    def change(data: Json) -> None:
        del data["Outputs"]
        of("RatingsTable", "KeySchema", 0, "AttributeName", "id")(data)

    assert said(RULE, "foundation", change) == []


def test_a_table_is_known_by_its_name_whatever_its_logical_id() -> None:
    def change(data: Json) -> None:
        rename(data["Resources"], "RatingsTable", "Rates")
        without("Rates", "TimeToLiveSpecification")(data)

    [(_, place)] = said(RULE, "foundation", change)
    assert place == "/Resources/Rates/Properties/TimeToLiveSpecification"
