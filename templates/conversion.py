"""Turns plain data of a declaration into a Struct, or into the error that says place, value and cure."""

import re
from bisect import bisect_left
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec

from templates import words
from templates.placeholders import placeholder_problem
from templates.source import KeyPath, Source
from templates.words import shown

T = TypeVar("T", bound=msgspec.Struct)


def convert(
    source: Source, raw: dict[str, Any], target: type[T], place: KeyPath, written: dict[str, Any] | None = None
) -> T:
    """Return `raw`, which stands at a place, as a Struct; ConfigError says which value of it is wrong, and why.

    `written` is what the declaration has, if `raw` has values in place of its placeholders.
    """
    refuse_unknown(source, raw, target, place)
    try:
        return msgspec.convert(raw, target, str_keys=True)
    except msgspec.ValidationError as error:
        match = re.fullmatch(r"(.*) - at (`key` in )?`\$(.*)`", str(error), re.DOTALL)
        text, of_key, path = match.groups() if match else (str(error), None, "")
        inner = _locate(raw, target, path, str(error))
        if missing := re.fullmatch(r"Object missing required field `(.+)`", text):
            inner = (*inner, missing[1])
            text = f"is missing: add it{_in_brackets(_describe(target, inner))}"
            raise source.error((*place, *inner), text) from None
        value = _value_at(raw, inner)
        given = value if written is None else _value_at(written, inner)
        said = f"is {shown(given)}: {_expected(target, inner, text, value)}"
        if given != value and isinstance(value, str):
            said += f"; deployed, it can have {len(value)} characters"
        if written is not None and isinstance(given, str) and (problem := placeholder_problem(given)):
            said += f"; it {problem}"
        if of_key:
            key = _failing_key(raw, target, inner, str(error))
            said = f"has the key {shown(key)}: {_expected(target, (), text, key)}"
        raise source.error((*place, *inner), said) from None


def _locate(raw: Any, target: type[msgspec.Struct], path: str, error: str) -> KeyPath:
    """Return the place that a path of msgspec means in `raw`; a key of a dict is `[...]` there."""
    place: KeyPath = ()
    for index, name, key in re.findall(r"\[(\d+)]|\.([^.\[]+)|(\[\.\.\.])", path):
        holder = _value_at(raw, place)
        part = int(index) if index else name
        if key and isinstance(holder, dict):
            part = _failing_key(raw, target, place, error)
        place = (*place, part)
    return place


def _failing_key(raw: Any, target: type[msgspec.Struct], place: KeyPath, error: str) -> str:
    """Return the key of the dict at a place that an error is about: without it and those after it, there is none."""
    entries: list[tuple[str, Any]] = list(_value_at(raw, place).items())

    def fails(index: int) -> bool:
        try:
            msgspec.convert(_replace(raw, place, dict(entries[: index + 1])), target, str_keys=True)
        except msgspec.ValidationError as other:
            return str(other) == error
        return False

    return entries[bisect_left(range(len(entries) - 1), True, key=fails)][0]


def _replace(raw: Any, place: KeyPath, value: Any) -> Any:
    """Return a copy of nested data with another value at a place."""
    if not place:
        return value
    copy = raw.copy()
    copy[place[0]] = _replace(raw[place[0]], place[1:], value)
    return copy


def refuse_unknown(source: Source, raw: dict[str, Any], target: type[msgspec.Struct], place: KeyPath) -> None:
    """Refuse a key that the Struct `target`, or one inside it, does not have."""
    fields = _field_types(target)
    for key, value in raw.items():
        if key not in fields:
            raise source.error((*place, str(key)), f"is an unknown key; {words.allowed(str(key), fields)}")
        inner = _struct_of(fields[key])
        if isinstance(value, dict) and inner:
            refuse_unknown(source, value, inner, (*place, key))


def _struct_of(annotated: Any) -> type[msgspec.Struct] | None:
    """Return the Struct that a field holds, also one that may be None; None where it holds anything else."""
    for kind in get_args(annotated) if get_origin(annotated) in (Union, UnionType) else (annotated,):
        inner = getattr(kind, "__origin__", kind)
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            return inner
    return None


@cache
def _field_types(target: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.encode_name: field.type for field in msgspec.structs.fields(target)}


def _expected(target: type[msgspec.Struct], place: KeyPath, text: str, value: Any) -> str:
    description = _describe(target, place)
    if text.startswith("Invalid enum value") and (values := _values_at(target, place)):
        known = f"allowed: {', '.join(values)}" if isinstance(value, int) else words.allowed(str(value), values)
        return f"{known}{_in_brackets(description)}"
    if not text.startswith("Expected "):
        return text  # a ValueError of the Struct itself, e.g. of a handler's Settings
    said = text.replace("`", "").removeprefix("Expected ").split(" matching regex ")[0]
    cure = "; write it on one line, without | or >" if isinstance(value, str) and value.endswith("\n") else ""
    return f"expected {said}{_in_brackets(description)}{cure}"


def _values_at(target: type[msgspec.Struct], place: KeyPath) -> list[str]:
    """Return the values of the enumeration or `Literal` at a place within a Struct, also of one in a union.

    They are empty where it is deeper.
    """
    schema: Any = msgspec.json.schema(target)
    definitions = schema.get("$defs", {})

    def kinds(schema: Any) -> list[dict[str, Any]]:
        whole = [kind for kind in (schema, *schema.get("anyOf", ())) if isinstance(kind, dict)]
        return [definitions.get(kind.get("$ref", "").rpartition("/")[2], kind) for kind in whole]

    found = kinds(schema)
    for part in place:
        inside = [_inside(kind, part) for kind in found]
        found = [kind for schema in inside if isinstance(schema, dict) for kind in kinds(schema)]
    return [str(value) for kind in found for value in kind.get("enum", ())]


def _inside(schema: dict[str, Any], part: str | int) -> Any:
    """Return the schema of what a part of a place leads to."""
    if isinstance(part, int):
        return schema.get("items")
    return schema.get("properties", {}).get(part, schema.get("additionalProperties"))


def _describe(target: type[msgspec.Struct], place: KeyPath) -> str:
    """Return the description of the field at a place within a Struct; empty where there is none."""
    description = ""
    current: type[msgspec.Struct] | None = target
    for part in place:
        annotated = _field_types(current).get(str(part)) if current else None
        # What may be None has its description inside the union.
        metas = [meta for part in (annotated, *get_args(annotated)) for meta in getattr(part, "__metadata__", ())]
        description = next((meta.description for meta in metas if meta.description), description)
        current = _struct_of(annotated)
    return description


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""


def _value_at(raw: Any, place: KeyPath) -> Any:
    for part in place:
        raw = raw[part]
    return raw
