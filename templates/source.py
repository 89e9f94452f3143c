"""Reading a YAML declaration: plain data, and the line of every place in it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
import yaml

from templates.errors import ConfigError
from templates.scalars import AmbiguousScalarError, Scalar, read_plain

DEPTH_MAX: Final = 100
VALUES_MAX: Final = 20_000
"""Values of a declaration, each alias counted with all that it repeats: ten lines of aliases make billions."""

KeyPath: TypeAlias = tuple[str | int, ...]
"""Where a value stands, e.g. `("steps", 1, "timeout_s")`."""


class Source(msgspec.Struct, frozen=True):
    """A declaration as read: `name` is how messages call the file, `lines` maps a place to its line."""

    name: str
    data: Any
    lines: dict[KeyPath, int]

    def error(self, place: KeyPath, text: str) -> ConfigError:
        """Return the error that says file, line and place before the text."""
        line = next((self.lines[place[:end]] for end in range(len(place), -1, -1) if place[:end] in self.lines), None)
        where = self.name if line is None else f"{self.name}:{line}"
        return ConfigError(f"{where}: {' '.join(filter(None, (format_place(place), text)))}")


def format_place(place: KeyPath) -> str:
    """Return a place as people write it, e.g. `steps[1].timeout_s`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")


def load_source(path: Path) -> Source:
    """Read one YAML document; ConfigError if the file is missing, not YAML, or repeats a key."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; name a declaration, e.g. workflows/realtime.yaml") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not a text file (UTF-8); a declaration is YAML") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; name a readable YAML file") from None
    return parse_source(text, str(path))


def parse_source(text: str, name: str) -> Source:
    """Parse one YAML document, or raise ConfigError as `load_source`; `name` is the file that messages name."""
    try:
        return _Reader(text, name).read()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        raise ConfigError(f"{where}: not YAML: {error.problem}; correct the syntax") from None
    except yaml.YAMLError:
        raise ConfigError(f"{name}: not a text file; a declaration is YAML") from None


class _Reader:
    """Builds plain data from libyaml's events, and refuses what not every reader of YAML reads alike.

    Its composer would take tags and merges, drop repeated keys, and overflow the C stack on a file of brackets.
    """

    def __init__(self, text: str, name: str) -> None:
        self._loader: Any = yaml.CSafeLoader(text)
        self._name: Final = name
        self._lines: Final[dict[KeyPath, int]] = {}
        self._count = 0
        self._anchors: Final[dict[str, _Anchored | None]] = {}

    def read(self) -> Source:
        self._next()  # the stream starts
        if self._loader.check_event(yaml.StreamEndEvent):
            raise ConfigError(f"{self._name}: the file is empty; declare at least name, type and steps")
        self._next()  # the document starts
        data = self._value(())
        self._next()  # the document ends
        if not self._loader.check_event(yaml.StreamEndEvent):
            line = _line(self._next())
            raise ConfigError(f"{self._name}:{line}: a second document begins here; keep one workflow per file")
        level = [data]  # aliases may nest deeper than the text does
        for _ in range(DEPTH_MAX + 1):
            level = [below for above in level for below in _children(above)]
        if level:
            raise self._too_deep()
        return Source(self._name, data, self._lines)

    def _next(self) -> Any:
        return self._loader.get_event()

    def _value(self, place: KeyPath) -> Any:
        event = self._next()
        line = _line(event)
        self._lines.setdefault(place, line)
        self._count_values(1, line)
        if isinstance(event, yaml.AliasEvent):
            return self._repeat(str(event.anchor), place, line)
        if len(place) > DEPTH_MAX:
            raise self._too_deep()
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        before = self._count
        value: Any
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event, place)
        else:
            self._refuse_tag(event)
            value = self._list(place) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(place)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(value, self._count - before)
        return value

    def _repeat(self, anchor: str, place: KeyPath, line: int) -> Any:
        if anchor not in self._anchors:
            raise self._error(line, f"{format_place(place)} repeats *{anchor}, which names nothing; write it out")
        anchored = self._anchors[anchor]
        if anchored is None:
            raise self._error(line, f"{format_place(place)} refers to itself; write the value out")
        self._count_values(anchored.size, line)
        return anchored.value

    def _list(self, place: KeyPath) -> list[Any]:
        values: list[Any] = []
        while not self._loader.check_event(yaml.SequenceEndEvent):
            values.append(self._value((*place, len(values))))
        self._next()
        return values

    def _mapping(self, place: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        while not self._loader.check_event(yaml.MappingEndEvent):
            event = self._next()
            key = self._key(event, place)
            here, line = (*place, key), _line(event)
            if key in values:
                text = f"stands twice, first in line {self._lines[here]}; keep one of them"
                raise self._error(line, f"{format_place(here)} {text}")
            self._lines[here] = line
            values[key] = self._value(here)
        self._next()
        return values

    def _key(self, event: Any, place: KeyPath) -> str:
        holder = format_place(place) or "the declaration"
        if not isinstance(event, yaml.ScalarEvent):
            raise self._error(_line(event), f"{holder} has a key that is not text; write a plain name")
        key = self._scalar(event, place, key=True)
        if not isinstance(key, str):
            said = f"has the key {event.value}, which is not text; write it in quotes"
            raise self._error(_line(event), f"{holder} {said if event.value else 'has an empty key; write a name'}")
        return key

    def _scalar(self, event: Any, place: KeyPath, *, key: bool = False) -> Scalar:
        self._refuse_tag(event)
        if not event.implicit[0]:
            return str(event.value)
        try:
            return read_plain(event.value, is_key=key)
        except AmbiguousScalarError as error:
            said = f"{format_place(place) or 'the declaration'} {'has the key' if key else 'is'} {error}"
            raise self._error(_line(event), said) from None

    def _refuse_tag(self, event: Any) -> None:
        if event.tag is None:
            return
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        cure = "write the value without it, text in quotes" if tag.startswith("!!") else "write the long form"
        example = "" if tag.startswith("!!") else ", e.g. {Ref: Queue}"
        raise self._error(_line(event), f"the tag {tag} is not supported here; {cure}{example}")

    def _count_values(self, number: int, line: int) -> None:
        self._count += number
        if self._count > VALUES_MAX:
            said = f"holds more than {VALUES_MAX} values, with what aliases (*name) repeat; use fewer aliases"
            raise self._error(line, said)

    def _too_deep(self) -> ConfigError:
        return ConfigError(f"{self._name}: nested deeper than {DEPTH_MAX} levels; write it flatter")

    def _error(self, line: int, text: str) -> ConfigError:
        return ConfigError(f"{self._name}:{line}: {text}")


class _Anchored(NamedTuple):
    """A value that aliases may repeat; `size` counts what it holds."""

    value: Any
    size: int


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
