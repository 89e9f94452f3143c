"""Contracts between stages: whether what one hands on is what the next takes, by their declared types.

A field that the next stage requires must be one that the stage before always writes. Where a type says nothing (Any),
nothing is refused: the stage checks its records as it reads them.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
from msgspec import inspect
from msgspec.inspect import DictType, Field, ListType, StructType, Type, UnionType

_OPEN: Final = (inspect.AnyType, inspect.CustomType, inspect.ExtType, inspect.RawType)
_NUMBERS: Final = (inspect.FloatType, inspect.DecimalType)
_ARRAYS: Final = (ListType, inspect.SetType, inspect.FrozenSetType, inspect.VarTupleType, inspect.TupleType)
_OBJECTS: Final = (inspect.TypedDictType, inspect.DataclassType)
_JSON_NAMES: Final = {
    inspect.NoneType: "null",
    inspect.BoolType: "boolean",
    inspect.IntType: "integer",
    **dict.fromkeys(_NUMBERS, "number"),
    **dict.fromkeys(_ARRAYS, "array"),
    **dict.fromkeys((DictType, StructType, *_OBJECTS), "object"),
}


_Path: TypeAlias = tuple[str, ...]


class Contract(NamedTuple):
    """The types of the records that a stage takes, of those that it hands on, and of its message as the first stage."""

    takes: Any
    yields: Any
    message: Any


class Misfit(NamedTuple):
    """The field that a stage requires and the one before does not give it, and what the two say of it."""

    field: str
    required: str
    given: str
    """How to go on after "which", e.g. "promises no field"."""


def is_record_type(kind: Any) -> bool:
    """Tell whether records can be of a type: their JSON is an object."""
    try:
        info = inspect.type_info(kind)
    except (TypeError, NameError):
        return False
    kinds = info.types if isinstance(info, UnionType) else (info,)
    return all(
        isinstance(one, inspect.AnyType | StructType | DictType) and not getattr(one, "array_like", False)
        for one in kinds
    )


def fields_of(kind: Any) -> Iterator[tuple[str, str, str]]:
    """Yield path, JSON kind, and "required" or nothing, of each field of a type of records, also of those inside."""
    yield from _fields_below(inspect.type_info(kind), ())


def _fields_below(kind: Type, path: _Path) -> Iterator[tuple[str, str, str]]:
    match kind:
        case StructType():
            for field in kind.fields:
                inner = (*path, field.encode_name)
                yield ".".join(inner), _kind(field.type), "required" if field.required else ""
                yield from _fields_below(field.type, inner)
        case UnionType():
            for one in kind.types:
                yield from _fields_below(one, path)
        case ListType() if path:
            yield from _fields_below(kind.item_type, (*path[:-1], f"{path[-1]}[]"))
        case DictType():
            yield from _fields_below(kind.value_type, (*path, "*"))


def find_misfit(given: Any, wanted: Any) -> Misfit | None:
    """Return the first field of the type `wanted` that records of the type `given` may lack or have otherwise."""
    return _compare(inspect.type_info(given), inspect.type_info(wanted), ())


def _compare(given: Type, wanted: Type, path: _Path) -> Misfit | None:
    if isinstance(given, _OPEN) or isinstance(wanted, (*_OPEN, *_OBJECTS)):
        return None
    if isinstance(given, UnionType):
        return next((misfit for one in given.types if (misfit := _compare(one, wanted, path))), None)
    if isinstance(wanted, UnionType):
        misfits = [_compare(given, one, path) for one in wanted.types]
        return None if None in misfits else misfits[0]
    return _compare_one(given, wanted, path)


def _compare_one(given: Type, wanted: Type, path: _Path) -> Misfit | None:
    if isinstance(wanted, StructType) and isinstance(given, StructType | DictType):
        return _compare_fields(given, wanted, path)
    if isinstance(wanted, DictType) and isinstance(given, StructType | DictType):
        return _compare_values(given, wanted, path)
    if isinstance(given, ListType) and isinstance(wanted, ListType):
        return _compare(given.item_type, wanted.item_type, (*path[:-1], f"{path[-1]}[]") if path else ("[]",))
    kinds = _kind(given), _kind(wanted)
    fits = kinds[0] == kinds[1] or kinds == ("integer", "number")
    return None if fits else Misfit(".".join(path), kinds[1], f"may write {kinds[0]} there")


def _compare_fields(given: StructType | DictType, wanted: StructType, path: _Path) -> Misfit | None:
    written = {field.encode_name: field for field in given.fields} if isinstance(given, StructType) else {}
    if wanted.tag_field and (wanted.tag_field, wanted.tag) != _tag(given):
        return Misfit(".".join((*path, wanted.tag_field)), repr(wanted.tag), f"has the tag {_tag(given)[1]!r}")
    if wanted.forbid_unknown_fields and (others := written.keys() - {field.encode_name for field in wanted.fields}):
        return Misfit(".".join((*path, min(others))), "absent", "writes it")
    for field in wanted.fields:
        inner = (*path, field.encode_name)
        found = written.get(field.encode_name)
        if field.required and (found is None or not _always_written(given, found)):
            said = "may leave it out" if found else "has no such field" if written else "promises no field"
            return Misfit(".".join(inner), _kind(field.type), said)
        if found and (misfit := _compare(found.type, field.type, inner)):
            return misfit
    return None


def _compare_values(given: StructType | DictType, wanted: DictType, path: _Path) -> Misfit | None:
    if isinstance(given, DictType):
        values = {"*": given.value_type}
    else:
        values = {field.encode_name: field.type for field in given.fields}
    misfits = (_compare(kind, wanted.value_type, (*path, name)) for name, kind in values.items())
    return next(filter(None, misfits), None)


def _tag(kind: StructType | DictType) -> tuple[str | None, Any]:
    return (kind.tag_field, kind.tag) if isinstance(kind, StructType) else (None, None)


def _always_written(owner: Any, field: Field) -> bool:
    has_default = field.default is not msgspec.NODEFAULT or field.default_factory is not msgspec.NODEFAULT
    return field.required or (has_default and not owner.cls.__struct_config__.omit_defaults)


def _kind(kind: Type) -> str:
    """Return how a type is called as JSON; what has no form of its own is text."""
    if isinstance(kind, UnionType):
        return " or ".join(dict.fromkeys(map(_kind, kind.types)))
    return _JSON_NAMES.get(type(kind), "string")
