"""What is wrong with secrets, parameters and grants of NEEDS, whose names are those of AWS and not made by ceap.

Whether an action exists, and which resources it takes, the checks IAM01_ACTIONS_EXIST, IAM02_ACTIONS_TAKE_RESOURCES and
IAM07_RESOURCES_NAMED know.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, get_args

from handlers.runtime.needs import Grant, Needs, TableAction, parameter_variable, secret_variable
from templates import naming
from templates.placeholders import PARTITION, PLACEHOLDERS, longest, placeholder_problem
from templates.words import shown

# Sources: Secrets Manager API reference, "CreateSecret"; Systems Manager API reference, "PutParameter".
# The patterns are texts: most handlers name no secret, parameter or grant, and to compile takes longer than to check.
_SECRETS: Final = r"[A-Za-z0-9/_+=.@-]{1,512}"
_PARAMETERS: Final = r"[A-Za-z0-9_.-]+|(/[A-Za-z0-9_.-]+)+"
_PARAMETER_MAX: Final = 1011
_LEVELS_MAX: Final = 15
_RESERVED: Final = r"(?i)/?(aws|ssm)"

_ACTION: Final = "[a-z0-9-]+:[A-Za-z0-9]+"
_ARN: Final = (
    r"arn:\$\{AWS::Partition\}:[a-z0-9-]+:"
    r"(\$\{AWS::Region\}|[a-z]+(-[a-z]+)+-\d+)?:(\$\{AWS::AccountId\}|\d{12})?:[^*:\s]\S*"
)
_ARN_FORM: Final = (
    "arn:${AWS::Partition}:SERVICE:${AWS::Region}:${AWS::AccountId}:RESOURCE; RESOURCE does not begin with *"
)

_OWN: Final = r"\S+:\$\{AWS::AccountId\}:"
_GRANTED_ELSEWHERE: Final = (
    (
        r"s3:\S+ \S+:s3:::ceap-(workflow|artifacts)-",
        "on a bucket of ceap is granted where a stage needs it; leave it out",
    ),
    (
        r"s3:\S+ \S+:s3:::[^/]*[*?]",
        "on more than one bucket reaches those of ceap, too; write the bucket's whole name",
    ),
    (
        r"dynamodb:\S+ \S+:table/[^/]*[*?]",
        "on more than one table reaches those of ceap, too; write the table's whole name",
    ),
    (rf"dynamodb:({'|'.join(get_args(TableAction))}) {_OWN}table/{naming.PREFIX}-", "belongs into NEEDS.tables"),
    (
        r"events:PutEvents \S+:event-bus/[^/]*[*?]",
        "on more than one event bus reaches the default one, too; write the bus's whole name",
    ),
    (
        rf"events:PutEvents {_OWN}event-bus/{naming.EVENT_BUS}$",
        "belongs into NEEDS.events: Publish(source=..., detail_type=...)",
    ),
    (f"secretsmanager:GetSecretValue {_OWN}", "belongs into NEEDS.secrets: the secret's name, for stage.secret"),
    (f"ssm:GetParameter {_OWN}", "belongs into NEEDS.parameters: the parameter's name, for stage.parameter"),
    ("xray:Put(TraceSegments|TelemetryRecords) ", "is granted to every function; leave it out"),
    (
        rf"logs:(CreateLogStream|PutLogEvents) {_OWN}log-group:{naming.FUNCTION_LOGS}{naming.PREFIX}-",
        "is granted to every function on its own logs; leave it out",
    ),
)
"""Calls, as action and ARN, that other fields of NEEDS or ceap itself grant."""


def access_problems(needs: Needs) -> Iterator[str]:
    """Yield what is wrong with secrets, parameters and grants, with the cure."""
    yield from _names_problems("secrets", needs.secrets, secret_variable, secret_problem)
    yield from _names_problems("parameters", needs.parameters, parameter_variable, parameter_problem)
    yield from _grants_problems(needs.grants)


def _names_problems(
    field: str, names: Any, variable: Callable[[str], str], problem_of: Callable[[str], str | None]
) -> Iterator[str]:
    if not isinstance(names, tuple | list) or not all(isinstance(name, str) for name in names):
        yield f'NEEDS.{field} is {shown(names)}; list names, e.g. {field}=("vendor-${{Environment}}",)'
        return
    for name in names:
        if problem := placeholder_problem(name):
            yield f"NEEDS.{field}: {name!r} {problem}"
        elif problem := problem_of(longest(name)):
            yield f"NEEDS.{field} has {shown(name)}; {problem}"
    for shared, count in Counter(map(variable, names)).items():
        if count > 1:
            both = " and ".join(shown(name) for name in names if variable(name) == shared)
            yield f"NEEDS.{field} has {both}, which share the environment variable {shared}; name one of them"


def secret_problem(name: str) -> str | None:
    """Return why Secrets Manager refuses a name, with the cure; None if it takes it."""
    return (
        None if re.fullmatch(_SECRETS, name) else "write its name in Secrets Manager: 1 to 512 letters, digits, /_+=.@-"
    )


def parameter_problem(name: str) -> str | None:
    """Return why Parameter Store refuses a name, with the cure; None if it takes it."""
    if "/" in name[1:] and not name.startswith("/"):
        return "a name with levels begins with a slash; put one before it"
    if not re.fullmatch(_PARAMETERS, name) or len(name) > _PARAMETER_MAX:
        return f"write its name in Parameter Store: letters, digits, _.- and /, at most {_PARAMETER_MAX:,}"
    if name.count("/") > _LEVELS_MAX:
        return f"it has {name.count('/')} levels; Parameter Store allows {_LEVELS_MAX}"
    if re.match(_RESERVED, name):
        return "AWS reserves names that begin with 'aws' or 'ssm'; a public parameter of AWS needs `grants`"
    return None


def _grants_problems(grants: Any) -> Iterator[str]:
    example = f'Grant(("sqs:SendMessage",), "{naming.arn("sqs", "orders")}")'
    if not isinstance(grants, tuple | list) or not all(isinstance(grant, Grant) for grant in grants):
        yield f"NEEDS.grants is {shown(grants)}; list handlers.runtime.needs.Grant, e.g. ({example},)"
        return
    for grant in grants:
        if not _are_texts(grant.actions):
            yield f"NEEDS.grants: actions are {shown(grant.actions)}; list them, e.g. {example}"
        elif not _are_texts(grant.arns):
            yield f"NEEDS.grants: resources are {shown(grant.resources)}; write one ARN or several, e.g. {example}"
        else:
            problems = (*map(_action_problem, grant.actions), *map(_resource_problem, grant.arns))
            doors = (_door_problem(action, arn) for action in grant.actions for arn in grant.arns)
            yield from (f"NEEDS.grants: {problem}" for problem in (*problems, *doors) if problem)
    given = Counter((action, arn) for grant in grants for action in grant.actions for arn in grant.arns)
    yield from (
        f"NEEDS.grants has {action} on {arn} {times} times; write it once"
        for (action, arn), times in given.items()
        if times > 1
    )


def _are_texts(values: Any) -> bool:
    return isinstance(values, tuple | list) and bool(values) and all(isinstance(value, str) for value in values)


def _action_problem(action: str) -> str | None:
    return (
        None
        if re.fullmatch(_ACTION, action)
        else f"{shown(action)} is not one action; write it out, e.g. sqs:SendMessage"
    )


def _resource_problem(arn: str) -> str | None:
    if problem := placeholder_problem(arn, (*PLACEHOLDERS, PARTITION)):
        return f"{arn!r} {problem}"
    return None if arn == "*" or re.fullmatch(_ARN, arn) else f"{arn!r} is no grant's ARN; write it as {_ARN_FORM}"


def _door_problem(action: str, arn: str) -> str | None:
    """Return why an action on a resource is not granted this way, with what grants it."""
    call = f"{action} {arn}"
    return next((f"{action} {cure}" for pattern, cure in _GRANTED_ELSEWHERE if re.match(pattern, call)), None)
