"""All names of a workflow begin with the name of its stack, `{StackName}-${Environment}`.

People find resources by it, grants spell it out, and two stacks share no name. P38_NAMES, a Guard rule, rejects fixed
names.
Source: property 38; requirements 1.1 and 10.2.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from ceap.cfn.lookup import (
    ALARM,
    DASHBOARD,
    EVENT_RULE,
    FUNCTION,
    JOB,
    MACHINE,
    NAME_PROPERTY,
    PIPE,
    QUERY_DEFINITION,
    QUEUE,
    SCHEDULE,
    SCHEDULE_GROUP,
    at,
    handler_of,
    has_generated_name,
    log_group_of,
    resources,
)
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from templates import naming

RULE: Final = "P38_ONE_STACK_NAME"
ENTRY: Final = Entry(
    title="All names of a workflow begin with the name of its stack",
    why="People find resources by it, grants spell it out, and two stacks share no name.",
    fix="Begin the name with `{StackName}-${Environment}`, e.g. `FunctionName: !Sub ceap-orders-${Environment}-ETL`.",
    property=38,
    requirement=("1.1", "10.2"),
    source="docs/reference/requirements.md#properties",
)

_WHOLE: Final = (MACHINE, PIPE, DASHBOARD)
_NAMED: Final = (*_WHOLE, FUNCTION, JOB, QUEUE, ALARM, EVENT_RULE, SCHEDULE, SCHEDULE_GROUP, QUERY_DEFINITION)
_ENVIRONMENT: Final = "-${Environment}"
_SERVICE: Final = ("Environment", "Variables", "POWERTOOLS_SERVICE_NAME")


def check(template: Template) -> Iterator[Fault]:
    named = [(resource, resource.name) for resource in resources(template, *_NAMED) if resource.name is not None]
    bases = Counter(name.partition(_ENVIRONMENT)[0] for _, name in named if _ENVIRONMENT in name)
    if len(list(resources(template, MACHINE))) != 1 or not bases:
        return  # no workflow, or several
    base = bases.most_common(1)[0][0]
    stack = base + _ENVIRONMENT
    for resource, name in named:
        is_whole, mark = resource.type in _WHOLE, "/" if resource.type == QUERY_DEFINITION else "-"
        if not (name == stack if is_whole else name.startswith(stack + mark)):
            place = resource.path(NAME_PROPERTY[resource.type])
            fix = f"{stack}{'' if is_whole else f'{mark} and what it is'}"
            yield Fault(place, f"{name} is not named after its stack", fix)
        service = at(resource.properties, *_SERVICE)
        if handler_of(resource) and (service is None or isinstance(service, str)) and service != base:
            what = f"the function logs as {service or 'no service'}"
            yield Fault(resource.path(*_SERVICE), what, f"{_SERVICE[-1]}: {base}")
    yield from _log_group_faults(template, f"{naming.FUNCTION_LOGS}{stack}-")


def _log_group_faults(template: Template, beginning: str) -> Iterator[Fault]:
    """Yield the log groups of functions without a name that begin otherwise; P01_FUNCTION_LOG_GROUP judges others."""
    for function in resources(template, FUNCTION):
        group = log_group_of(template, function) if has_generated_name(template, function) else None
        if group and group.name is not None and not group.name.startswith(beginning):
            what = f"{group.name} is not named after its stack"
            yield Fault(group.path(NAME_PROPERTY[group.type]), what, f"{beginning} and what it is")
