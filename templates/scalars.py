"""Plain scalars of YAML: a value, where versions 1.1 and 1.2 read the same; the reason and the cure, where not.

Editors, PyYAML and CloudFormation's tools read different versions: `060` is 48 to one and 60 to the other.
Sources: yaml.org/type (1.1), yaml.org/spec/1.2.2, "Core Schema".
"""

import math
import re
from typing import Any, Final, TypeAlias

import yaml

Scalar: TypeAlias = str | int | float | bool | None

INTEGER_MAX: Final = 18
"""Characters of an integer; a longer one may not fit the 64 bits that readers of JSON give it."""

_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}
_CONSTANTS: Final = {"": None, "~": None} | {
    text: value for word, value in _WORDS.items() for text in (word, word.capitalize(), word.upper())
}
_NUMBER: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]*([eE][-+][0-9]+)?)?|\.[0-9]+")
_NUMBER_1_2: Final = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_RESOLVER: Final = yaml.resolver.Resolver()
_CONSTRUCTOR: Final = yaml.constructor.SafeConstructor()
_TEXT: Final = "text"
_OTHER_KINDS: Final = {"timestamp": "a date", "merge": "a merge key", "value": "a default value"}
_NO_VALUES: Final = (_TEXT, *_OTHER_KINDS.values())


class AmbiguousScalarError(ValueError):
    """A plain scalar that not every reader reads as the same value of JSON; the message begins with it."""


def read_plain(text: str, *, is_key: bool = False) -> Scalar:
    """Return the value of a scalar without quotes and tag; AmbiguousScalarError if a declaration may not hold it."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _NUMBER.fullmatch(text):
        if "." not in text and len(text) > INTEGER_MAX:
            cure = "write it in quotes" if is_key else "write a shorter one, or it in quotes for the text"
            raise AmbiguousScalarError(f"{_short(text)}, a number of more than {INTEGER_MAX} characters; {cure}")
        number = float(text) if "." in text else int(text)
        if math.isfinite(number):
            return number
    old, new = _read_1_1(text), _read_1_2(text)
    if old == new == _TEXT:
        return text
    readers = f"YAML reads as {old}" if old == new else f"YAML 1.1 reads as {old} and YAML 1.2 as {new}"
    raise AmbiguousScalarError(f"{_short(text)}, which {readers}; {_cure(text, is_key, old, new)}")


def _cure(text: str, is_key: bool, *readings: str) -> str:
    if "a merge key" in readings:
        return "write the merged keys out"
    quoted = f"{_short(text)!r} in quotes"
    if is_key:  # a key is a text
        return f"write {quoted}"
    values = dict.fromkeys(_writable(reading) for reading in readings if reading not in _NO_VALUES)
    return f"write {' or '.join(values)}{', or ' if values else ''}{quoted} for the text"


def _writable(reading: str) -> str:
    """Return how to write the truth value or number that a reader takes a scalar for, so that all read it alike."""
    if reading in ("true", "false"):
        return reading
    # `60` is taken where a fraction is wanted, `60.0` not where a whole number is; `1e+20` is a text to some.
    number = re.sub("^(-?[0-9]+)e", r"\1.0e", reading.removesuffix(".0"))
    is_taken = _NUMBER.fullmatch(number) and ("." in number or len(number) <= INTEGER_MAX)
    return number if is_taken else f"a finite number of at most {INTEGER_MAX} characters"


def _read_1_1(text: str) -> str:
    """Return what YAML 1.1 reads a plain scalar as, in words."""
    if text in ("y", "Y", "n", "N"):  # the specification's; PyYAML reads text
        return "true" if text in "yY" else "false"
    tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False)).removeprefix("tag:yaml.org,2002:")  # type: ignore[no-untyped-call]  # PyYAML's
    match tag:
        case "str":
            return _TEXT
        case "bool":
            return "true" if text.lower() in ("yes", "on") else "false"
        case "int" | "float":
            return _number(tag, text)
        case _:
            return _OTHER_KINDS[tag]


def _number(tag: str, text: str) -> str:
    read: Any = _CONSTRUCTOR.construct_yaml_int if tag == "int" else _CONSTRUCTOR.construct_yaml_float
    try:
        return _short(repr(read(yaml.ScalarNode(tag, text))))
    except (ValueError, OverflowError):  # `0x_` has no digits; Python refuses thousands of them
        return "a number"


def _read_1_2(text: str) -> str:
    """Return what the core schema of YAML 1.2 reads a plain scalar as, in words."""
    if not _NUMBER_1_2.fullmatch(text):
        return _TEXT
    try:
        if text.startswith(("0o", "0x")):
            return _short(repr(int(text, 0)))
        plain = text.lower().replace(".inf", "inf").replace(".nan", "nan")
        return _short(repr(int(text) if re.fullmatch("[-+]?[0-9]+", text) else float(plain)))
    except ValueError:
        return "a number"


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
