"""Reading a YAML declaration: plain data, and the line of every place in it."""

import re
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
import yaml

from templates.errors import ConfigError

DEPTH_MAX: Final = 100

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
        return ConfigError(f"{where}: {format_place(place)} {text}".replace(":  ", ": "))


class _Loader(yaml.CSafeLoader):
    """YAML without time stamps: a policy's `Version: 2012-10-17` and a setting's date stay the text they are."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML's own declaration)
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


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
        _refuse_depth(text, name)
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            raise ConfigError(f"{name}: the file is empty; declare at least name, type and steps")
        lines: dict[KeyPath, int] = {}
        _walk(node, (), name, lines, ())
        return Source(name, loader.construct_document(node), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        raise ConfigError(f"{where}: {_yaml_problem(error)}") from None
    except yaml.YAMLError:
        raise ConfigError(f"{name}: not a text file; a declaration is YAML") from None


def _yaml_problem(error: yaml.MarkedYAMLError) -> str:
    if isinstance(error, yaml.composer.ComposerError) and "single document" in str(error.context):
        return "a second document begins here; keep one workflow per file"
    if tag := re.fullmatch("could not determine a constructor for the tag '(!.*)'", str(error.problem)):
        return f"the tag {tag[1]} is not supported here; write the long form, e.g. {{Ref: Queue}}"
    return f"not YAML: {error.problem}; correct the syntax"


def _refuse_depth(text: str, name: str) -> None:
    """Refuse deep nesting, on which libyaml's composer would overflow the stack of the process."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH_MAX:
            raise ConfigError(f"{name}: nested deeper than {DEPTH_MAX} levels; write it flatter")


def _walk(node: yaml.Node, place: KeyPath, name: str, lines: dict[KeyPath, int], above: tuple[yaml.Node, ...]) -> None:
    """Record the line of each place; refuse repeated keys, which YAML would drop, and nodes that hold themselves."""
    line = node.start_mark.line + 1
    lines.setdefault(place, line)
    if node in above:
        raise ConfigError(f"{name}:{line}: {format_place(place)} refers to itself; write the value out")
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*place, index), name, lines, (*above, node))
    elif isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            here, at = (*place, str(key.value)), key.start_mark.line + 1
            if key.value in seen:
                text = f"stands twice, first in line {seen[key.value]}; keep one of them"
                raise ConfigError(f"{name}:{at}: {format_place(here)} {text}")
            seen[str(key.value)] = lines[here] = at
            _walk(value, here, name, lines, (*above, node))
