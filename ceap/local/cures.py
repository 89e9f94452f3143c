"""What a developer can do about a failure whose reason is a limit or a missing permission."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final, get_args

from ceap.local.calls import UNKNOWN_CALL
from ceap.local.seed_values import ENVIRONMENT, PARAMETERS_FOLDER, SECRETS_FOLDER, place_of
from handlers.runtime.needs import TableAction
from templates import naming

_DENIED: Final = re.compile(r"is not authorized to perform: (?P<action>\S+) on resource: \"?(?P<resource>[^\s\"]+)")
CURES_BY_TYPE: Final = {
    "BdbQuit": "breakpoint() needs a terminal; run this stage alone, by `ceap invoke` on a terminal, or remove the call"
}
_MISSING: Final = re.compile(
    r"ssm:GetParameter on (\S+) found nothing|ParameterNotFound\) .*: Parameter (\S+?) not found"
)
_WORD_BEFORE: Final = "(?<![A-Za-z0-9])"
_WORD_AFTER: Final = "(?![A-Za-z0-9])"
_ROLE: Final = re.compile(r":assumed-role/([^/\s]+)/")


def read_denial(text: str) -> tuple[str, str] | None:
    """Return action and resource of a call that a role was denied; None if the text tells of none."""
    denied = _DENIED.search(text)
    return (denied["action"], denied["resource"]) if denied else None


def read_role(text: str) -> str | None:
    """Return the name of the role that was denied a call."""
    role = _ROLE.search(text)
    return role[1] if role else None


def cure_timeout(timeout_s: int, place: str = "of the step") -> str:
    return (
        f"raise timeout_s {place}, now {timeout_s}, or make the stage faster; a call that may hang can be given the"
        " time that is left: stage.deadline - time.time()"
    )


def cure_job_timeout(timeout_min: int) -> str:
    return f"raise timeout_min of the step, now {timeout_min}, or make the job faster"


def cure_memory(memory_mb: int, place: str = "of the step") -> str:
    return f"raise memory_mb {place}, now {memory_mb}, or keep fewer records at once"


def cure_job_denial(job: str) -> str:
    """Return what lets a Glue job make a call that its role was denied."""
    return (
        "the role of a job may read its input and write its own output; do without the call, or grant it to the role "
        f"of {job}"
    )


def cure_denial(function: str, action: str, resource: str) -> str:
    """Return what lets a function make a call that its role was denied: as a rule, the line of NEEDS that grants it."""
    match action:
        case "secretsmanager:GetSecretValue":
            return _cure_secret(function, resource)
        case "ssm:GetParameter":
            name = resource.partition(":parameter/")[2]
            return f"declare it in NEEDS: parameters=({_declared(f'/{name}' if '/' in name else name)},)"
        case "events:PutEvents" if resource.endswith(f":event-bus/{naming.EVENT_BUS}"):
            return "declare the event in NEEDS: events=Publish(source=..., detail_type=...)"
    service, _, operation = action.partition(":")
    if service == "dynamodb" and f":table/{naming.PREFIX}-" in resource and operation in get_args(TableAction):
        table = re.sub(f"^{naming.base('')}|-[a-z0-9]+$", "", resource.partition(":table/")[2].partition("/")[0])
        name = table.replace("-", "_")
        return f'add "{operation}" to the actions of table {name} in NEEDS: tables={{TABLE: ("{operation}",)}}'
    return _cure_grant(action, resource)


def cure_existing_denial(configuration: Path, action: str, resource: str) -> str:
    """Return what lets an existing function make a call: a statement in the file that says what it has."""
    if not resource.startswith("arn:") and action.startswith("secretsmanager:"):
        return f"there is no secret {resource}: write a made-up text into {SECRETS_FOLDER}/{resource} of the seed"
    statement = json.dumps({"Effect": "Allow", "Action": action, "Resource": resource})
    return f'allow the call in {configuration}: "policy": {{"Statement": [{statement}]}}'


def cure_existing_import(home: Path, module: str) -> str:
    """Return what lets an existing function import a module: its package beside the function's code."""
    package = module.partition(".")[0]
    return f"put its package beside the code, as in the function's zip: pip install --target {home} {package}"


def cure_existing_unmodelled(text: str) -> str | None:
    """Return what to do about a call that the engine does not know; None if a text tells of none."""
    if UNKNOWN_CALL not in text:
        return None
    return "the function can make this call only on AWS; let a variable of its environment leave it out here"


def _cure_grant(action: str, resource: str) -> str:
    if f":s3:::{naming.PREFIX}-" in resource:
        return "a stage may use only its own objects of this bucket, and the output of the stage before; do without it"
    grant = f'declare the call in NEEDS: grants=(Grant(("{action}",), {_declared(_as_pattern(resource))}),)'
    if action in ("s3:GetObject", "s3:ListBucket"):
        return f"if messages name the bucket, bucket_setting=... in NEEDS reads it; else {grant}"
    return grant


def cure_missing(function: str, text: str) -> str | None:
    """Return what lets a function read a parameter that is not there; None if a text tells of none."""
    found = _MISSING.search(text)
    return f"write a made-up value into {_file(function, PARAMETERS_FOLDER, found[1] or found[2])}" if found else None


def cure_unmodelled(text: str) -> str | None:
    """Return what to do about a call that the engine does not know; None if a text tells of none."""
    if UNKNOWN_CALL not in text:
        return None
    return (
        "on AWS the role needs it in NEEDS: grants=(...); here, let a setting of the step leave the call out, or test "
        "the handler with another client in its place"
    )


def _cure_secret(function: str, resource: str) -> str:
    """Return the cure for a secret: AWS asks for its ARN, or for the name alone of one that does not exist."""
    name = resource.partition(":secret:")[2][: -len("-??????")]
    if name:
        return f"declare it in NEEDS, and read it with stage.secret: secrets=({_declared(name)},)"
    return (
        f"there is no secret {resource}: write a made-up text into {_file(function, SECRETS_FOLDER, resource)}; "
        f"NEEDS must declare it, too: secrets=({_declared(resource)},)"
    )


def _file(function: str, folder: str, name: str) -> str:
    workflow = function.removeprefix(naming.base("")).rpartition(f"-{ENVIRONMENT}-")[0]
    return (
        f"fixtures/{workflow or 'NAME'}/{place_of(folder, name)} beside the declaration, or below the folder of --seed"
    )


def _as_pattern(resource: str) -> str:
    """Return the ARN of a denied call as NEEDS hold it, in which region and account are filled in at deployment."""
    parts = resource.split(":", 5)
    if len(parts) < 6:
        return resource
    _, _, service, region, account, name = parts
    place = f"{'${AWS::Region}' * bool(region)}:{'${AWS::AccountId}' * bool(account)}"
    return f"arn:${{AWS::Partition}}:{service}:{place}:{name}"


def _declared(name: str) -> str:
    """Return a name or ARN as Python, with the environment as it is filled in."""
    return f'"{re.sub(rf"{_WORD_BEFORE}{ENVIRONMENT}{_WORD_AFTER}", "${Environment}", name)}"'
