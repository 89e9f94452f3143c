"""Records: why a stage rejects one, and the check of those that it yields, for which it is blamed."""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from math import isfinite
from types import UnionType
from typing import Any, Final, NoReturn, Union, get_args, get_origin

import msgspec

from handlers.runtime.contract import PermanentStageError

RECORD_BYTES: Final = 16 * 1024 * 1024
"""The limit of a record as JSON: a reader holds it in memory."""
NESTING_MAX: Final = 64
"""How many objects and lists may stand in one another in a record, which is the outermost."""

# What msgspec would write as text or a list, from which no reader could tell what it was; with the cures.
_UNFIT: Final = {
    Decimal: "write float(value) or str(value)",
    bytes: "decode it to text",
    bytearray: "decode it to text",
    set: "write a sorted list",
    frozenset: "write a sorted list",
    msgspec.Raw: "decode it",
}
_PLAIN: Final = {str, int, bool, type(None)}
_CONTAINERS: Final = (dict, list, tuple)
# What msgspec quotes of the values that it refuses.
_QUOTED: Final = re.compile(r""" ['"].*$""", re.DOTALL)
_UNKNOWN_FIELD: Final = "Object contains unknown field"
_ENCODE_ERRORS: Final = (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError)


class BadRecordError(ValueError):
    """A stage cannot take a record: a code to count by, and a sentence without values of the record."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def encode_record(record: object, nesting_max: int = NESTING_MAX) -> bytes:
    """Return a record as JSON; BadRecordError if it nests objects and lists deeper than so many levels."""
    try:
        encoded = msgspec.json.encode(record)
        # Most records have too few brackets to be nested that deep.
        may_be_deep = encoded.count(b"{") + encoded.count(b"[") > nesting_max
        is_deep = may_be_deep and find_fault(msgspec.json.decode(encoded), NESTING_MAX - nesting_max) is not None
    except RecursionError:
        is_deep = True
    if is_deep:
        raise BadRecordError(
            "NESTING_TOO_DEEP", f"it nests objects and lists deeper than {nesting_max} levels; flatten it"
        )
    return encoded


def describe_mismatch(error: Exception) -> str:
    """Return why JSON is wrong, or not of a type, and where in it, without values or names that may be a customer's."""
    said = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return said
    if error.__cause__:  # a check of the Struct's own may say anything
        return "its class refuses it" + said.removeprefix(str(error.__cause__))
    if said.startswith(_UNKNOWN_FIELD):
        return _UNKNOWN_FIELD
    text, at, place = said.rpartition(" - at `$")
    return _QUOTED.sub("", text or said) + at + (place if at else "")


class RecordEncoder:
    """Encodes the records of a stage as lines of JSON, and refuses what is not of the type that it declares.

    `yields` is that type: a Struct, a dict, or a union of them; with Any, both.
    """

    def __init__(self, stage: str, yields: Any) -> None:
        self._stage = stage
        self._yields = yields
        self._classes = _classes(yields)
        self._seen: set[type] = set()
        self._has_dicts = False
        self._encoder = msgspec.json.Encoder()

    def encode(self, records: list[Any], first: int) -> bytes:
        """Return records as lines, with a comma and LF between; `first` is the number of the first.

        Raises:
            PermanentStageError: A record is of another type, holds what JSON cannot, or is larger than 16 MiB.
        """
        for kind in {*map(type, records)} - self._seen:
            if not issubclass(kind, self._classes):
                self._refuse_type(kind, first + [*map(type, records)].index(kind))
            self._seen.add(kind)
            self._has_dicts = self._has_dicts or issubclass(kind, dict)
        try:
            lines = self._encoder.encode_lines(records)
        except _ENCODE_ERRORS:
            self._check(records, first)
            raise
        # NaN is written as null. The values of a dict are of no declared type; those of a Struct are.
        if self._has_dicts or len(lines) > RECORD_BYTES or lines.rfind(b"null") >= 0:
            self._check(records, first, has_large=len(lines) > RECORD_BYTES)
        return lines[:-1].replace(b"\n", b",\n")  # no other line breaks: JSON escapes them

    def _check(self, records: Iterable[Any], first: int, *, has_large: bool = True) -> None:
        for number, record in enumerate(records, first):
            try:
                fault = find_fault(record) or (_find_size(self._encoder.encode(record)) if has_large else None)
            except UnicodeEncodeError:
                fault = "holds text that is not Unicode (half of a surrogate pair); correct it"
            except _ENCODE_ERRORS as error:
                fault = f"has no JSON form: {error}; correct it"
            if fault:
                self._refuse(number, fault)

    def _refuse_type(self, kind: type, number: int) -> NoReturn:
        wanted = type_name(self._yields)
        cure = f"yield each record as {wanted}"
        if issubclass(kind, (dict, msgspec.Struct)):
            cure += f", or declare what the stage makes, e.g. `yields = {kind.__name__}`"
        self._refuse(number, f"is of type {kind.__name__}, not {wanted}; {cure}")

    def _refuse(self, number: int, fault: str) -> NoReturn:
        raise PermanentStageError(f"record {number} that {self._stage} yields {fault}")


def check_results(results: object, stage: str) -> Iterator[Any]:
    """Return what process_data returned if records can be taken from it one by one; else PermanentStageError."""
    if isinstance(results, Iterator):
        return results
    said = "None" if results is None else f"an object of type {type(results).__name__}, not a generator"
    raise PermanentStageError(
        f"process_data of {stage} returned {said}; yield each record instead (`yield record`), and where there is none "
        "to yield, `yield from ()`"
    )


def find_fault(value: Any, depth: int = 0) -> str | None:
    """Return what JSON cannot hold in a value, or would change, with the cure; None if there is nothing."""
    kind = type(value)
    if kind in _PLAIN:
        return None
    if isinstance(value, _CONTAINERS):
        return _find_inside(value, depth)
    if kind is float:
        return None if isfinite(value) else f"holds the number {value}, which JSON has not; leave it out"
    unfit = next((cure for unfit, cure in _UNFIT.items() if isinstance(value, unfit)), None)
    if unfit:
        return f"holds a value of type {kind.__name__}, which JSON has not; {unfit}"
    return find_fault(msgspec.to_builtins(value), depth)  # what a Struct declares has a form, also a Decimal


def _find_inside(value: Any, depth: int) -> str | None:
    if depth == NESTING_MAX:
        return f"nests objects and lists deeper than {NESTING_MAX} levels; flatten it"
    if isinstance(value, dict):
        for key in value:
            if type(key) is not str:
                return f"has a key of type {type(key).__name__}; keys are texts"
        value = value.values()
    # No call for what needs none: of a stage with dicts this is a fifth of the time.
    for inner in value:
        kind = type(inner)
        if kind in _PLAIN or (kind is float and isfinite(inner)):
            continue
        find = _find_inside if kind is dict or kind is list else find_fault
        if fault := find(inner, depth + 1):
            return fault
    return None


def _find_size(encoded: bytes) -> str | None:
    if len(encoded) <= RECORD_BYTES:
        return None
    return f"has {len(encoded)} bytes of JSON, at most {RECORD_BYTES} are allowed; split it, or keep it in an object"


def type_name(kind: Any) -> str:
    """Return how messages call a type of records."""
    return " or ".join(member.__name__ for member in _classes(kind))


def _classes(kind: Any) -> tuple[type, ...]:
    """Return the classes of a type: of each member of a union, and without parameters."""
    if kind is Any:
        return dict, msgspec.Struct
    members = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    return tuple(get_origin(member) or member for member in members)
