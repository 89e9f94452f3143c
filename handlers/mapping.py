"""From a source record to the fields of a candidate: field mappings and the types of their values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

FieldType: TypeAlias = Literal["string", "number", "integer", "boolean", "time", "object"]


class FieldMapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a field's value stands in a record: a dotted path such as `customer.id`, and what it must be.

    A `time` is ISO 8601 or epoch milliseconds; one without a zone is in UTC.
    """

    source: str
    type: FieldType = "string"
    required: bool = False
    default: Any = None


TARGETS: Final[Mapping[str, FieldMapping]] = {
    "customerId": FieldMapping(source="customerId", required=True),
    "subjectType": FieldMapping(source="subjectType", required=True),
    "subjectId": FieldMapping(source="subjectId", required=True),
    "subjectMetadata": FieldMapping(source="subjectMetadata", type="object"),
    "programId": FieldMapping(source="programId"),
    "marketplace": FieldMapping(source="marketplace"),
    "eventDate": FieldMapping(source="eventDate", type="time", required=True),
    "deliveryDate": FieldMapping(source="deliveryDate", type="time"),
    "timingWindow": FieldMapping(source="timingWindow"),
    "orderValue": FieldMapping(source="orderValue", type="number"),
    "mediaEligible": FieldMapping(source="mediaEligible", type="boolean"),
    "channelEligibility": FieldMapping(source="channelEligibility", type="object"),
    "emailEligible": FieldMapping(source="emailEligible", type="boolean"),
    "smsEligible": FieldMapping(source="smsEligible", type="boolean"),
    "pushEligible": FieldMapping(source="pushEligible", type="boolean"),
    "sourceVersion": FieldMapping(source="sourceVersion", type="integer"),
}


def check_targets(mappings: Mapping[str, FieldMapping]) -> None:
    """Check that mappings name fields of a candidate.

    Raises:
        ValueError: One does not.
    """
    for target in mappings:
        if target not in TARGETS:
            raise ValueError(
                f"mappings: {target!r} is no field of a candidate; allowed are {', '.join(sorted(TARGETS))}"
            )
