"""The places at which two values differ, down to the leaf; items of lists by the key that names them."""

import json
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any, Final, TypeAlias

from ceap.cfn.lookup import is_intrinsic
from templates.document import DocumentError, parse_json

Path: TypeAlias = tuple[str, ...]
Difference: TypeAlias = tuple[Path, Any, Any]
"""Place, old value and new value; None where there is no value."""

_KEYS: Final = ("Id", "Sid", "PolicyName", "IndexName", "AttributeName", "Name", "Key")
"""What tells the items of CloudFormation's lists apart, whatever their order."""

DEFINITION: Final = "DefinitionString"


def differences(old: Any, new: Any, path: Path = ()) -> Iterator[Difference]:
    """Yield what differs between two values, nothing if they are equal."""
    if _as_json(old) == _as_json(new):
        return
    if path and path[-1] == DEFINITION and isinstance(old, str) and isinstance(new, str):
        yield from _of_definitions(old, new, path)
    elif _is_plain(old) and _is_plain(new):
        for key in dict.fromkeys((*old, *new)):
            yield from differences(old.get(key), new.get(key), (*path, str(key)))
    elif isinstance(old, list) and isinstance(new, list) and (_has_mapping(old) or _has_mapping(new)):
        yield from _of_lists(old, new, path)
    else:
        yield path, old, new


def _as_json(value: Any) -> str:
    """Return a value's JSON: unlike Python, it tells true from 1."""
    return json.dumps(value, sort_keys=True)


def _is_plain(value: Any) -> bool:
    return isinstance(value, dict) and not is_intrinsic(value)


def _has_mapping(value: Sequence[Any]) -> bool:
    return any(_is_plain(item) for item in value)


def _of_definitions(old: str, new: str, path: Path) -> Iterator[Difference]:
    before, after = _parsed(old), _parsed(new)
    found = [] if before is None or after is None else list(differences(before, after, path))
    yield from found or [(path, old, new)]


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        value = parse_json(text)
    except (ValueError, DocumentError):
        return None
    return value if isinstance(value, dict) else None


def _of_lists(old: list[Any], new: list[Any], path: Path) -> Iterator[Difference]:
    key = next((key for key in _KEYS if _names(old, key) and _names(new, key)), None)
    if key is None:
        for index, (one, other) in enumerate(zip_longest(old, new)):
            yield from differences(one, other, (*path, str(index)))
        return
    before, after = _names(old, key), _names(new, key)
    for name in dict.fromkeys((*before, *after)):
        yield from differences(before.get(name), after.get(name), (*path, name))
    if list(before) != list(after) and before.keys() == after.keys():
        yield path, list(before), list(after)


def _names(items: list[Any], key: str) -> dict[str, Any]:
    """Return the items of a list by the key that names them, nothing if it does not name each."""
    named = {str(item[key]): item for item in items if isinstance(item, dict) and isinstance(item.get(key), str | int)}
    return named if len(named) == len(items) else {}
