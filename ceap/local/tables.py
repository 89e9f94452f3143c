"""moto's DynamoDB, changed to refuse the keys of indexes that AWS refuses: too long ones and empty ones.

moto looks at whole items and global indexes only. The keys are those of the table as deployed. What it makes of every
value of an answer is spared where it is the value itself; so is what `copy.deepcopy` remembers: no value holds itself.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb import responses
from moto.dynamodb.exceptions import EmptyKeyAttributeException, MockValidationException
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing import ast_nodes
from moto.dynamodb.parsing.validators import Validator

from ceap.local import expressions
from ceap.local.hooks import replace

_EMPTY: Final = (
    "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The "
    "AttributeValue for a key attribute cannot contain an empty {kind} value. IndexName: {index}, IndexKey: {key}"
)
# moto hides the types of this module from type checkers.
_NODES: Final[Any] = ast_nodes
_KINDS: Final = {"S": "string", "B": "binary"}
_PLAIN: Final[dict[str, type]] = {"S": str, "N": str, "BOOL": bool, "NULL": bool}
"""Values that an answer holds as the table does."""


@lru_cache(maxsize=1)
def install() -> None:
    """Hook moto's DynamoDB, once per process; AttributeError if moto lacks a part."""
    replace(Table, "hash_key_names", property(lambda table: _key_names(table, "HASH")))
    replace(Table, "range_key_names", property(lambda table: _key_names(table, "RANGE")))
    replace(responses, "validate_put_has_empty_keys", _checking_items(responses.validate_put_has_empty_keys))
    replace(Validator, "validate", _checking_updates(Validator.validate))
    replace(
        BaseJSONSerializer,
        "_serialize_type_structure",
        _with_plain_values(BaseJSONSerializer._serialize_type_structure),
    )
    replace(DynamoType, "__deepcopy__", lambda value, _: _copy_value(value))
    replace(Item, "__deepcopy__", lambda item, _: _copy_item(item))
    expressions.install()


def _key_names(table: Table, kind: str) -> list[str]:
    schemas = [table.schema, *(index.schema for index in _indexes(table))]
    return [key["AttributeName"] for schema in schemas for key in schema if key["KeyType"] == kind]


def _indexes(table: Table) -> list[Any]:
    return [*table.global_indexes, *table.indexes]


def _checking_items(check: Callable[..., None]) -> Callable[..., None]:
    def check_item(field_updates: dict[str, Any], table: Any, custom_error_msg: str | None = None) -> None:
        if table:
            for index in _indexes(table):
                for key in index.schema_key_attrs:
                    for kind, value in field_updates.get(key, {}).items():
                        if kind in _KINDS and not value and key not in table.table_key_attrs:
                            message = _EMPTY.format(kind=_KINDS[kind], index=index.name, key=key)
                            raise MockValidationException(message)
        check(field_updates, table, custom_error_msg)
        if table:
            # Here, because AWS writes no item of a batch that holds a wrong one.
            table._validate_key_sizes(field_updates)

    return check_item


def _checking_updates(validate: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def check_update(self: Any) -> Any:
        checked = validate(self)
        for action in checked.find_clauses([_NODES.UpdateExpressionSetAction]):
            path, value = action.children[0].children, action.children[1].children[0]
            name = path[0].children[0]
            if isinstance(path[0], _NODES.ExpressionAttributeName):
                name = self.expression_attribute_names[name]
            if len(path) == 1 and name in self.table.attribute_keys and value.type in _KINDS:
                if not value.value:
                    raise EmptyKeyAttributeException(key_in_index=True)
                self.table._validate_key_sizes({name: {value.type: value.value}})
        return checked

    return check_update


def _with_plain_values(serialize: Callable[..., None]) -> Callable[..., None]:
    """Let an answer take over a plain value; moto looks for each of the ten kinds, by each of its names."""

    def serialize_structure(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if key and type(value) is dict and len(value) == 1 and shape.name == "AttributeValue":
            [(kind, content)] = value.items()
            if type(content) is _PLAIN.get(kind) and self.service_model.service_name == "dynamodb":
                self._default_serialize(serialized, {kind: content}, shape, key)
                return
        serialize(self, serialized, value, shape, key)

    return serialize_structure


def _copy_item(item: Item) -> Item:
    made = object.__new__(Item)
    made.hash_key = _copy_value(item.hash_key)
    made.range_key = item.range_key and _copy_value(item.range_key)
    made.attrs = type(item.attrs)()
    dict.update(made.attrs, {name: _copy_value(value) for name, value in item.attrs.items()})
    return made


def _copy_value(value: DynamoType) -> DynamoType:
    made = object.__new__(DynamoType)
    made.type = value.type
    match value.type:
        case "L":
            made.value = [_copy_value(part) for part in value.value]
        case "M":
            made.value = {name: _copy_value(part) for name, part in value.value.items()}
        case "SS" | "NS" | "BS":
            made.value = list(value.value)
        case _:
            made.value = value.value
    return made
