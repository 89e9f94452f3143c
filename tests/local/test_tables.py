"""Tables: the keys of their indexes have AWS's limits, whatever writes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local.engine import Engine
from tests.local.support import Template, template_text

Item = dict[str, Any]
Write = Callable[[Any, Item], Any]

INVALID = "One or more parameter values were invalid: "
TOO_LONG = INVALID + "Size of hashkey has exceeded the maximum size limit of2048 bytes"
TOO_LONG_SORT = INVALID + "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"
EMPTY_CURE = "The AttributeValue for a key attribute cannot contain an empty string value."
EMPTY = "One or more parameter values are not valid. A value specified for a secondary index key is not supported. "
EMPTY_UPDATE = (
    "One or more parameter values are not valid. The update expression attempted to update a secondary index key to a "
    f"value that is not supported. {EMPTY_CURE}"
)


def keys(partition: str, sort: str) -> list[Template]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def index(name: str, partition: str, sort: str) -> Template:
    return {"IndexName": name, "KeySchema": keys(partition, sort), "Projection": {"ProjectionType": "ALL"}}


TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "TableName": "t",
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": keys("pk", "sk"),
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "first", "gpk", "gsk", "lsk")
        ],
        "GlobalSecondaryIndexes": [index("first", "first", "sk"), index("global", "gpk", "gsk")],
        "LocalSecondaryIndexes": [index("local", "pk", "lsk")],
    },
}


def update_of(item: Item) -> dict[str, Any]:
    """Set what is not the key of an item, by placeholders of names."""
    fields = {key: value for key, value in item.items() if key not in ("pk", "sk")}
    return {
        "TableName": "t",
        "Key": {"pk": item["pk"], "sk": item["sk"]},
        "UpdateExpression": "SET " + ", ".join(f"#{key} = :{key}" for key in fields),
        "ExpressionAttributeNames": {f"#{key}": key for key in fields},
        "ExpressionAttributeValues": {f":{key}": value for key, value in fields.items()},
    }


def plain_update_of(item: Item) -> dict[str, Any]:
    """Set them by their names, and only where they are not there yet."""
    fields = {key: value for key, value in item.items() if key not in ("pk", "sk")}
    return {
        "TableName": "t",
        "Key": {"pk": item["pk"], "sk": item["sk"]},
        "UpdateExpression": "SET " + ", ".join(f"{key} = if_not_exists({key}, :{key})" for key in fields),
        "ExpressionAttributeValues": {f":{key}": value for key, value in fields.items()},
    }


GOOD = {"pk": {"S": "good"}, "sk": {"S": "s"}}
WHOLE: dict[str, Write] = {
    "PutItem": lambda client, item: client.put_item(TableName="t", Item=item),
    "BatchWriteItem": lambda client, item: client.batch_write_item(
        RequestItems={"t": [{"PutRequest": {"Item": one}} for one in (GOOD, item)]}
    ),
    "TransactWriteItems, Put": lambda client, item: client.transact_write_items(
        TransactItems=[{"Put": {"TableName": "t", "Item": one}} for one in (GOOD, item)]
    ),
}
UPDATES: dict[str, Write] = {
    "UpdateItem": lambda client, item: client.update_item(**update_of(item)),
    "UpdateItem, plain names": lambda client, item: client.update_item(**plain_update_of(item)),
    "TransactWriteItems, Update": lambda client, item: client.transact_write_items(
        TransactItems=[{"Put": {"TableName": "t", "Item": GOOD}}, {"Update": update_of(item)}]
    ),
}
WRITES = WHOLE | UPDATES


@pytest.fixture
def client(engine: Engine) -> Any:
    engine.deploy(template_text(Table=TABLE), "stack")
    return engine.client("dynamodb")


def item_with(**fields: str) -> Item:
    return {"pk": {"S": "p"}, "sk": {"S": "s"}} | {key: {"S": value} for key, value in fields.items()}


def refusal(client: Any, write: Write, item: Item) -> tuple[str, str, int]:
    """Return code and message of a refused write, and the number of items that it left."""
    with pytest.raises(ClientError) as caught:
        write(client, item)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"], client.scan(TableName="t")["Count"]


@pytest.mark.parametrize("write", WRITES)
def test_a_key_of_an_index_longer_than_aws_takes_is_refused_and_nothing_written(client: Any, write: str) -> None:
    for field, size, message in (("gpk", 2049, TOO_LONG), ("gsk", 1025, TOO_LONG_SORT), ("lsk", 1025, TOO_LONG_SORT)):
        assert refusal(client, WRITES[write], item_with(**{field: "x" * size})) == ("ValidationException", message, 0)


@pytest.mark.parametrize("write", WRITES)
def test_keys_of_indexes_have_their_limits_in_bytes(client: Any, write: str) -> None:
    WRITES[write](client, item_with(gpk="é" * 1024, gsk="é" * 512, lsk="x" * 1024, note="x" * 5000))
    assert refusal(client, WHOLE["PutItem"], item_with(gpk="é" * 1025))[1] == TOO_LONG


@pytest.mark.parametrize("write", WHOLE)
def test_an_empty_key_of_an_index_is_refused_by_the_name_of_the_index(client: Any, write: str) -> None:
    for field, name in (("gpk", "global"), ("gsk", "global"), ("lsk", "local")):
        message = f"{EMPTY}{EMPTY_CURE} IndexName: {name}, IndexKey: {field}"
        assert refusal(client, WHOLE[write], item_with(**{field: ""})) == ("ValidationException", message, 0)


@pytest.mark.parametrize("write", UPDATES)
def test_an_update_to_an_empty_key_of_an_index_is_refused(client: Any, write: str) -> None:
    for field in ("gpk", "gsk", "lsk"):
        assert refusal(client, UPDATES[write], item_with(**{field: ""})) == ("ValidationException", EMPTY_UPDATE, 0)


@pytest.mark.parametrize("write", UPDATES)
def test_a_refused_update_leaves_the_item_as_it_was(client: Any, write: str) -> None:
    before = item_with(gpk="g", note="o")
    client.put_item(TableName="t", Item=before)
    refusal(client, UPDATES[write], item_with(gsk="x" * 1025, note="new"))
    assert client.scan(TableName="t")["Items"] == [before]


def test_an_answer_holds_every_kind_of_value_as_it_was_put(client: Any) -> None:
    plain: Item = {"text": {"S": ""}, "number": {"N": "-1.50"}, "flag": {"BOOL": False}, "nothing": {"NULL": True}}
    other: Item = {"bytes": {"B": b"\x00\xff"}, "texts": {"SS": ["a", "b"]}, "numbers": {"NS": ["1", "2"]}}
    nested: Item = {
        "map": {"M": plain | {"deep": {"M": other}}},
        "list": {"L": [*plain.values(), {"M": {}}, {"L": []}]},
    }
    item = item_with() | plain | other | nested
    client.put_item(TableName="t", Item=item)
    key = {"pk": item["pk"], "sk": item["sk"]}

    assert client.get_item(TableName="t", Key=key)["Item"] == item
    assert client.scan(TableName="t")["Items"] == [item]
    assert client.batch_get_item(RequestItems={"t": {"Keys": [key]}})["Responses"] == {"t": [item]}
    assert client.put_item(TableName="t", Item=item_with(), ReturnValues="ALL_OLD")["Attributes"] == item


def test_an_update_that_fails_late_leaves_nested_values_as_they_were(client: Any) -> None:
    item = item_with() | {"map": {"M": {"list": {"L": [{"N": "1"}, {"SS": ["a"]}]}}}, "text": {"S": "x" * 300_000}}
    client.put_item(TableName="t", Item=item)

    with pytest.raises(ClientError, match="Item size to update has exceeded"):
        client.update_item(
            TableName="t",
            Key={"pk": item["pk"], "sk": item["sk"]},
            UpdateExpression="SET #map.#list[0] = :n, more = :more ADD #map.#set :set",
            ExpressionAttributeNames={"#map": "map", "#list": "list", "#set": "set"},
            ExpressionAttributeValues={":n": {"N": "2"}, ":more": {"S": "y" * 200_000}, ":set": {"SS": ["b"]}},
        )

    assert client.scan(TableName="t")["Items"] == [item]
