"""Expressions of DynamoDB that are parsed once answer as moto's own do."""

import json
import random
import sys
from pathlib import Path
from typing import Any

from ceap.local import expressions
from tests import processes

SCRIPT = Path(__file__).with_name("table_answers.py")
NAMES = {"#a": "a", "#b": "b", "#c": "other", "#i": "id", "#d": "deep"}
VALUES = {
    ":n": {"N": "3"},
    ":s": {"S": "text"},
    ":e": {"S": ""},
    ":l": {"L": [{"S": "x"}]},
    ":m": {"M": {"x": {"N": "1"}}},
    ":z": {"SS": ["p", "q"]},
}
PATHS = ["#a", "#b", "#c", "#i", "#d", "#d.x", "#d.#a", "#a[0]", "plain", "size", "#unknown", "a"]
SOURCES = [*VALUES, "if_not_exists(#b, :n)", "list_append(#a, :l)", "#a + :n", "#b - :n", ":n + :n", "#d", ":unknown"]
TESTS = [
    "attribute_exists({path})",
    "attribute_not_exists({path})",
    "{path} = {value}",
    "{path} <> {value}",
    "{path} >= {value}",
    "begins_with({path}, {value})",
    "contains({path}, {value})",
    "size({path}) < {value}",
    "{path} IN ({value}, :n)",
    "{path} BETWEEN :n AND {value}",
    "attribute_type({path}, {value})",
    "NOT {path} = {value}",
    "({path} = {value})",
    "(({path} = {value}))",
    "{path} =",
    "{path} ! {value}",
]


def _clause(chance: random.Random) -> str:
    paths = chance.sample(PATHS, chance.randint(1, 3))
    match chance.choice(["SET", "SET", "SET", "REMOVE", "ADD", "DELETE"]):
        case "SET":
            return "SET " + ", ".join(f"{path} = {chance.choice(SOURCES)}" for path in paths)
        case "REMOVE":
            return "REMOVE " + ", ".join(paths)
        case kind:
            return f"{kind} " + ", ".join(f"{path} {chance.choice(list(VALUES))}" for path in paths)


def _condition(chance: random.Random) -> str:
    parts = [
        chance.choice(TESTS).format(path=chance.choice(PATHS), value=chance.choice([*VALUES, ":unknown"]))
        for _ in range(chance.randint(1, 3))
    ]
    return chance.choice([" AND ", " OR "]).join(parts)


def _call(chance: random.Random) -> dict[str, Any]:
    update = " ".join(_clause(chance) for _ in range(chance.choice([1, 1, 1, 2, 3])))
    call: dict[str, Any] = {"Key": {"id": {"S": str(chance.randint(1, 9))}}, "UpdateExpression": update}
    if chance.random() < 0.5:
        call["ConditionExpression"] = _condition(chance)
    text = update + call.get("ConditionExpression", "")
    for field, known in (("ExpressionAttributeNames", NAMES), ("ExpressionAttributeValues", VALUES)):
        if used := {name: value for name, value in known.items() if name in text}:
            call[field] = used
    if chance.random() < 0.05:
        del call["UpdateExpression"]
    return call


def _answers(mode: str, calls: list[dict[str, Any]]) -> list[Any]:
    done = processes.run(
        [sys.executable, str(SCRIPT), mode], input=json.dumps(calls), capture_output=True, text=True, check=True
    )
    answers: list[Any] = json.loads(done.stdout)
    return answers


def test_updates_and_their_errors_are_those_of_moto_alone() -> None:
    chance = random.Random(17)
    once = [_call(chance) for _ in range(400)]
    calls = once + once[:100]  # what is asked again is answered from what was kept

    alone, hooked = _answers("alone", calls), _answers("hooked", calls)

    assert hooked == alone
    assert 100 < sum("Code" not in answer for answer in alone) < 400, "the calls are to succeed and to fail"


def test_an_expression_is_parsed_once_for_all_calls() -> None:
    expressions.install()
    parse = expressions.parse_update

    assert parse("SET a = :v") is parse("SET a = :v")
    assert parse("SET a = :v") is not parse("SET b = :v")
