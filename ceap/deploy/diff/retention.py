"""How long data is kept, and whether a change keeps it for a shorter time: what is older is then deleted, for good.

Sources: AWS::Logs::LogGroup, AWS::SQS::Queue, AWS::S3::Bucket Rule, AWS::DynamoDB::Table.
"""

from collections.abc import Callable, Iterator, Mapping
from math import inf
from typing import Any, Final, NamedTuple

from ceap.cfn.lookup import BUCKET, LOG_GROUP, QUEUE, TABLE, Resource, at, items, number, resource, resources
from ceap.cfn.template import Template
from ceap.deploy.diff.change import Topic, ValueChanged
from ceap.deploy.diff.fate import subject_of
from ceap.deploy.diff.words import plain
from templates.words import plural

_DAY_S: Final = 24 * 3600
_UNITS: Final = ((_DAY_S, "day"), (3600, "hour"), (60, "minute"))
_QUEUE_DEFAULT_S: Final = 4 * _DAY_S
_BACKUPS_DEFAULT: Final = 35
"""Days. Source: AWS::DynamoDB::Table PointInTimeRecoverySpecification."""


class _Kept(NamedTuple):
    """How long, in days, and in words; None where only the deployment knows."""

    days: float | None
    said: str


_FOREVER: Final = _Kept(inf, "for ever")


def retention_changes(old: Template, new: Template) -> Iterator[ValueChanged]:
    """Yield what is kept for another time: a shorter one deletes data, a longer one costs."""
    for after in resources(new, *_READERS):
        before = resource(old, after.logical_id)
        if before is None or before.type != after.type:
            continue
        was, now = (_READERS[after.type](side) for side in (before, after))
        for what in dict.fromkeys((*was, *now)):
            kept, keeps = was.get(what, _FOREVER), now.get(what, _FOREVER)
            if kept != keeps:
                topic, means = _judged(kept, keeps)
                yield ValueChanged(topic, subject_of(new, after), f"{what} kept", kept.said, keeps.said, means)


def _judged(kept: _Kept, keeps: _Kept) -> tuple[Topic, str]:
    if kept.days is None or keeps.days is None:
        return Topic.RETENTION, "whether that is shorter is known only at the deployment"
    if keeps.days > kept.days:
        return Topic.COST, "what is kept is charged"
    return Topic.RETENTION, "what is older is deleted, for good"


def _days(value: Any, unit_s: int = _DAY_S) -> _Kept:
    """Return how long a number of days, or of another unit in seconds, is."""
    given = number(value)
    if given is None:
        return _Kept(None, plain(value))
    seconds = given * unit_s
    length, noun = next(((size, noun) for size, noun in _UNITS if seconds % size == 0), (1, "second"))
    return _Kept(seconds / _DAY_S, f"for {plural(int(seconds // length), noun)}")


def _of_log_group(group: Resource) -> dict[str, _Kept]:
    value = group.properties.get("RetentionInDays")
    return {"log events are": _FOREVER if value is None else _days(value)}


def _of_queue(queue: Resource) -> dict[str, _Kept]:
    return {"messages are": _days(queue.properties.get("MessageRetentionPeriod", _QUEUE_DEFAULT_S), unit_s=1)}


def _of_bucket(bucket: Resource) -> dict[str, _Kept]:
    rules = items(at(bucket.properties, "LifecycleConfiguration", "Rules"))
    kept: dict[str, _Kept] = {}
    for rule in rules:
        if at(rule, "Status") == "Enabled" and at(rule, "ExpirationInDays") is not None:
            kept[f"objects under {plain(at(rule, 'Prefix') or 'any key')} are"] = _days(at(rule, "ExpirationInDays"))
    return kept


def _of_table(table: Resource) -> dict[str, _Kept]:
    expiry = at(table.properties, "TimeToLiveSpecification")
    recovery = at(table.properties, "PointInTimeRecoverySpecification")
    is_on = at(recovery, "PointInTimeRecoveryEnabled") is True
    backups = _days(at(recovery, "RecoveryPeriodInDays") or _BACKUPS_DEFAULT) if is_on else _Kept(0, "not")
    kept = {"backups of each second are": backups}
    if at(expiry, "Enabled") is True:
        kept["items are"] = _Kept(1, f"until the time in {plain(at(expiry, 'AttributeName'))}")
    return kept


_READERS: Final[Mapping[str, Callable[[Resource], dict[str, _Kept]]]] = {
    LOG_GROUP: _of_log_group,
    QUEUE: _of_queue,
    BUCKET: _of_bucket,
    TABLE: _of_table,
}
