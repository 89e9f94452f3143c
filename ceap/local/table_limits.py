"""Limits of DynamoDB on requests and items that moto does not know.

Source: Developer Guide, "Quotas in Amazon DynamoDB", "DynamoDB item sizes and formats". Answers as projects recorded
them on AWS: those to writes of one item begin with the number of errors.
"""

import base64
import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

from moto.dynamodb.exceptions import ItemSizeTooLarge, ItemSizeToUpdateTooLarge
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.parsing.executors import UpdateExpressionExecutor

from ceap.local.answers import ApiError
from ceap.local.calls import Request
from ceap.local.hooks import replace

_ITEM_BYTES: Final = 400 * 1024
_EXPRESSION_BYTES: Final = 4096
_BATCH_WRITE_MAX: Final = 25
_DIGITS_MAX: Final = 38
_MAGNITUDE_MAX: Final = 125
_NESTING_MAX: Final = 31
_EXPRESSIONS: Final = tuple(f"{kind}Expression" for kind in ("Condition", "Filter", "KeyCondition", "Update"))
_PLACEHOLDER: Final = re.compile(r":\w+")
_WRITES: Final = {"DeleteItem", "PutItem", "UpdateItem"}
_SETS: Final = {"SS": "string", "NS": "number", "BS": "binary"}

_DUPLICATES: Final = "Provided list of item keys contains duplicates"
_NESTED: Final = (
    "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"
)
_INVALID: Final = "One or more parameter values were invalid: "


@lru_cache(maxsize=1)
def install() -> None:
    """Hook moto's items, once per process, to count their bytes as DynamoDB does; AttributeError if moto lacks a part.

    moto counts less of lists and maps, more of numbers, and allows 405,000.
    """
    replace(LimitedSizeDict, "__setitem__", dict.__setitem__)
    replace(Item, "__init__", _limited(Item.__init__))
    replace(UpdateExpressionExecutor, "execute", _trying(UpdateExpressionExecutor.execute))
    replace(DynamoDBBackend, "update_item", _undoing(DynamoDBBackend.update_item))


def check_request(request: Request) -> None:
    """Check a request of DynamoDB; ApiError if it is beyond a limit."""
    operation, given = request.operation, request.document
    match operation:
        case "BatchWriteItem":
            _check_batch(request)
        case "TransactGetItems":
            gets = [part.get("Get", {}) for part in given.get("TransactItems", ())]
            if _repeats((get.get("TableName"), _identity(get.get("Key", {}))) for get in gets):
                raise _refused("Transaction request cannot include multiple operations on one item")
        case "TransactWriteItems":
            for part in given.get("TransactItems", ()):
                for call in part.values():
                    _check_call(operation, call)
        case "DeleteItem" | "PutItem" | "Query" | "Scan" | "UpdateItem":
            _check_call(operation, given)


def _check_batch(request: Request) -> None:
    tables = request.document.get("RequestItems", {})
    if sum(map(len, tables.values())) > _BATCH_WRITE_MAX:
        raise _refused("Too many items requested for the BatchWriteItem call")
    known = dynamodb_backends[request.account][request.region].tables
    for name, requests in tables.items():
        items = [part["Item"] for each in requests for kind, part in each.items() if kind == "PutRequest"]
        for item in items:
            _check_values(item)
        if table := known.get(name.rpartition("/")[2]):
            written = items + [each["DeleteRequest"]["Key"] for each in requests if "DeleteRequest" in each]
            if _repeats(_identity({key: item.get(key) for key in table.table_key_attrs}) for item in written):
                raise _refused(_DUPLICATES)


def _check_call(operation: str, call: Mapping[str, Any]) -> None:
    """Check the expressions and values of a call that reads or writes one item, or many by a condition."""
    start = "1 validation error detected: " if operation in _WRITES else ""
    expressions = {name: str(call[name]) for name in _EXPRESSIONS if call.get(name)}
    for name, text in expressions.items():
        if (size_bytes := len(text.encode())) > _EXPRESSION_BYTES:
            # The size is not told of an UpdateExpression.
            told = "" if name == "UpdateExpression" else f" expression size: {size_bytes}"
            raise _refused(f"{start}Invalid {name}: Expression size has exceeded the maximum allowed size;{told}")
    _check_values(call.get("Item", {}), start)
    values = call.get("ExpressionAttributeValues", {})
    for placeholder, value in values.items():
        form = f"{start}ExpressionAttributeValues contains invalid value: {{}} for key {placeholder}"
        _check_value(value, lambda fault, form=form: form.format(fault))  # type: ignore[misc]  # mypy infers no default
    if expressions and (unused := sorted(set(values) - set(_PLACEHOLDER.findall(" ".join(expressions.values()))))):
        listed = ", ".join(unused)
        raise _refused(f"{start}Value provided in ExpressionAttributeValues unused in expressions: keys: {{{listed}}}")


def _check_values(item: Mapping[str, Any], start: str = "") -> None:
    for value in item.values():
        _check_value(value, lambda fault: start + fault)


def _check_value(value: Mapping[str, Any], tell: Callable[[str], str]) -> None:
    for kind, content, depth in _walk(value, 0):
        if depth > _NESTING_MAX:
            raise _refused(_NESTED)
        if fault := _fault(kind, content):
            raise _refused(tell(fault))


def _walk(value: Mapping[str, Any], depth: int) -> Iterator[tuple[str, Any, int]]:
    """Yield each value in a value: its type, its content, and in how many lists and maps it lies."""
    for kind, content in value.items():
        yield kind, content, depth
        if kind in {"L", "M"} and depth <= _NESTING_MAX:
            for part in content.values() if kind == "M" else content:
                yield from _walk(part, depth + 1)


def _fault(kind: str, content: Any) -> str | None:
    if kind == "N":
        return _number_fault(content)
    if kind not in _SETS:
        return None
    if not content:
        return f"{_INVALID}An {_SETS[kind]} set  may not be empty"
    if len(set(content)) < len(content):
        return f"{_INVALID}Input collection [{', '.join(content)}] contains duplicates."
    return next(filter(None, map(_number_fault, content)), None) if kind == "NS" else None


def _number_fault(text: str) -> str | None:
    try:
        magnitude = Decimal(text).adjusted()
    except InvalidOperation:
        return None  # moto refuses what is no number
    if magnitude > _MAGNITUDE_MAX:
        return "Number overflow. Attempting to store a number with magnitude larger than supported range"
    if len(_significant(text)) > _DIGITS_MAX:
        return "Attempting to store more than 38 significant digits in a Number"
    return None


def _significant(number: str) -> str:
    mantissa = number.upper().partition("E")[0]
    return mantissa.lstrip("+-").replace(".", "").strip("0")


def _identity(key: Mapping[str, Any]) -> str:
    return json.dumps(key, sort_keys=True)


def _repeats(values: Iterator[Any]) -> bool:
    listed = list(values)
    return len(set(listed)) < len(listed)


def _refused(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def _limited(initialise: Callable[..., None]) -> Callable[..., None]:
    def limited(self: Item, *arguments: Any, **named: Any) -> None:
        initialise(self, *arguments, **named)
        _check_size(self)

    return limited


def _trying(execute: Callable[..., None]) -> Callable[..., None]:
    def try_execute(self: Any, node: Any = None) -> None:
        if node is not None:
            execute(self, node)
            return
        # On a copy: a refused update leaves the item as it was.
        item, self.item = self.item, copy.deepcopy(self.item)
        execute(self)
        _check_size(self.item)
        item.attrs, self.item = self.item.attrs, item

    return try_execute


def _undoing(update: Callable[..., Item]) -> Callable[..., Item]:
    def update_item(self: DynamoDBBackend, table_name: str, key: dict[str, Any], *arguments: Any, **named: Any) -> Item:
        is_new = self.get_item(table_name, key) is None
        try:
            return update(self, table_name, key, *arguments, **named)
        except ItemSizeToUpdateTooLarge:
            # moto has written the key of a new item by now.
            if is_new:
                self.delete_item(table_name, key)
            raise

    return update_item


def _check_size(item: Item) -> None:
    if _map_bytes(item.attrs) > _ITEM_BYTES:
        raise ItemSizeTooLarge


def _map_bytes(values: Mapping[str, Any]) -> int:
    return sum(len(name.encode()) + _value_bytes(value) for name, value in values.items())


def _value_bytes(value: Any) -> int:
    kind, content = (value.type, value.value) if isinstance(value, DynamoType) else next(iter(value.items()))
    match kind:
        case "S" | "B":
            return len(_encoded(kind, content))
        case "N":
            # A byte for two digits, one more, and one for the sign.
            return (len(_significant(str(content))) + 1) // 2 + 1 + str(content).startswith("-")
        case "L":
            return 3 + sum(1 + _value_bytes(part) for part in content)
        case "M":
            return 3 + len(content) + _map_bytes(content)
        case "SS" | "NS" | "BS":
            return sum(_value_bytes({kind[0]: part}) for part in content)
        case _:
            return 1


def _encoded(kind: str, content: Any) -> bytes:
    if isinstance(content, bytes):
        return content
    encoded: bytes = content.encode() if kind == "S" else base64.b64decode(content)
    return encoded
