"""A function's environment holds what its handler needs, and no variable that changes the SDK or Python below it.

Tables by the names that the foundation exports, for which its role has grants; the event bus where it publishes;
settings that its handler takes. With a fault in them the first message fails. The AWS SDK, Python and Powertools read
variables too: AWS_ENDPOINT_URL sends all data elsewhere, PYTHONPATH runs other code.
Source: requirement 3.3; `handlers/runtime/needs.py`; AWS SDKs and Tools Reference Guide, "Environment variables".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from ceap.cfn.document import parse_json
from ceap.cfn.lookup import FUNCTION, at, handler_of, imported, pointed_at, resources
from ceap.cfn.template import Template
from ceap.policy.finding import Finding, finding_at
from handlers.runtime.needs import EVENT_BUS_VARIABLE, SETTINGS_VARIABLE, Needs, table_variable
from templates import discovery, naming

RULE: Final = "WIRE08_HANDLER_ENVIRONMENT"

_READ_BELOW: Final = re.compile(
    r"AWS_(ENDPOINT_URL\w*|LAMBDA_EXEC_WRAPPER|CA_BUNDLE|CONFIG_FILE|SHARED_CREDENTIALS_FILE|PROFILE|ROLE_ARN|CONTAINER_\w+)"
    r"|(HTTPS?|ALL)_PROXY|REQUESTS_CA_BUNDLE|SSL_CERT_(FILE|DIR)|PYTHON\w+|LD_\w+"
    r"|POWERTOOLS_(DEV|DEBUG|TRACE_\w+|TRACER_\w+|LOGGER_\w+)",
    re.IGNORECASE,
)
"""What the AWS SDK, Python and Powertools obey: where data and requests go, whose code runs, what is logged."""


def check(template: Template) -> list[Finding]:
    findings = []
    for function in resources(template, FUNCTION):
        handler = handler_of(function)
        variables = at(function.properties, "Environment", "Variables")
        if handler is None or not isinstance(variables, dict | None):
            continue
        needs = discovery.load_needs(handler)
        faults = (*_table_faults(template, needs, variables or {}), *_other_faults(needs, variables or {}))
        findings += [
            finding_at(template, RULE, f"[WIRE08] {message}", function.path("Environment", "Variables", variable))
            for message, variable in faults
        ]
    return findings


def _table_faults(template: Template, needs: Needs, variables: dict[str, Any]) -> Iterator[tuple[str, str]]:
    wanted = {table_variable(table.name): naming.table_id(table.name) for table in needs.tables}
    for variable, table in wanted.items():
        value = variables.get(variable)
        found = pointed_at(template, value)
        is_table = found.logical_id == table if found else imported(value) == naming.export(f"{table}Name")
        if not is_table:
            yield (
                f"{variable} does not name the handler's table | fix: import {naming.export(f'{table}Name')}",
                variable,
            )
    for variable in variables:
        if variable.startswith("TABLE_") and variable not in wanted:
            yield f"the handler does not use {variable}, and its role does not allow it | fix: remove it", variable


def _other_faults(needs: Needs, variables: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for variable in variables:
        if _READ_BELOW.fullmatch(variable):
            yield f"{variable} changes what runs, where data go or what is logged | fix: remove it", variable
    bus = variables.get(EVENT_BUS_VARIABLE)
    if needs.events and bus != naming.EVENT_BUS:
        yield (
            f"the role may not publish to this event bus | fix: {EVENT_BUS_VARIABLE}: {naming.EVENT_BUS}",
            EVENT_BUS_VARIABLE,
        )
    if bus is not None and not needs.events:
        yield "the handler publishes no events | fix: remove the variable", EVENT_BUS_VARIABLE
    settings = variables.get(SETTINGS_VARIABLE)
    if settings is None:
        yield (
            "the function has no settings | fix: SETTINGS: '{}', or what the handler's Settings take",
            SETTINGS_VARIABLE,
        )
    if isinstance(settings, str):
        try:
            msgspec.convert(parse_json(settings), needs.settings)
        except ValueError as error:
            message = f"the handler refuses these settings: {error} | fix: a JSON object of its Settings"
            yield message.replace("$", "SETTINGS", 1), SETTINGS_VARIABLE
