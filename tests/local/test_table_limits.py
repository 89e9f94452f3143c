"""Limits of DynamoDB that moto does not know: AWS's bytes of items, and its wording."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local.engine import Engine
from handlers.runtime.needs import Table
from handlers.runtime.records import BadRecordError
from handlers.runtime.tables import _marshal, check_item
from tests.local.support import template_text

Item = dict[str, Any]
LIMIT = 400 * 1024
KEY = {"pk": {"S": "a"}}
KEY_BYTES = len("pk" + "a")
COUNTED = "1 validation error detected: "
INVALID = "One or more parameter values were invalid: "


@pytest.fixture
def client(engine: Engine) -> Any:
    table = {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "TableName": "t",
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        },
    }
    engine.deploy(template_text(Table=table), "stack")
    return engine.client("dynamodb")


def refusal(call: Callable[[], Any]) -> str:
    """Return the message with which a call is refused as not valid."""
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException"
    message: str = error["Message"]
    return message


def put(client: Any, **fields: Any) -> None:
    client.put_item(TableName="t", Item=KEY | fields)


def update(client: Any, expression: str = "SET x = :x", **values: Any) -> None:
    named = {f":{name}": value for name, value in values.items()}
    client.update_item(TableName="t", Key=KEY, UpdateExpression=expression, ExpressionAttributeValues=named)


FULL: dict[str, Callable[[str], Item]] = {
    "text": lambda text: {"x": {"S": "é" * 1000 + text}},
    "list": lambda text: {"x": {"L": [{"S": text}, {"NULL": True}]}},
    "map": lambda text: {"x": {"M": {"name": {"S": text}, "y": {"BOOL": False}}}},
    "number": lambda text: {"x": {"N": "-1234500"}, "y": {"S": text}},
    "set": lambda text: {"x": {"SS": ["abc", text]}},
    "binary": lambda text: {"x": {"B": b"\xff" * 300}, "y": {"S": text}},
}
OVERHEAD = {
    "text": 1 + 2000,
    "list": 1 + 3 + 2 + 1,
    "map": 1 + 3 + 2 + 4 + 1 + 1,
    "number": 1 + 5 + 1,
    "set": 1 + 3,
    "binary": 1 + 300 + 1,
}


@pytest.mark.parametrize("kind", FULL)
def test_an_item_has_at_most_400_kibibytes_however_it_is_written(client: Any, kind: str) -> None:
    room = LIMIT - KEY_BYTES - OVERHEAD[kind]
    fits, exceeds = FULL[kind]("x" * room), FULL[kind]("x" * (room + 1))
    put(client, **fits)
    assert refusal(lambda: put(client, **exceeds)) == "Item size has exceeded the maximum allowed size"
    expression = "SET " + ", ".join(f"{name} = :{name}" for name in fits)
    update(client, expression, **fits)
    too_large = "Item size to update has exceeded the maximum allowed size"
    assert refusal(lambda: update(client, expression, **exceeds)) == too_large
    assert client.get_item(TableName="t", Key=KEY)["Item"] == KEY | fits


def test_an_update_within_a_map_is_counted_and_refused_as_a_whole(client: Any) -> None:
    put(client, m={"M": {"a": {"S": "x" * 1000}}})
    before = client.get_item(TableName="t", Key=KEY)["Item"]
    refused = refusal(lambda: update(client, "SET y = :y, m.a = :x", y={"S": "y"}, x={"S": "x" * LIMIT}))
    assert refused == "Item size to update has exceeded the maximum allowed size"
    assert client.get_item(TableName="t", Key=KEY)["Item"] == before


def test_an_update_that_is_refused_makes_no_item(client: Any) -> None:
    assert "to update has exceeded" in refusal(lambda: update(client, x={"S": "x" * LIMIT}))
    assert client.scan(TableName="t")["Count"] == 0


def test_what_a_handler_checks_is_never_too_large_for_the_engine(client: Any) -> None:
    table = Table("t", partition_key="pk")
    item: Item = {"pk": "a", "list": [1, "é", None, {"m": 2.5}], "text": ""}
    item["text"] = "x" * LIMIT
    with pytest.raises(BadRecordError) as caught:
        check_item(table, item)
    size_bytes = int(str(caught.value).partition("would have ")[2].partition(" ")[0])
    item["text"] = "x" * (2 * LIMIT - size_bytes)
    check_item(table, item)
    client.put_item(TableName="t", Item=_marshal(item))


def test_a_batch_writes_at_most_25_items_and_none_twice(client: Any) -> None:
    def write(*requests: Item) -> None:
        client.batch_write_item(RequestItems={"t": list(requests)})

    puts = [{"PutRequest": {"Item": {"pk": {"S": str(number)}}}} for number in range(26)]
    assert refusal(lambda: write(*puts)) == "Too many items requested for the BatchWriteItem call"
    twice = ({"PutRequest": {"Item": KEY | {"x": {"S": "x"}}}}, {"DeleteRequest": {"Key": KEY}})
    assert refusal(lambda: write(*twice)) == "Provided list of item keys contains duplicates"
    assert client.scan(TableName="t")["Count"] == 0
    write(*puts[:25])
    assert client.scan(TableName="t")["Count"] == 25


def test_a_transaction_reads_no_item_twice(client: Any) -> None:
    get = {"Get": {"TableName": "t", "Key": KEY}}
    refused = refusal(lambda: client.transact_get_items(TransactItems=[get, get]))
    assert refused == "Transaction request cannot include multiple operations on one item"


DIGITS = "Attempting to store more than 38 significant digits in a Number"
OVERFLOW = "Number overflow. Attempting to store a number with magnitude larger than supported range"
VALUES = {
    "39 digits": ({"N": "1" * 39}, DIGITS),
    "39 digits with a point": ({"N": "-0.0" + "1" * 39 + "00"}, DIGITS),
    "39 digits in a set": ({"NS": ["1", "1" * 39]}, DIGITS),
    "39 digits within": ({"M": {"a": {"L": [{"N": "1" * 39}]}}}, DIGITS),
    "magnitude": ({"N": "1e126"}, OVERFLOW),
    "an empty set within": ({"L": [{"SS": []}]}, f"{INVALID}An string set  may not be empty"),
    "a set with a text twice": ({"SS": ["a", "a"]}, f"{INVALID}Input collection [a, a] contains duplicates."),
}


@pytest.mark.parametrize(("value", "fault"), VALUES.values(), ids=VALUES)
def test_a_value_that_aws_does_not_take_is_refused_with_the_reason(client: Any, value: Item, fault: str) -> None:
    assert refusal(lambda: put(client, x=value)) == f"{COUNTED}{fault}"
    in_values = f"{COUNTED}ExpressionAttributeValues contains invalid value: {fault} for key :x"
    assert refusal(lambda: update(client, x=value)) == in_values
    for refused in (
        refusal(lambda: client.batch_write_item(RequestItems={"t": [{"PutRequest": {"Item": KEY | {"x": value}}}]})),
        refusal(
            lambda: client.transact_write_items(
                TransactItems=[{"Put": {"TableName": "t", "Item": KEY | {"x": value}}}],
            )
        ),
    ):
        assert refused == fault
    assert client.scan(TableName="t")["Count"] == 0


@pytest.mark.parametrize("number", ["1" * 38, "0" * 50 + "1", "1" + "0" * 60, "9.9e125", "-0.000" + "1" * 38])
def test_a_number_has_38_significant_digits(client: Any, number: str) -> None:
    put(client, x={"N": number})
    assert client.scan(TableName="t")["Items"] == [KEY | {"x": {"N": number}}]


def nested(levels: int) -> Item:
    value: Item = {"S": "leaf"}
    for level in range(levels):
        value = {"M": {"n": value}} if level % 2 else {"L": [value]}
    return value


def test_values_are_nested_at_most_32_levels_deep(client: Any) -> None:
    put(client, x=nested(31))
    update(client, x=nested(31))
    message = "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond "
    for call in (put, update):
        assert refusal(lambda: call(client, x=nested(32))) == f"{message}supported limit"  # noqa: B023 (called at once)


def test_an_expression_has_at_most_4_kibibytes(client: Any) -> None:
    def read(name: str) -> None:
        client.scan(TableName="t", FilterExpression=f"attribute_exists({name})")

    room = 4096 - len("attribute_exists()")
    read("x" * room)
    too_large = "Expression size has exceeded the maximum allowed size;"
    assert refusal(lambda: read("x" * (room + 1))) == f"Invalid FilterExpression: {too_large} expression size: 4097"
    long = "SET " + "x" * 4096 + " = :x"
    assert refusal(lambda: update(client, long, x={"S": "x"})) == f"{COUNTED}Invalid UpdateExpression: {too_large}"


def test_values_that_no_expression_uses_are_refused(client: Any) -> None:
    unused = "Value provided in ExpressionAttributeValues unused in expressions: keys: {:b, :c}"
    values = {f":{name}": {"S": name} for name in "abc"}
    query = {"TableName": "t", "KeyConditionExpression": "pk = :a", "ExpressionAttributeValues": values}
    assert refusal(lambda: client.query(**query)) == unused
    condition = {"ConditionExpression": "pk <> :a", "ExpressionAttributeValues": values}
    assert refusal(lambda: client.put_item(TableName="t", Item=KEY, **condition)) == COUNTED + unused
    change = {"TableName": "t", "Key": KEY, "UpdateExpression": "SET x = :a", "ExpressionAttributeValues": values}
    assert refusal(lambda: client.transact_write_items(TransactItems=[{"Update": change}])) == unused
