"""Reading CloudFormation's YAML and JSON: plain data, and the line of every place in it."""

import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NoReturn

import msgspec
import yaml

DEPTH_MAX: Final = 100
"""The deepest nesting of a document: Guard's parser stops at 128, and a recursive reader would exhaust its stack."""

_YAML: Final = "tag:yaml.org,2002:"
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


class DocumentError(ValueError):
    """CloudFormation could not read the text; the message says what is wrong and how to correct it."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class Document(msgspec.Struct, frozen=True):
    """A document as read.

    `lines` gives the line, from 1, of every path (`/Resources/Queue/Type`, list items by index); a key's is its own
    line, not its value's. `blocks` gives, for each literal block (`|`), the line on which its text begins.
    """

    data: Any
    lines: dict[str, int]
    blocks: dict[str, int]


def parse_document(text: str) -> Document:
    """Return the one document that a text holds, short-form intrinsics (`!Ref`) in their long form.

    Raises:
        DocumentError: not YAML or JSON, several documents, a repeated key, or a YAML feature that CloudFormation does
            not support (aliases, merges, binary and other types; CloudFormation User Guide, "Template formats").
    """
    if text.lstrip().startswith("{"):
        return _parse_braces(text)
    return _Reader(text).read()


def _parse_braces(text: str) -> Document:
    try:
        data = parse_json(text)
    except json.JSONDecodeError as error:  # YAML may begin with a brace too
        try:
            return _Reader(text).read()
        except DocumentError as other:
            if str(other).startswith("not YAML"):
                raise DocumentError(error.lineno, f"not JSON: {error.msg}; correct the syntax") from None
            raise
    except DocumentError:
        _Reader(_SURROGATE.sub(r"\\u003f", text)).read()  # it raises the same error, with the line
        raise
    return Document(data, json_lines(text), {})


def parse_json(text: str) -> Any:
    """Return the value of a JSON text, strictly.

    Raises:
        json.JSONDecodeError: not JSON.
        DocumentError: a repeated key, of which all but one would be ignored; a number that JSON does not know; or
            too deep nesting.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        repeated = next((key for key in keys if keys.count(key) > 1), None) if len(set(keys)) < len(keys) else None
        if repeated is not None:
            raise DocumentError(1, f"the key {repeated!r} stands twice in one object; keep one of them")
        return dict(pairs)

    def refuse(constant: str) -> NoReturn:
        raise DocumentError(1, f"{constant} is not JSON; write a finite number")

    try:
        value = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except RecursionError:
        raise _too_deep(1) from None
    level = [value]
    for _ in range(DEPTH_MAX + 1):
        level = [below for above in level for below in _children(above)]
    if level:
        raise _too_deep(1)
    return value


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _too_deep(line: int) -> DocumentError:
    return DocumentError(line, f"nested deeper than {DEPTH_MAX} levels; write it flatter")


def json_lines(text: str) -> dict[str, int]:
    """Return the line of every path of a JSON text; none if YAML, which almost contains JSON, cannot read it."""
    try:
        return _Reader(_SURROGATE.sub(r"\\u003f", text)).read().lines
    except DocumentError:
        return {}


class _Reader:
    """Builds values from libyaml's events.

    Its composer would resolve aliases silently, and overflow the C stack on a file of brackets.
    """

    def __init__(self, text: str) -> None:
        self._loader: Any = yaml.CSafeLoader(text)
        self._lines: dict[str, int] = {}
        self._blocks: dict[str, int] = {}

    def read(self) -> Document:
        try:
            self._next()  # the stream starts
            if self._loader.check_event(yaml.StreamEndEvent):
                raise DocumentError(1, "contains only comments; name a CloudFormation template")
            self._next()  # the document starts
            data = self._value("", 0)
            self._next()  # the document ends
            if not self._loader.check_event(yaml.StreamEndEvent):
                line = self._next().start_mark.line + 1
                raise DocumentError(line, "a second document begins here; keep one template per file")
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise DocumentError(
                mark.line + 1 if mark else 1, f"not YAML: {error.problem}; correct the syntax"
            ) from None
        except (yaml.YAMLError, ValueError) as error:
            if isinstance(error, DocumentError):
                raise
            raise DocumentError(1, f"not YAML: {error}; correct the syntax") from None
        return Document(data, self._lines, self._blocks)

    def _next(self) -> Any:
        return self._loader.get_event()

    def _value(self, path: str, depth: int) -> Any:
        event = self._next()
        line = event.start_mark.line + 1
        self._lines.setdefault(path, line)
        if isinstance(event, yaml.AliasEvent):
            raise DocumentError(line, f"CloudFormation refuses YAML aliases (*{event.anchor}); write the value out")
        if depth > DEPTH_MAX:
            raise _too_deep(line)
        function = _function(event.tag, line) if event.tag else None
        inner = path if function is None else f"{path}/{function}"
        value: Any
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event, plain=event.implicit[0] and function is None)
            if event.style == "|":
                self._blocks[inner] = line + 1
        elif isinstance(event, yaml.SequenceStartEvent):
            value = []
            while not self._loader.check_event(yaml.SequenceEndEvent):
                value.append(self._value(f"{inner}/{len(value)}", depth + 1))
            self._next()
        else:
            value = self._mapping(inner, depth)
        if function is not None:
            value = {function: value}
        match value:
            case {"Fn::GetAtt": str(text)}:  # the other way to write [Queue, Arn], in YAML
                return {"Fn::GetAtt": text.split(".", 1)}
            case _:
                return value

    def _mapping(self, path: str, depth: int) -> dict[str, Any]:
        value: dict[str, Any] = {}
        while not self._loader.check_event(yaml.MappingEndEvent):
            event = self._next()
            line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent):
                raise DocumentError(line, "a key is neither text nor a number; write a plain key")
            key = event.value
            if key == "<<" and event.implicit[0]:
                raise DocumentError(line, "CloudFormation refuses YAML merges (<<); write the keys out")
            if key in value:
                first = self._lines[f"{path}/{key}"]
                raise DocumentError(line, f"the key {key!r} stands twice, first in line {first}; keep one of them")
            self._lines[f"{path}/{key}"] = line
            value[key] = self._value(f"{path}/{key}", depth + 1)
        self._next()
        return value

    def _scalar(self, event: Any, *, plain: bool) -> Any:
        tag = self._loader.resolve(yaml.ScalarNode, event.value, (True, False)) if plain else event.tag or ""
        node = yaml.ScalarNode(tag, event.value)
        if tag == f"{_YAML}null":
            return None
        if tag == f"{_YAML}bool":
            return self._loader.construct_yaml_bool(node)
        if tag == f"{_YAML}int":
            return self._loader.construct_yaml_int(node)
        if tag == f"{_YAML}float":
            number = self._loader.construct_yaml_float(node)
            if not math.isfinite(number):
                raise DocumentError(event.start_mark.line + 1, f"{event.value} is not JSON; write a finite number")
            return number
        return event.value


def _function(tag: str, line: int) -> str | None:
    """Return the long name of a short-form intrinsic; None for YAML's own tags of plain values."""
    if tag.startswith("!") and len(tag) > 1:
        return tag[1:] if tag in ("!Ref", "!Condition") else f"Fn::{tag[1:]}"
    if tag.removeprefix(_YAML) in ("str", "int", "float", "bool", "null", "map", "seq", "!"):
        return None
    raise DocumentError(line, f"CloudFormation refuses the YAML tag {tag}; write the value without it")


def walk_scalars(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path and value of everything in a document that is neither mapping nor list."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from walk_scalars(below, f"{path}/{key}")
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from walk_scalars(below, f"{path}/{index}")
    else:
        yield path, value
