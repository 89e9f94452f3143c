"""From a source record to the fields of a candidate: field mappings and the types of their values."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, Final, Literal, TypeAlias, assert_never

import msgspec

from handlers.runtime.records import BadRecordError

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

FieldType: TypeAlias = Literal["string", "number", "integer", "boolean", "time", "object"]


class _NotATimeError(ValueError):
    """What a number is instead of a time, without its digits."""


class FieldMapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The place of a field's value in a record, and its type.

    `source` is a key of the record, e.g. the name of a column, dots included; if the record has no such key, it is a
    dotted path into nested objects. The fields of a candidate have their types; for `subjectMetadata.NAME`, any name,
    the default is `string`. A `time` is ISO 8601 or epoch milliseconds; one without a zone is in UTC.
    """

    source: str
    type: FieldType | None = None
    required: bool = False
    default: Any = None


# What a number of so many digits is instead of epoch milliseconds, which have 11 to 13 digits from 1970-04-26 to 2286.
_OTHER_TIMES: Final = {
    5: "may be a day number of Excel",
    8: "may be a date without hyphens",
    9: "is in seconds",
    10: "is in seconds",
    12: "may be a date and time without separators",
    14: "may be a date and time without separators",
    15: "is in microseconds",
    16: "is in microseconds",
    18: "is in nanoseconds",
    19: "is in nanoseconds",
}
# Milliseconds that may be a date and time from 2000 to 2099.
_SUMMER_OF_1976: Final = range(200001010000, 210000000000)
_DATE_OF_12_DIGITS: Final = re.compile(r"20\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])[0-5]\d")
_TIME_CURE: Final = "write epoch milliseconds (11 to 13 digits), or ISO 8601"
# How reasons call the types, as they must not quote values.
_TYPE_NAMES: Final[Mapping[FieldType, str]] = {
    "string": "a text or a whole number",
    "number": "a finite number",
    "integer": "a whole number",
    "boolean": "true or false",
    "time": f"a time; {_TIME_CURE}",
    "object": "an object",
}

METADATA_PREFIX: Final = "subjectMetadata."

TARGETS: Final[Mapping[str, FieldMapping]] = {
    "customerId": FieldMapping(source="customerId", type="string", required=True),
    "subjectType": FieldMapping(source="subjectType", type="string", required=True),
    "subjectId": FieldMapping(source="subjectId", type="string", required=True),
    "subjectMetadata": FieldMapping(source="subjectMetadata", type="object"),
    "programId": FieldMapping(source="programId", type="string"),
    "marketplace": FieldMapping(source="marketplace", type="string"),
    "eventDate": FieldMapping(source="eventDate", type="time", required=True),
    "deliveryDate": FieldMapping(source="deliveryDate", type="time"),
    "timingWindow": FieldMapping(source="timingWindow", type="string"),
    "orderValue": FieldMapping(source="orderValue", type="number"),
    "mediaEligible": FieldMapping(source="mediaEligible", type="boolean"),
    "channelEligibility": FieldMapping(source="channelEligibility", type="object"),
    "emailEligible": FieldMapping(source="emailEligible", type="boolean"),
    "smsEligible": FieldMapping(source="smsEligible", type="boolean"),
    "pushEligible": FieldMapping(source="pushEligible", type="boolean"),
    "sourceVersion": FieldMapping(source="sourceVersion", type="integer"),
}


def check_mappings(mappings: Mapping[str, FieldMapping]) -> None:
    """Check that mappings name fields of a candidate, with their types; ValueError if one does not."""
    for target, mapping in mappings.items():
        if target.startswith(METADATA_PREFIX):
            continue
        field = TARGETS.get(target)
        if field is None:
            allowed = ", ".join([*TARGETS, f"{METADATA_PREFIX}NAME"])
            raise ValueError(f"mappings: {target!r} is not a field of a candidate; allowed: {allowed}")
        if mapping.type not in (None, field.type):
            raise ValueError(
                f"mappings: {target} has type {mapping.type}, but it is of type {field.type}; leave the type out"
            )


def merge_mappings(base: Mapping[str, FieldMapping], own: Mapping[str, FieldMapping]) -> dict[str, FieldMapping]:
    """Return `base` with what `own` replaces: a field keeps its type, and one that is required stays so."""
    merged = dict(base)
    for target, mapping in own.items():
        field = TARGETS.get(target, mapping)
        required = field.required or mapping.required
        merged[target] = msgspec.structs.replace(mapping, type=field.type, required=required)
    return merged


def extract_fields(record: Mapping[str, Any], mappings: Mapping[str, FieldMapping]) -> dict[str, Any]:
    """Return the fields of a record; BadRecordError if a required one is missing, or one has a wrong type."""
    fields = {}
    for target, mapping in mappings.items():
        source = mapping.source
        value = record.get(source)
        if value is None and "." in source and source not in record:
            value = _follow(record, source)
        if value is None or value == "":
            value = mapping.default
        if value is None:
            if mapping.required:
                raise BadRecordError(f"{_code(target)}_MISSING", f"{source} is missing")
            continue
        kind = mapping.type or "string"
        try:
            fields[target] = _convert(value, kind)
        except _NotATimeError as error:
            raise BadRecordError(f"{_code(target)}_INVALID", f"{source} is wrong: {error}") from error
        except (ValueError, OverflowError) as error:
            raise BadRecordError(f"{_code(target)}_INVALID", f"{source} is not {_TYPE_NAMES[kind]}") from error
    return fields


def _follow(record: Mapping[str, Any], path: str) -> Any:
    value: Any = record
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def _convert(value: Any, kind: FieldType) -> Any:
    match kind:
        case "string":
            # Numbers are common ids; msgspec would refuse them.
            return str(value) if type(value) is int else msgspec.convert(value, str)
        case "number":
            number = msgspec.convert(value, float, strict=False)
            if not isfinite(number):
                raise ValueError
            return number
        case "integer":
            return msgspec.convert(value, int, strict=False)
        case "boolean":
            return msgspec.convert(value, bool, strict=False)
        case "time":
            return parse_time(value)
        case "object":
            return msgspec.convert(value, dict[str, Any])
        case _:
            assert_never(kind)


def parse_time(value: Any) -> datetime:
    """Return a time in UTC, from ISO 8601 (UTC if it names no zone) or epoch milliseconds, also written as text.

    Raises:
        ValueError, OverflowError: It is neither; a number counts as milliseconds if it has their digits.
    """
    if isinstance(value, str) and re.fullmatch(r"-?\d{9,19}", value):
        value = int(value)
    if isinstance(value, str):
        time = datetime.fromisoformat(value)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    number = msgspec.convert(value, int)
    if not 10**10 <= abs(number) < 10**13 or (number in _SUMMER_OF_1976 and _DATE_OF_12_DIGITS.fullmatch(str(number))):
        digits = len(str(abs(number)))
        what = _OTHER_TIMES.get(digits, "is not in milliseconds")
        raise _NotATimeError(f"a number of {digits} digit{'s' * (digits > 1)} {what}; {_TIME_CURE}")
    return EPOCH + timedelta(milliseconds=number)


def _code(target: str) -> str:
    """Return e.g. CUSTOMER_ID for customerId; all metadata share one, as codes are few."""
    target = target.partition(".")[0]
    return re.sub(r"(?=[A-Z])", "_", target).upper()
