"""A DynamoDB table: conditional updates of one item, reads and writes of many.

All methods raise PermanentStageError or TransientStageError, as `aws.stage_errors` says. An item is a dict of strings,
numbers, booleans, None, lists and dicts.
"""

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from handlers.runtime.aws import client, stage_errors
from handlers.runtime.batch import batched
from handlers.runtime.contract import TransientStageError
from handlers.runtime.needs import Table
from handlers.runtime.records import BadRecordError

Item: TypeAlias = dict[str, Any]

# The limits of one request. Source: API reference of BatchGetItem and BatchWriteItem.
GET_LIMIT: Final = 100
PUT_LIMIT: Final = 25
_ATTEMPTS: Final = 6

# Source: Developer Guide, "Quotas in Amazon DynamoDB"; those of keys are the same for indexes.
_PARTITION_KEY_BYTES: Final = 2048
_SORT_KEY_BYTES: Final = 1024
_ITEM_BYTES: Final = 400 * 1024
# Source: Developer Guide, "DynamoDB item sizes and formats".
_NUMBER_BYTES: Final = 21
_CONTAINER_BYTES: Final = 3


def check_item(table: Table, item: Item) -> None:
    """Check that a table can take an item: its keys, those of the table's indexes that it has, and its size in bytes.

    Raises:
        BadRecordError: The record that the item is made of has no room there, or a key that is no text.
    """
    _check_key(item, table.partition_key, _PARTITION_KEY_BYTES)
    if table.sort_key is not None:
        _check_key(item, table.sort_key, _SORT_KEY_BYTES)
    for index in table.indexes:
        # DynamoDB leaves an item that lacks a key of an index out of it.
        if index.partition_key in item:
            _check_key(item, index.partition_key, _PARTITION_KEY_BYTES)
        if index.sort_key in item:
            _check_key(item, index.sort_key, _SORT_KEY_BYTES)
    size_bytes = _map_bytes(item)
    if size_bytes > _ITEM_BYTES:
        raise BadRecordError(
            "ITEM_TOO_LARGE",
            f"its item in table {table.name} would have {size_bytes} bytes, DynamoDB allows {_ITEM_BYTES}; shorten its "
            "texts",
        )


def _check_key(item: Item, name: str, limit: int) -> None:
    value = item[name]
    if not isinstance(value, str):
        kind = type(value).__name__
        raise BadRecordError(
            "KEY_INVALID", f"{name} of its item would be of type {kind}, keys are texts; make it a text"
        )
    size_bytes = _text_bytes(value)
    if size_bytes > limit:
        raise BadRecordError(
            "KEY_TOO_LONG",
            f"{name} of its item would have {size_bytes} bytes, DynamoDB allows {limit}; shorten the texts in it",
        )
    if not size_bytes:
        raise BadRecordError("KEY_EMPTY", f"{name} of its item would be empty, DynamoDB allows no empty key; fill it")


def _map_bytes(item: Item) -> int:
    return sum(_text_bytes(name) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Any) -> int:
    match value:
        case str():
            return _text_bytes(value)
        case bool() | None:
            return 1
        case int() | float():
            return _NUMBER_BYTES
        case list():
            return _CONTAINER_BYTES + sum(1 + _value_bytes(part) for part in value)
        case dict():
            return _CONTAINER_BYTES + len(value) + _map_bytes(value)
        case _:
            raise _unfit(value)


def _text_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


class TableClient:
    """One table."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._client = client("dynamodb")

    def update(
        self, key: Item, update: str, condition: str, *, names: Mapping[str, str], values: Mapping[str, Any]
    ) -> Item | None:
        """Update an item if the condition holds: return None, or the item that the condition refused."""
        with stage_errors("dynamodb:UpdateItem", self._name):
            try:
                self._client.update_item(
                    TableName=self._name,
                    Key=_marshal(key),
                    UpdateExpression=update,
                    ConditionExpression=condition,
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=_marshal(values),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except self._client.exceptions.ConditionalCheckFailedException as refusal:
                return _unmarshal(refusal.response.get("Item", {}))
        return None

    def get_many(self, keys: Iterable[Item]) -> list[Item]:
        """Return the items that exist of these keys, which must be distinct; eventually consistent."""
        items: list[Item] = []

        def get(wanted: Sequence[Item]) -> Sequence[Item]:
            answer = self._client.batch_get_item(RequestItems={self._name: {"Keys": wanted}})
            items.extend(_unmarshal(item) for item in answer["Responses"].get(self._name, []))
            left: Sequence[Item] = answer["UnprocessedKeys"].get(self._name, {}).get("Keys", [])
            return left

        for batch in batched(map(_marshal, keys), GET_LIMIT):
            self._repeat("dynamodb:BatchGetItem", get, batch)
        return items

    def put_many(self, items: Iterable[Item]) -> None:
        """Write items, whose keys must be distinct, over what is there."""

        def put(requests: Sequence[Item]) -> Sequence[Item]:
            answer = self._client.batch_write_item(RequestItems={self._name: requests})
            left: Sequence[Item] = answer["UnprocessedItems"].get(self._name, [])
            return left

        for batch in batched(({"PutRequest": {"Item": _marshal(item)}} for item in items), PUT_LIMIT):
            self._repeat("dynamodb:BatchWriteItem", put, batch)

    def _repeat(self, action: str, call: Callable[[Sequence[Item]], Sequence[Item]], entries: Sequence[Item]) -> None:
        """Call until nothing is left unprocessed, which the client does not retry itself."""
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(random.uniform(0, 0.1 * 2**attempt))  # noqa: S311 - jitter, no secret
            with stage_errors(action, self._name):
                entries = call(entries)
            if not entries:
                return
        raise TransientStageError(
            f"{action} on {self._name} left {len(entries)} entries unprocessed {_ATTEMPTS} times; try again"
        )


def _marshal(item: Mapping[str, Any]) -> Item:
    # Most values are texts and whole numbers: without a call this takes half the time.
    return {
        name: {"S": value}
        if (kind := type(value)) is str
        else {"N": repr(value)}
        if kind is int
        else _marshal_value(value)
        for name, value in item.items()
    }


def _marshal_value(value: Any) -> Item:
    match value:
        case str():
            return {"S": value}
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": repr(value)}
        case None:
            return {"NULL": True}
        case list():
            return {"L": [_marshal_value(part) for part in value]}
        case dict():
            return {"M": _marshal(value)}
        case _:
            raise _unfit(value)


def _unfit(value: object) -> TypeError:
    return TypeError(f"an item cannot hold a {type(value).__name__}")


def _unmarshal(item: Mapping[str, Any]) -> Item:
    return {name: _unmarshal_value(value) for name, value in item.items()}


def _unmarshal_value(value: Mapping[str, Any]) -> Any:
    [(kind, content)] = value.items()
    match kind:
        case "N":
            return float(content) if set(content) & set(".eE") else int(content)
        case "NULL":
            return None
        case "L":
            return [_unmarshal_value(part) for part in content]
        case "M":
            return _unmarshal(content)
        case _:
            return content
