from __future__ import annotations

from tests.policy.broken import said
from tests.policy.changes import of, sub
from tests.policy.samples import Json

RULE = "CFN02_NAMES_UNIQUE"
NAME = sub("ceap-express-${Environment}-Take")


def test_the_second_resource_of_a_name_is_found() -> None:
    assert said(RULE, "express", of("SiftFunction", "FunctionName", NAME)) == [
        (
            "TakeFunction has the same name | fix: give it a name of its own",
            "/Resources/SiftFunction/Properties/FunctionName",
        )
    ]


def test_resources_of_two_types_may_have_one_name_and_so_may_those_under_conditions() -> None:
    def change(data: Json) -> None:
        of("Queue", "QueueName", NAME)(data)
        of("SiftFunction", "FunctionName", NAME)(data)
        data["Resources"]["SiftFunction"]["Condition"] = "HasKmsKey"

    assert said(RULE, "express", change) == []


def test_names_after_a_resource_under_a_condition_are_compared() -> None:
    def change(data: Json) -> None:
        of("SiftFunction", "FunctionName", NAME)(data)
        data["Resources"] = {"First": {**data["Resources"]["Queue"], "Condition": "HasKmsKey"}, **data["Resources"]}

    assert [place for _, place in said(RULE, "express", change)] == ["/Resources/SiftFunction/Properties/FunctionName"]
