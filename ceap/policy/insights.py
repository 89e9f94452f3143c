"""A query of Logs Insights, read as far as checks need it: its commands, and the fields that it expects of the lines.

Only the commands and functions that ceap's queries use are read; a query with others is refused, not guessed at.
Source: CloudWatch Logs User Guide, "CloudWatch Logs Insights language query syntax".
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

COMMANDS: Final = ("display", "fields", "filter", "limit", "parse", "sort", "stats")
FUNCTIONS: Final = ("avg", "count", "ispresent", "max", "min", "strcontains", "strlen", "sum")
_WORDS: Final = frozenset(("and", "asc", "by", "desc", "in", "like", "not", "or"))
_PLACEHOLDER: Final = re.compile(r"\{\{(.*?)\}\}")
_GROUP: Final = re.compile(r"\(\?<(\w+)>")
_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)
    |(?P<text>"[^"\n]*"|'[^'\n]*')
    |(?P<number>\d+(?:\.\d+)?)
    |(?P<name>`[^`\n]+`|@?[A-Za-z_][\w.]*)
    |(?P<pipe>\|)
    |(?P<operator>[-+*/^%=!<>]+|[\[\](),])""",
    re.VERBOSE,
)
_PATTERN: Final = re.compile(r"(?P<pattern>/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])+/)")
"""What stands after `like`, and after the field of `parse`; elsewhere a slash divides."""


class QueryError(ValueError):
    """A query that Logs Insights refuses, or that has parts that are not read here; the message says which."""


class Query(NamedTuple):
    """What a query uses of its lines, and the names of the values that are asked for when it runs."""

    commands: tuple[str, ...]
    fields: frozenset[str]
    placeholders: frozenset[str]


class _Token(NamedTuple):
    kind: str
    text: str


def read_query(text: str) -> Query:
    """Return what a query uses; QueryError if it cannot be read."""
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    commands, fields, made = [], set[str](), set[str]()
    for tokens in _split(list(_tokens(code))):
        if not tokens or tokens[0].text not in COMMANDS:
            raise QueryError(f"{tokens[0].text if tokens else 'nothing'} is not a command; use {', '.join(COMMANDS)}")
        commands.append(tokens[0].text)
        used, new = _names(tokens[1:])
        fields |= used - made
        made |= new
    return Query(tuple(commands), frozenset(fields), frozenset(_PLACEHOLDER.findall(code)))


def _tokens(code: str) -> Iterator[_Token]:
    place, before = 0, ["", ""]
    while place < len(code):
        is_pattern = code[place] == "/" and (before[-1] == "like" or before[-2] == "parse")
        found = (_PATTERN if is_pattern else _TOKEN).match(code, place)
        if found is None or found.lastgroup is None:
            raise QueryError(f"{code[place:].split(maxsplit=1)[0]} cannot be read")
        if found.lastgroup != "space":
            before.append(found[0])
            yield _Token(found.lastgroup, found[0])
        place = found.end()


def _split(tokens: list[_Token]) -> list[list[_Token]]:
    """Return the tokens of each command."""
    parts: list[list[_Token]] = [[]]
    for token in tokens:
        if token.kind == "pipe":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _names(tokens: list[_Token]) -> tuple[set[str], set[str]]:
    """Return the fields that a command uses, and those that it makes by `as` or by a group of a pattern."""
    used, made, depth = set[str](), set[str](), 0
    for index, token in enumerate(tokens):
        after = tokens[index + 1].text if index + 1 < len(tokens) else ""
        depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
        if token.kind == "pattern":
            made |= {*_GROUP.findall(token.text)}
        if token.kind != "name" or token.text.lower() in _WORDS or token.text == "as":
            continue
        if index and tokens[index - 1].text == "as":
            made.add(token.text)
        elif after == "(" and token.text not in FUNCTIONS:
            raise QueryError(f"{token.text} is not a function; use {', '.join(FUNCTIONS)}")
        elif after != "(":
            used.add(token.text.strip("`"))
    if depth:
        raise QueryError("a bracket is open")
    return used, made
