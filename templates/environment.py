"""The environment of a function: what ceap sets, what a declaration may add to it, and how large all of it may be."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from troposphere import Ref

from handlers.runtime.needs import (
    EVENT_BUS_VARIABLE,
    LEGACY_VARIABLE,
    SETTINGS_VARIABLE,
    Needs,
    parameter_variable,
    secret_variable,
    table_variable,
)
from templates import naming
from templates.imports import imported
from templates.model import Declaration, LambdaStep, LegacyStep
from templates.objects import plain
from templates.placeholders import longest, placeholder_problem, substituted
from templates.settings import settings_variable

SERVICE_VARIABLE: Final = "POWERTOOLS_SERVICE_NAME"

ENVIRONMENT_MAX_BYTES: Final = 4096
"""Of all variables, which Lambda measures as JSON. Source: Lambda Developer Guide, "Lambda quotas"."""

# The patterns are texts: most steps set no variable, and to compile takes longer than to check.
_OBEYED: Final = (
    r"(?i)(AWS|POWERTOOLS|OTEL|_X|LAMBDA|GLIBC|MALLOC|LD|OPENSSL)_\w*|PYTHON\w+|(HTTPS?|ALL|NO)_PROXY|(REQUESTS|CURL)_CA_BUNDLE"
    r"|SSL_CERT_(FILE|DIR)|SSLKEYLOGFILE|GCONV_PATH|HOSTALIASES|LOCALDOMAIN|RES_OPTIONS|LOG_LEVEL|PATH|HOME"
    r"|TMPDIR|TEMP|TMP|TZ|LANG|LC_ALL|BASH_ENV|ENV"
)
"""What Lambda, the AWS SDK, Python, Powertools and tracing obey: where data go, whose code runs, what is logged."""

_PARAMETER_MAX: Final = 256
"""Characters of a parameter's value: the ARN of a function's alias has at most 253, the name of an event bus 256."""

_OWN: Final = rf"{SETTINGS_VARIABLE}|{EVENT_BUS_VARIABLE}|{LEGACY_VARIABLE}|TABLE_\w+|(SECRET|PARAMETER)_\w+_NAME"

# Source: AWS::Lambda::Function Environment.
_NAME: Final = "[A-Za-z][A-Za-z0-9_]+"


def is_obeyed(name: str) -> bool:
    """Tell whether something below the handler obeys a variable."""
    return re.fullmatch(_OBEYED, name) is not None


def function_variables(workflow: Declaration, step: LambdaStep, needs: Needs) -> dict[str, Any]:
    """Return the variables of a step's function as the template holds them."""
    variables: dict[str, Any] = {
        SETTINGS_VARIABLE: settings_variable(step.settings),
        SERVICE_VARIABLE: naming.base(workflow.name),
    }
    for table in needs.tables:
        variables[table_variable(table.name)] = imported(f"{naming.table_id(table.name)}Name")
    if needs.events:
        adopted = workflow.adopt.event_bus
        variables[EVENT_BUS_VARIABLE] = Ref(adopted) if adopted else naming.EVENT_BUS
    if isinstance(step, LegacyStep):
        variables[LEGACY_VARIABLE] = Ref(step.legacy)
    for name in needs.secrets:
        variables[secret_variable(name)] = substituted(name)
    for name in needs.parameters:
        variables[parameter_variable(name)] = substituted(name)
    return variables | {name: substituted(value) for name, value in step.environment.items()}


def environment_problems(workflow: Declaration, step: LambdaStep, needs: Needs) -> Iterator[tuple[str | None, str]]:
    """Yield what is wrong with a step's `environment`: a variable, or None for all of them, and the text."""
    for name, value in step.environment.items():
        if problem := _name_problem(name) or placeholder_problem(value):
            yield name, problem
    size = _size_bytes(function_variables(workflow, step, needs))
    if size > ENVIRONMENT_MAX_BYTES:
        cure = "it, or put values into a parameter (`parameters` of NEEDS)"
        yield (
            None,
            f"takes {size:,} bytes as JSON with what ceap sets; AWS Lambda allows {ENVIRONMENT_MAX_BYTES:,}: shorten "
            f"{cure if step.environment else '`settings`, or names in NEEDS'}",
        )


def _name_problem(name: str) -> str | None:
    if not re.fullmatch(_NAME, name):
        return "has a name that AWS Lambda refuses; allowed: a letter, then letters, digits and _, two in all or more"
    if re.fullmatch(_OWN, name) or name == SERVICE_VARIABLE:
        return "is a variable that ceap sets from `settings`, `legacy` and NEEDS; choose another name"
    if is_obeyed(name):
        return "changes what runs, where data go or what is logged below the handler; choose another name"
    return None


def _size_bytes(variables: Mapping[str, Any]) -> int:
    """Return how many bytes variables can take; an import is shorter than its name, in which the value's name is.

    A `Ref` is one of a parameter that names something existing.
    """
    texts = {name: longest(_text(plain(value))) for name, value in variables.items()}
    return len(msgspec.json.encode(texts))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    [(function, argument)] = value.items()
    return "x" * _PARAMETER_MAX if function == "Ref" else _text(argument)
