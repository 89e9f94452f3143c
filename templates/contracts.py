"""Contracts between stages: whether what one hands on is what the next takes, by their declared types.

A field that the next stage requires must be one that the stage before always writes. Where a type says nothing (Any),
nothing is refused: the stage checks its records as it reads them.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
from msgspec import inspect
from msgspec.inspect import DictType, Field, ListType, StructType, Type, UnionType

_ARRAYS: Final = (ListType, inspect.SetType, inspect.FrozenSetType, inspect.VarTupleType, inspect.TupleType)
_OBJECTS: Final = (inspect.TypedDictType, inspect.DataclassType)
# A Decimal is written as text, and read from text and numbers.
_JSON_NAMES: Final = {
    inspect.NoneType: "null",
    inspect.BoolType: "boolean",
    inspect.IntType: "integer",
    inspect.FloatType: "number",
    **dict.fromkeys(_ARRAYS, "array"),
    **dict.fromkeys((DictType, StructType, *_OBJECTS), "object"),
}


_OF_VALUES: Final = {
    type(None): inspect.NoneType(),
    bool: inspect.BoolType(),
    int: inspect.IntType(),
    float: inspect.FloatType(),
    str: inspect.StrType(),
}
"""The types of the values of an enumeration or a Literal."""

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


def type_problem(kind: Any) -> str | None:
    """Return why records cannot be of a type, with the cure; None if they can: their JSON is an object."""
    try:
        info = inspect.type_info(kind)
    except NameError as error:
        return f"is {kind!r}, where {error}; import it, outside of `if TYPE_CHECKING:`"
    except TypeError as error:
        return f"is {kind!r}, which JSON has no form for: {error}; give a Struct of types that JSON has"
    if any(isinstance(one, inspect.RawType) for one in _types_in(info, set())):
        return f"is {kind!r} with msgspec.Raw in it, which may hold anything; give the type of its value"
    kinds = info.types if isinstance(info, UnionType) else (info,)
    if all(isinstance(one, inspect.AnyType | StructType | DictType) and not _is_array(one) for one in kinds):
        return None
    return f"is {kind!r}; give a Struct, dict[str, Any], or a union of Structs with tags"


def _types_in(kind: Type, seen: set[type]) -> Iterator[Type]:
    """Yield a type and those inside; each Struct once, as it may hold itself."""
    yield kind
    if isinstance(kind, StructType):
        inside = [] if kind.cls in seen else [field.type for field in kind.fields]
        seen.add(kind.cls)
    elif isinstance(kind, UnionType):
        inside = list(kind.types)
    elif isinstance(kind, DictType):
        inside = [kind.value_type]
    else:
        inside = list(_items(kind)) if isinstance(kind, _ARRAYS) else []
    for one in inside:
        yield from _types_in(one, seen)


def _is_array(kind: Type) -> bool:
    return isinstance(kind, StructType) and kind.array_like


def fields_of(kind: Any) -> Iterator[tuple[str, str, str]]:
    """Yield path, JSON kind, and "required" or nothing, of each field of a type of records, also of those inside."""
    yield from _fields_below(inspect.type_info(kind), (), ())


def _fields_below(kind: Type, path: _Path, above: tuple[type, ...]) -> Iterator[tuple[str, str, str]]:
    match kind:
        case StructType() if kind.cls not in above:
            above = *above, kind.cls
            for field in kind.fields:
                inner = (*path, field.encode_name)
                yield ".".join(inner), _kind(field.type), "required" if field.required else ""
                yield from _fields_below(field.type, inner, above)
        case UnionType():
            for one in kind.types:
                yield from _fields_below(one, path, above)
        case ListType() if path:
            yield from _fields_below(kind.item_type, (*path[:-1], f"{path[-1]}[]"), above)
        case DictType():
            yield from _fields_below(kind.value_type, (*path, "*"), above)


def find_misfit(given: Any, wanted: Any) -> Misfit | None:
    """Return the first field of the type `wanted` that records of the type `given` may lack or have otherwise."""
    return None if given is wanted else _Comparison().compare(inspect.type_info(given), inspect.type_info(wanted), ())


class _Comparison:
    """Compares two types, also Structs that hold themselves."""

    def __init__(self) -> None:
        self._open: set[tuple[type, type]] = set()

    def compare(self, given: Type, wanted: Type, path: _Path) -> Misfit | None:
        given, wanted = _without_values(given), _without_values(wanted)
        if isinstance(given, inspect.AnyType) or isinstance(wanted, (inspect.AnyType, *_OBJECTS)):
            return None
        if isinstance(given, UnionType):
            return next((misfit for one in given.types if (misfit := self.compare(one, wanted, path))), None)
        if isinstance(wanted, UnionType):
            misfits = [self.compare(given, one, path) for one in wanted.types]
            return None if None in misfits else misfits[0]
        return self._compare_one(given, wanted, path)

    def _compare_one(self, given: Type, wanted: Type, path: _Path) -> Misfit | None:
        if isinstance(wanted, StructType) and isinstance(given, StructType | DictType):
            pair = getattr(given, "cls", dict), wanted.cls
            if pair in self._open:
                return None
            self._open.add(pair)
            misfit = self._compare_fields(given, wanted, path)
            self._open.discard(pair)
            return misfit
        if isinstance(wanted, DictType) and isinstance(given, StructType | DictType):
            return self._compare_values(given, wanted, path)
        if isinstance(given, _ARRAYS) and isinstance(wanted, _ARRAYS):
            inner = (*path[:-1], f"{path[-1]}[]")
            misfits = (self.compare(one, other, inner) for one in _items(given) for other in _items(wanted))
            return next(filter(None, misfits), None)
        kinds = _kind(given), _kind(wanted)
        readable = {"integer", "string", "number"} if isinstance(wanted, inspect.DecimalType) else {kinds[1]}
        fits = kinds[0] in readable or kinds == ("integer", "number")
        return None if fits else Misfit(".".join(path), kinds[1], f"may write {kinds[0]} there")

    def _compare_fields(self, given: StructType | DictType, wanted: StructType, path: _Path) -> Misfit | None:
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
            if found and (misfit := self.compare(found.type, field.type, inner)):
                return misfit
        return None

    def _compare_values(self, given: StructType | DictType, wanted: DictType, path: _Path) -> Misfit | None:
        if isinstance(given, DictType):
            values = {"*": given.value_type}
        else:
            values = {field.encode_name: field.type for field in given.fields}
        misfits = (self.compare(kind, wanted.value_type, (*path, name)) for name, kind in values.items())
        return next(filter(None, misfits), None)


def _items(kind: Any) -> tuple[Type, ...]:
    return kind.item_types if isinstance(kind, inspect.TupleType) else (kind.item_type,)


def _without_values(kind: Type) -> Type:
    """Return the type of the values of an enumeration or a Literal, for any other type itself."""
    if isinstance(kind, inspect.EnumType):
        values = [member.value for member in kind.cls]
    elif isinstance(kind, inspect.LiteralType):
        values = list(kind.values)
    else:
        return kind
    types = tuple({type(value): _OF_VALUES[type(value)] for value in values}.values())
    return types[0] if len(types) == 1 else UnionType(types)


def _tag(kind: StructType | DictType) -> tuple[str | None, Any]:
    return (kind.tag_field, kind.tag) if isinstance(kind, StructType) else (None, None)


def _always_written(owner: Any, field: Field) -> bool:
    has_default = field.default is not msgspec.NODEFAULT or field.default_factory is not msgspec.NODEFAULT
    return field.required or (has_default and not owner.cls.__struct_config__.omit_defaults)


def _kind(kind: Type) -> str:
    """Return how a type is called as JSON; what has no form of its own is text."""
    kind = _without_values(kind)
    if isinstance(kind, UnionType):
        return " or ".join(dict.fromkeys(map(_kind, kind.types)))
    return _JSON_NAMES.get(type(kind), "string")
