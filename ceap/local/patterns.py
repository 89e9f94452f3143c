"""Texts of policies, with wildcards and variables: read when a policy is deployed, compared on every call.

Source: IAM User Guide, "Variables and tags", "IAM JSON policy elements: Resource" and "Condition operators".
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from typing import Final, TypeAlias

import msgspec

Context: TypeAlias = Mapping[str, str]
"""The values of the condition keys of one request, by the keys' names in lower case."""

ARN_COLONS: Final = 5
_VARIABLE: Final = re.compile(r"\$\{([^{}]*)\}")
_INNER: Final = re.compile(r"(?P<key>[^\s,']+)(?:, '(?P<default>[^']*)')?")
_SPECIAL: Final = re.compile(r"[*?\\]")


class PolicyError(ValueError):
    """A policy that AWS refuses or the local engine does not model; the message says where, what, and the cure."""

    def __init__(self, place: str, text: str) -> None:
        super().__init__(f"{place}: {text}")


class Variable(msgspec.Struct, frozen=True):
    """A `${key}` or `${key, 'default'}`; the key is in lower case."""

    key: str
    default: str | None


class Pattern(msgspec.Struct, frozen=True):
    r"""A text of a policy: `text` is as written, `parts` are globs, in which `\` stands before a literal `*` or `?`."""

    text: str
    parts: tuple[str | Variable, ...]

    def matches(self, text: str, context: Context, compare: Callable[[str, str], bool]) -> bool | None:
        """Compare the glob, as it is for a request, with a text; None if a variable has no value."""
        if len(self.parts) == 1 and isinstance(self.parts[0], str):
            return compare(self.parts[0], text)
        texts = [part if isinstance(part, str) else _value(part, context) for part in self.parts]
        return None if None in texts else compare("".join(map(str, texts)), text)


def read_pattern(text: str, place: str, *, wild: bool, keys: Collection[str] | None) -> Pattern:
    """Return the pattern of a text; without `wild` its `*` and `?` are literal.

    `keys` are the keys whose values a variable may take; None: the policy's version has no variables.
    """
    pieces = [text] if keys is None else _VARIABLE.split(text)
    parts: list[str | Variable] = []
    for index, piece in enumerate(pieces):
        if index % 2:
            parts.append(_escaped(piece) if piece in {"*", "?", "$"} else _variable(piece, place, keys or ()))
        elif keys is not None and "${" in piece:
            raise PolicyError(place, f"'{text}' has a ${{ without an end")
        else:
            parts.append(piece.replace("\\", r"\\") if wild else _escaped(piece))
    if any(isinstance(part, Variable) for part in parts):
        return Pattern(text, tuple(parts))
    return Pattern(text, ("".join(map(str, parts)),))


@lru_cache(maxsize=4096)
def expression(glob: str, *, by_parts: bool) -> re.Pattern[str]:
    """Return the expression of a glob; `by_parts` keeps a wildcard within its part of an ARN."""
    source, colons, is_literal = "", 0, False
    for char in glob:
        if is_literal or char not in "*?\\":
            source += re.escape(char)
            colons += char == ":"
            is_literal = False
        elif char == "\\":
            is_literal = True
        else:
            source += "[^:]" if by_parts and colons < ARN_COLONS else "."
            source += "*" * (char == "*")
    return re.compile(source, re.DOTALL)


def like(glob: str, text: str) -> bool:
    """Tell whether a text is like a glob, whose `*` stands for any text."""
    return expression(glob, by_parts=False).fullmatch(text) is not None


def arn_like(glob: str, text: str) -> bool:
    """Tell whether an ARN is like a glob, part by part: only in the sixth part `*` and `?` match a colon.

    The glob `*` alone stands for all.
    """
    return glob == "*" or expression(glob, by_parts=True).fullmatch(text) is not None


def any_of(results: Iterable[bool | None]) -> bool | None:
    """Return whether any is true; None if none is, but one is undecided."""
    undecided = False
    for result in results:
        if result:
            return True
        undecided = undecided or result is None
    return None if undecided else False


def _variable(inner: str, place: str, keys: Collection[str]) -> Variable:
    found = _INNER.fullmatch(inner)
    if found is None or ":" not in found["key"]:
        cure = "write ${aws:PrincipalAccount} or ${aws:PrincipalAccount, 'default'}; for a CloudFormation value use Sub"
        raise PolicyError(place, f"${{{inner}}} is not a policy variable; {cure}")
    key = found["key"].lower()
    if key not in map(str.lower, keys):
        raise PolicyError(place, f"the local engine does not model the variable ${{{inner}}}; known: {', '.join(keys)}")
    return Variable(key, found["default"])


def _value(variable: Variable, context: Context) -> str | None:
    value = context.get(variable.key, variable.default)
    return None if value is None else _escaped(value)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)
