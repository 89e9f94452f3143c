"""A function's environment holds what its handler needs, and no variable that changes the SDK or Python below it.

Tables by the names that the foundation exports, for which its role has grants; the event bus where it publishes; the
names of secrets and parameters; settings that its handler takes; the existing function that it calls, by a parameter
that takes the ARN of one function and nothing else, as its role allows what that parameter says. With a fault in them
the first message fails. The AWS SDK, Python and Powertools read variables too: AWS_ENDPOINT_URL sends all data
elsewhere, PYTHONPATH runs other code.
Source: requirement 3.3; `handlers/runtime/needs.py`; AWS SDKs and Tools Reference Guide, "Environment variables".
"""

import re
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import msgspec

from ceap.cfn.lookup import FUNCTION, at, handler_of, imported, pointed_at, resources, text
from ceap.cfn.template import Template
from ceap.iam.arn import resolve
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from handlers.runtime.needs import (
    EVENT_BUS_VARIABLE,
    LEGACY_VARIABLE,
    SETTINGS_VARIABLE,
    Needs,
    parameter_variable,
    secret_variable,
    table_variable,
)
from templates import discovery, naming
from templates.document import parse_json
from templates.environment import SERVICE_VARIABLE, is_obeyed
from templates.model import LEGACY_HANDLER
from templates.placeholders import longest

RULE: Final = "WIRE08_HANDLER_ENVIRONMENT"
ENTRY: Final = Entry(
    title="A function's environment holds what its handler needs",
    why=(
        "With a missing table, another event bus or a misspelt setting the first message fails. If the parameter of an "
        "existing function takes any text, it can let a role invoke every function."
    ),
    fix=(
        "Import each table of the handler's NEEDS, name its event bus, secrets and parameters as there, and set "
        "SETTINGS to JSON that the handler's Settings accept, e.g. `SETTINGS: '{}'`. Declare an existing function as "
        "`legacy`, and run `make templates`."
    ),
    requirement=("3.3",),
    source="https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html",
)

# P38_ONE_STACK_NAME, P35_FUNCTION_LOGS
_JUDGED_ELSEWHERE: Final = (SERVICE_VARIABLE, "POWERTOOLS_LOG_LEVEL", "LOG_LEVEL")

_FUNCTION_ARN_PARAMETER: Final = re.compile(naming.FUNCTION_ARN_PARAMETER)
_EVENT_BUS_PARAMETER: Final = re.compile(naming.EVENT_BUS_PARAMETER)

_NAMES_VALUE: Final = re.compile("(SECRET|PARAMETER)_[A-Z0-9_]+_NAME")

_Fault: TypeAlias = tuple[str, str, str]
"""A variable, what is wrong with it, and the fix."""


def check(template: Template) -> Iterator[Fault]:
    for function in resources(template, FUNCTION):
        handler = handler_of(function)
        variables = at(function.properties, "Environment", "Variables")
        if handler is None or not isinstance(variables, dict | None):
            continue
        needs = discovery.load_needs(handler)
        for variable, what, fix in (
            *_table_faults(template, needs, variables or {}),
            *_value_faults(template, needs, variables or {}),
            *_other_faults(needs, variables or {}),
            *_legacy_faults(handler, variables or {}),
        ):
            yield Fault(function.path("Environment", "Variables", variable), what, fix)
    yield from _parameter_faults(template)


def _table_faults(template: Template, needs: Needs, variables: dict[str, Any]) -> Iterator[_Fault]:
    wanted = {table_variable(table.name): naming.table_id(table.name) for table in needs.tables}
    for variable, table in wanted.items():
        value = variables.get(variable)
        found = pointed_at(template, value)
        is_table = found.logical_id == table if found else imported(value) == naming.export(f"{table}Name")
        if not is_table:
            what = f"{variable} does not name the handler's table"
            yield variable, what, f"import {naming.export(f'{table}Name')}"
    for variable in variables:
        if variable.startswith("TABLE_") and variable not in wanted:
            yield variable, f"the handler does not use {variable}, and its role does not allow it", "remove it"


def _value_faults(template: Template, needs: Needs, variables: dict[str, Any]) -> Iterator[_Fault]:
    wanted = {secret_variable(name): ("secret", name) for name in needs.secrets}
    wanted |= {parameter_variable(name): ("parameter", name) for name in needs.parameters}
    for variable, (kind, name) in wanted.items():
        if variable not in variables or resolve(template, variables[variable]) != name:
            sub = "!Sub " if "${" in name else ""
            yield variable, f"{variable} does not name the handler's {kind} {name}", f"{variable}: {sub}{name}"
    for variable in variables:
        if _NAMES_VALUE.fullmatch(variable) and variable not in wanted:
            field = f"{variable.partition('_')[0].lower()}s"
            what = f"the handler does not declare {variable}, and its role does not allow it"
            yield variable, what, f"remove it, or declare the name in {field} of NEEDS"


def _legacy_faults(handler: str, variables: dict[str, Any]) -> Iterator[_Fault]:
    value = variables.get(LEGACY_VARIABLE)
    if handler != LEGACY_HANDLER and value is not None:
        what = "the handler calls no existing function, and its role does not allow it"
        yield LEGACY_VARIABLE, what, "remove the variable"
    if handler == LEGACY_HANDLER and _legacy_parameter(value) is None:
        what = f"{LEGACY_VARIABLE} does not come from a parameter for a function's ARN"
        yield LEGACY_VARIABLE, what, f"{LEGACY_VARIABLE}: !Ref NAME, where NAME ends in FunctionArn, as `legacy` has it"


def _legacy_parameter(value: Any) -> str | None:
    """Return the parameter for a function's ARN that a value refers to."""
    return _referred(value, _FUNCTION_ARN_PARAMETER)


def _referred(value: Any, pattern: re.Pattern[str]) -> str | None:
    """Return the name that a value refers to, if the pattern matches it."""
    name = value["Ref"] if isinstance(value, dict) and value.keys() == {"Ref"} else None
    return name if isinstance(name, str) and pattern.fullmatch(name) else None


def _parameter_faults(template: Template) -> Iterator[Fault]:
    """Yield a fault for each parameter of an existing function that may be something else than one function's ARN."""
    bridges = [each for each in resources(template, FUNCTION) if handler_of(each) == LEGACY_HANDLER]
    values = [at(each.properties, "Environment", "Variables", LEGACY_VARIABLE) for each in bridges]
    for name in dict.fromkeys(filter(None, map(_legacy_parameter, values))):
        pattern = at(template.data, "Parameters", name, "AllowedPattern")
        if pattern != naming.FUNCTION_ARN_PATTERN:
            place = f"/Parameters/{name}" + ("/AllowedPattern" if pattern is not None else "")
            what = f"{name} may hold something else than a function's ARN, and a role allows what it holds"
            yield Fault(place, what, f"AllowedPattern: {naming.FUNCTION_ARN_PATTERN}")


def _other_faults(needs: Needs, variables: dict[str, Any]) -> Iterator[_Fault]:
    for variable in variables:
        if is_obeyed(variable) and variable not in _JUDGED_ELSEWHERE:
            yield variable, f"{variable} changes what runs, where data go or what is logged", "remove it"
    bus = variables.get(EVENT_BUS_VARIABLE)
    if needs.events and bus != naming.EVENT_BUS and _referred(bus, _EVENT_BUS_PARAMETER) is None:
        what = "the role may not publish to this event bus"
        yield EVENT_BUS_VARIABLE, what, f"{EVENT_BUS_VARIABLE}: {naming.EVENT_BUS}"
    if bus is not None and not needs.events:
        yield EVENT_BUS_VARIABLE, "the handler publishes no events", "remove the variable"
    settings = variables.get(SETTINGS_VARIABLE)
    if settings is None:
        fix = "SETTINGS: '{}', or what the handler's Settings take"
        yield SETTINGS_VARIABLE, "the function has no settings", fix
    written = text(settings)
    if written is not None:
        try:
            msgspec.convert(parse_json(written if isinstance(settings, str) else longest(written)), needs.settings)
        except ValueError as error:
            what = f"the handler refuses these settings: {error}".replace("$", "SETTINGS", 1)
            yield SETTINGS_VARIABLE, what, "a JSON object of its Settings"
