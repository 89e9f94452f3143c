"""From a call to a plan: the template, its parameters and what else the caller gives, checked as CloudFormation does.

Source: CloudFormation API Reference, "CreateChangeSet", "CreateStack", "UpdateStack".
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from moto.s3.models import s3_backends

from ceap.cfn.template import INLINE_MAX
from ceap.local.sessions import Session
from ceap.local.stack_models import ResourceError
from ceap.local.stack_questions import object_of
from ceap.local.stacks.api_errors import StackApiError, UnmodelledError
from ceap.local.stacks.blueprint import (
    Blueprint,
    check_capabilities,
    check_template,
    draw,
    parse_template,
)
from ceap.local.stacks.parameters import Given, PreviousValue, choose_values
from ceap.local.stacks.records import Plan, StackRecord
from ceap.local.stacks.registry import Registry
from ceap.local.stacks.scopes import make_scope, nothing_imported, nothing_yet

_NAME: Final = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
_UNMODELLED: Final = (
    "DeploymentConfig",
    "DisableRollback",
    "IncludeNestedStacks",
    "ImportExistingResources",
    "ResourceTypes",
    "RollbackConfiguration",
    "StackPolicyBody",
    "StackPolicyDuringUpdateBody",
    "StackPolicyDuringUpdateURL",
    "StackPolicyURL",
    "TimeoutInMinutes",
)
"""What calls may give that the engine does not model, unless it is empty or false."""


def check_name(name: str) -> str:
    """Return the name of a stack or change set; StackApiError for one that AWS refuses."""
    if not _NAME.fullmatch(name):
        raise StackApiError(
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )
    return name


def check_modelled(given: Mapping[str, Any]) -> None:
    """Raise UnmodelledError for what a call asks that the engine does not do."""
    for name in _UNMODELLED:
        if given.get(name):
            raise UnmodelledError(name)


def read_text(given: Mapping[str, Any], registry: Registry, record: StackRecord | None) -> str:
    """Return the text of the template that a call names; StackApiError if it names none or too large a one."""
    body, url = given.get("TemplateBody"), given.get("TemplateURL")
    if body is not None:
        if (size := len(body.encode())) > INLINE_MAX:
            raise StackApiError(
                f"1 validation error detected: Value '{body[:20]}...' at 'templateBody' failed to satisfy constraint: "
                f"Member must have length less than or equal to {INLINE_MAX} (it has {size})"
            )
        return str(body)
    if url is not None:
        return _fetch(url, registry)
    if given.get("UsePreviousTemplate") and record is not None and record.plan is not None:
        return record.plan.blueprint.text
    raise StackApiError("Either Template URL or Template Body must be specified.")


def _fetch(url: str, registry: Registry) -> str:
    bucket, key = object_of(url)
    try:
        found = s3_backends[registry.account]["aws"].get_object(bucket, key)
    except Exception:  # moto has an error of its own for each fault
        found = None
    if found is None:
        raise StackApiError(f"S3 error: The specified key does not exist: {bucket}/{key}")
    text: str = found.value.decode()
    return text


def draw_blueprint(
    text: str, template: Mapping[str, Any], parameters: Given, arn: str, previous: Plan | None = None
) -> Blueprint:
    """Return the blueprint of a template, read from a text; StackApiError for what AWS refuses."""
    check_template(template)
    known = previous.blueprint.parameters if previous else {}
    values = choose_values(template.get("Parameters", {}), parameters, known)
    try:
        return draw(text, template, values, make_scope(template, values, arn, nothing_yet, nothing_imported))
    except ResourceError as error:
        raise StackApiError(str(error)) from error


def make_plan(given: Mapping[str, Any], registry: Registry, arn: str, record: StackRecord | None) -> Plan:
    """Return what a call asks to make of a stack."""
    check_modelled(given)
    previous = record.plan if record else None
    text = read_text(given, registry, record)
    blueprint = draw_blueprint(text, parse_template(text), _parameters(given), arn, previous)
    capabilities = tuple(given.get("Capabilities", ()))
    check_capabilities(blueprint.data, capabilities)
    tags = {tag["Key"]: tag["Value"] for tag in given["Tags"]} if "Tags" in given else None
    return Plan(
        blueprint=blueprint,
        tags=tags if tags is not None else (previous.tags if previous else {}),
        capabilities=capabilities,
        notification_arns=tuple(given.get("NotificationARNs", previous.notification_arns if previous else ())),
        role=given.get("RoleARN"),
        on_failure=given.get("OnStackFailure", given.get("OnFailure", "ROLLBACK")),
    )


def _parameters(given: Mapping[str, Any]) -> dict[str, str | PreviousValue]:
    values: dict[str, str | PreviousValue] = {}
    for parameter in given.get("Parameters", ()):
        if parameter.get("UsePreviousValue"):
            values[parameter["ParameterKey"]] = PreviousValue()
        else:
            values[parameter["ParameterKey"]] = parameter.get("ParameterValue", "")
    return values


def choose_session(role: str | None, registry: Registry, record: StackRecord, caller: Session) -> Session:
    """Return the session in which a stack's resources are worked on: of a role, of the stack's own, or the caller's.

    Source: CloudFormation API Reference, "CreateChangeSet", RoleARN.
    """
    role = role or record.role
    if not role:
        return caller
    try:
        session = registry.sessions.assume(role, service="cloudformation", source=record.arn, name="AWSCloudFormation")
    except Exception as error:  # no such role, or its trust does not allow it
        raise StackApiError(f"Role {role} is invalid or cannot be assumed") from error
    return session
