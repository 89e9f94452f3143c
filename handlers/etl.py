"""ETL: makes candidates of the records that a message holds or names."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta

from handlers.candidates.candidate import Candidate
from handlers.candidates.candidate_stage import CandidateMessage, CandidateStage
from handlers.candidates.limits import check_limits
from handlers.candidates.mapping import (
    EPOCH,
    METADATA_PREFIX,
    TARGETS,
    FieldMapping,
    check_mappings,
    extract_fields,
    merge_mappings,
)
from handlers.candidates.program import PROGRAM_CONFIG, load_program
from handlers.runtime.context import StageContext
from handlers.runtime.contract import PermanentStageError
from handlers.runtime.metrics import Measures
from handlers.runtime.needs import BucketName, Needs
from handlers.runtime.records import BadRecordError
from handlers.runtime.tally import Share

Days: TypeAlias = Annotated[int, Meta(ge=1, le=36_500)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How records become candidates; a program's own row in the program_config table overrides it.

    `mappings` replaces the source of the fields that it names (`handlers/candidates/mapping.py` lists them with their
    defaults). `max_error_rate` is the fraction of records that may be bad before the stage fails. Events happened at
    most `max_days_since_event` ago and will happen in at most `max_days_until_event`. `source_bucket` is the bucket
    that a message's source may name.
    """

    mappings: dict[str, FieldMapping] = {}
    max_error_rate: Annotated[float, Meta(ge=0, le=1)] = 0.1
    ttl_days: Days = 30
    max_days_since_event: Days = 18_250
    max_days_until_event: Days = 1
    source_connector_id: str = "message"
    source_bucket: BucketName | None = None

    def __post_init__(self) -> None:
        check_mappings(self.mappings)


NEEDS = Needs(settings=Settings, tables={PROGRAM_CONFIG: ("BatchGetItem",)}, bucket_setting="source_bucket")

DISABLED: Final = "PROGRAM_DISABLED"

# The keys of a record that is a candidate already: ETL passes it on, so that ETL may stand anywhere in a workflow.
_CANDIDATE_KEYS: Final = {"customerId", "context", "subject", "attributes", "metadata"}
_ATTRIBUTES: Final = ("eventDate", "deliveryDate", "timingWindow", "orderValue", "mediaEligible")
_CHANNELS: Final = {"emailEligible": "email", "smsEligible": "sms", "pushEligible": "push"}


class ETLStage(CandidateStage[dict[str, Any], Settings]):
    """Bad records do not stop the run: they are rejected, each with its reason, up to `max_error_rate`.

    Bad are also rows of the source that cannot be read as records, and candidates that a later stage could not take.

    Program and marketplace are those of the message, or the record's own where ETL is not first or the message names
    none. Records of a disabled program are rejected, but do not count as bad.
    """

    yields = Candidate

    def process_data(self, records: Iterator[dict[str, Any]], stage: StageContext[Settings]) -> Iterator[Candidate]:
        recipes, bounds = Recipes(stage), Bounds(stage.settings, stage.started_at)
        for record in records:
            try:
                candidate = _transform(record, recipes, bounds, stage)
                check_limits(candidate)
            except BadRecordError as error:
                stage.reject(record, error.code, str(error))
            else:
                yield candidate
        errors, total = stage.rejections, stage.records_in
        del errors[DISABLED]
        if errors.total() > stage.settings.max_error_rate * total:
            listed = ", ".join(f"{code} {number}" for code, number in errors.most_common())
            raise PermanentStageError(
                f"{errors.total()} of {total} records are bad ({listed}), more than max_error_rate "
                f"{stage.settings.max_error_rate} allows; rejected.jsonl has them: correct them or the mappings"
            )

    def measure(self, share: Share) -> Measures:
        return {
            "ProcessedCount": share.records,
            "TransformedCount": share.records_out,
            "ErrorCount": share.rejections.total() - share.rejections[DISABLED],
        }


class Bounds:
    """The times that an event may have, and versions that are times: a wrong one would keep later records out."""

    def __init__(self, settings: Settings, now: datetime) -> None:
        # The version of a candidate, by default the time of its event, is above 0.
        self._earliest = max(now - timedelta(days=settings.max_days_since_event), EPOCH + timedelta(milliseconds=1))
        self._latest = now + timedelta(days=settings.max_days_until_event)
        self._latest_ms = _epoch_ms(self._latest)

    def check_event_date(self, event_date: datetime) -> None:
        """Check the time of an event; BadRecordError if it is too long ago or too far ahead."""
        if self._earliest <= event_date <= self._latest:
            return
        raise BadRecordError(
            "EVENT_DATE_INVALID",
            f"eventDate is not between {self._earliest:%Y-%m-%d} and {self._latest:%Y-%m-%d}, as max_days_since_event "
            "and max_days_until_event say; correct it, or the settings",
        )

    def check_version(self, version: int) -> None:
        """Check a version; BadRecordError if it is above any that a later time in milliseconds has."""
        if version > self._latest_ms:
            raise BadRecordError(
                "SOURCE_VERSION_INVALID",
                f"the version is above {self._latest_ms}, epoch milliseconds of {self._latest:%Y-%m-%d}, so that no "
                "later eventDate could replace it; send a counter, or epoch milliseconds",
            )


class ETLProgram(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the rows of a program say to this stage; without rows a program is enabled."""

    enabled: bool = True
    candidate_ttl_days: Days | None = None
    field_mappings: dict[str, FieldMapping] = {}

    def __post_init__(self) -> None:
        check_mappings(self.field_mappings)


class Recipe(msgspec.Struct, frozen=True):
    """How the records of one program and marketplace become candidates."""

    program: str
    marketplace: str
    enabled: bool
    ttl: timedelta
    mappings: Mapping[str, FieldMapping]


class Recipes:
    """The recipes that a run needs; each program and marketplace is read once."""

    def __init__(self, stage: StageContext[Settings]) -> None:
        self._stage = stage
        self._table = stage.table(PROGRAM_CONFIG.name)
        self._mappings = merge_mappings(TARGETS, stage.settings.mappings)
        self._place_mappings = {
            name: msgspec.structs.replace(self._mappings[name], required=True) for name in ("programId", "marketplace")
        }
        self._known: dict[tuple[str, str], Recipe] = {}

    def find(self, record: Mapping[str, Any]) -> Recipe:
        """Return the recipe of a record; BadRecordError if no program and marketplace is named for it."""
        place = self._place(record)
        if place not in self._known:
            own = load_program(self._table, *place, ETLProgram)
            self._known[place] = Recipe(
                *place,
                enabled=own.enabled,
                ttl=timedelta(days=own.candidate_ttl_days or self._stage.settings.ttl_days),
                mappings=merge_mappings(self._mappings, own.field_mappings),
            )
        return self._known[place]

    def _place(self, record: Mapping[str, Any]) -> tuple[str, str]:
        message = self._stage.message
        if isinstance(message, CandidateMessage) and message.program_id and message.marketplace:
            return message.program_id, message.marketplace
        fields = extract_fields(record, self._place_mappings)
        return fields["programId"], fields["marketplace"]


def _transform(record: dict[str, Any], recipes: Recipes, bounds: Bounds, stage: StageContext[Settings]) -> Candidate:
    if record.keys() >= _CANDIDATE_KEYS:
        candidate = _convert(record)
        bounds.check_event_date(candidate.attributes.event_date)
        bounds.check_version(candidate.metadata.version)
        return candidate
    recipe = recipes.find(record)
    if not recipe.enabled:
        raise BadRecordError(DISABLED, f"program {recipe.program} is disabled in {recipe.marketplace}")
    fields = extract_fields(record, recipe.mappings)
    event_date, now = fields["eventDate"], stage.started_at
    bounds.check_event_date(event_date)
    version = fields.get("sourceVersion")
    if version is None:
        version = _epoch_ms(event_date)
    else:
        bounds.check_version(version)
    return _convert(
        {
            "customerId": fields["customerId"],
            "context": [{"type": "program", "id": recipe.program}, {"type": "marketplace", "id": recipe.marketplace}],
            "subject": _subject(fields),
            "attributes": {name: fields[name] for name in _ATTRIBUTES if name in fields}
            | {"channelEligibility": _channels(fields)},
            "metadata": {
                "createdAt": now,
                "updatedAt": now,
                "expiresAt": now + recipe.ttl,
                "version": version,
                "sourceConnectorId": stage.settings.source_connector_id,
                "workflowExecutionId": stage.execution.execution_id,
            },
        }
    )


def _subject(fields: Mapping[str, Any]) -> dict[str, Any]:
    named = {name.removeprefix(METADATA_PREFIX): fields[name] for name in fields if name.startswith(METADATA_PREFIX)}
    metadata = fields.get("subjectMetadata", {}) | named
    subject = {"type": fields["subjectType"], "id": fields["subjectId"]}
    return subject | {"metadata": metadata} if metadata else subject


def _channels(fields: Mapping[str, Any]) -> dict[str, bool]:
    given: dict[str, bool] | None = fields.get("channelEligibility")
    if given is not None:
        return given
    return {channel: fields[name] for name, channel in _CHANNELS.items() if name in fields} or {"email": True}


def _epoch_ms(time: datetime) -> int:
    return (time - EPOCH) // timedelta(milliseconds=1)


def _convert(fields: Mapping[str, Any]) -> Candidate:
    try:
        return msgspec.convert(fields, Candidate)
    except msgspec.ValidationError as error:
        raise BadRecordError("CANDIDATE_INVALID", f"it is not a valid candidate: {error}") from error


handler = ETLStage(NEEDS)
