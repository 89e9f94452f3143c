"""The values of which more can be said than that they change: how long work takes, and what it costs.

No price is named: prices differ by region and change; what AWS charges for does not.
Sources: the resource types' own pages for the defaults; the services' pricing pages for what is charged.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from ceap.cfn import lookup
from ceap.cfn.lookup import FUNCTION_DEFAULT_S, Machine, Resource, at, number, resource
from ceap.cfn.template import Template
from ceap.deploy.diff.change import Topic, ValueChanged
from ceap.deploy.diff.fate import subject_of
from ceap.deploy.diff.stages import Stages, stages_of
from ceap.deploy.diff.words import plain
from templates import budget
from templates.model import JOB_DEFAULT_MIN


class _Figure(NamedTuple):
    """A property, its words, its unit, its default, and what a change means for the bill or the time."""

    path: tuple[str, ...]
    topic: Topic
    what: str
    unit: str
    default: Any
    means: str = ""


_DURATION: Final = "Lambda charges memory times duration"
_WORKERS: Final = "Glue charges workers times duration"
_LOGS: Final = "CloudWatch Logs charges what is written"

_FIGURES: Final[Mapping[str, tuple[_Figure, ...]]] = {
    lookup.FUNCTION: (
        _Figure(("Timeout",), Topic.TIME, "a call may take", " s", FUNCTION_DEFAULT_S),
        _Figure(("ReservedConcurrentExecutions",), Topic.TIME, "calls at a time", "", "no limit"),
        _Figure(("MemorySize",), Topic.COST, "memory", " MB", 128, _DURATION),
        _Figure(("EphemeralStorage", "Size"), Topic.COST, "storage in /tmp", " MB", 512, "above 512 MB it is charged"),
        _Figure(("Architectures",), Topic.COST, "processor", "", ["x86_64"], "arm64 and x86_64 have different prices"),
    ),
    lookup.JOB: (
        _Figure(("Timeout",), Topic.TIME, "a run may take", " min", JOB_DEFAULT_MIN),
        _Figure(("NumberOfWorkers",), Topic.COST, "workers", "", "unset", _WORKERS),
        _Figure(("WorkerType",), Topic.COST, "kind of worker", "", "unset", _WORKERS),
        _Figure(("ExecutionClass",), Topic.COST, "execution class", "", "STANDARD", "FLEX costs less and may wait"),
    ),
    lookup.MACHINE: (
        _Figure(
            ("StateMachineType",),
            Topic.COST,
            "type",
            "",
            "STANDARD",
            ("STANDARD is charged by state transitions, EXPRESS by requests, and memory times duration"),
        ),
        _Figure(("LoggingConfiguration", "Level"), Topic.COST, "log level", "", "OFF", _LOGS),
    ),
    lookup.PIPE: (_Figure(("LogConfiguration", "Level"), Topic.COST, "log level", "", "OFF", _LOGS),),
    lookup.QUEUE: (
        _Figure(("VisibilityTimeout",), Topic.TIME, "a received message is hidden for", " s", 30),
        _Figure(("DelaySeconds",), Topic.TIME, "a new message is hidden for", " s", 0),
        _Figure(("RedrivePolicy", "maxReceiveCount"), Topic.TIME, "receives before the dead-letter queue", "", "any"),
    ),
    lookup.TABLE: (
        _Figure(("BillingMode",), Topic.COST, "billing", "", "PROVISIONED", "by request, or by provisioned capacity"),
    ),
    lookup.SCHEDULE: (
        _Figure(("ScheduleExpression",), Topic.COST, "starts", "", "never", "each start is an execution"),
    ),
}


def figure_changes(old: Template, new: Template) -> Iterator[ValueChanged]:
    """Yield what changes in time and cost between two templates of a stack that stays."""
    for after in lookup.resources(new, *_FIGURES):
        before = resource(old, after.logical_id)
        if before and before.type == after.type:
            yield from _resource_changes(new, before, after)
    machines = stages_of(old), stages_of(new)
    for name in machines[0].keys() & machines[1].keys():
        yield from _machine_changes((old, machines[0][name]), (new, machines[1][name]))
    for kind, what in ((lookup.ALARM, "alarms"), (lookup.DASHBOARD, "dashboards")):
        were, are = (str(len(list(lookup.resources(template, kind)))) for template in (old, new))
        yield from _turned(Topic.COST, what, were, are, "CloudWatch charges each by the month")


def _turned(topic: Topic, what: str, old: str, new: str, means: str = "") -> Iterator[ValueChanged]:
    if old != new:
        yield ValueChanged(topic, None, what, old, new, means)


def _resource_changes(new: Template, old: Resource, resource: Resource) -> Iterator[ValueChanged]:
    for figure in _FIGURES[resource.type]:
        before, after = (_value(side, figure) for side in (old, resource))
        if before != after:
            yield ValueChanged(figure.topic, subject_of(new, resource), figure.what, before, after, figure.means)


def _value(resource: Resource, figure: _Figure) -> str:
    value = at(resource.properties, *figure.path)
    value = figure.default if value is None else value
    return f"{plain(value)}{figure.unit if number(value) is not None else ''}"


def _machine_changes(old: tuple[Template, Stages], new: tuple[Template, Stages]) -> Iterator[ValueChanged]:
    """Yield the times that an execution may take, and how its stages are retried."""
    was, now = old[1].machine, new[1].machine
    yield from _turned(Topic.TIME, "an execution may take", _limit(was), _limit(now))
    allowed = f"EXPRESS allows {budget.EXPRESS_LIMIT_S} s" if now.is_express else ""
    yield from _turned(Topic.TIME, "the functions may take together", _sum(was, old[0]), _sum(now, new[0]), allowed)
    for stage in new[1].runs:
        if stage in old[1].runs:
            before, after = (_retries(machine.states[stage].get("Retry")) for machine in (was, now))
            yield from _turned(Topic.TIME, f"{stage} is retried", before, after)


def _limit(machine: Machine) -> str:
    limit_s = number(machine.definition.get("TimeoutSeconds"))
    return "any time" if limit_s is None else f"{limit_s} s"


def _sum(machine: Machine, template: Template) -> str:
    total_s = machine.functions_s(template)
    return "an unknown time" if total_s is None else f"{total_s} s"


def _retries(retriers: Any) -> str:
    """Return how often a task is tried again, e.g. `2 times from 20 s on after States.ALL`."""
    said = []
    for retrier in lookup.items(retriers):
        errors = ", ".join(map(str, lookup.items(at(retrier, "ErrorEquals"))))
        times, interval_s, rate = (at(retrier, key) for key in ("MaxAttempts", "IntervalSeconds", "BackoffRate"))
        if times != 0:
            said.append(f"{times} times from {interval_s} s on, each wait {rate} times as long, after {errors}")
    return "; ".join(said) or "never"
