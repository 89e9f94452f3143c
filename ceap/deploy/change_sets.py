"""Change sets: the only way by which ceap creates, imports into or updates a stack.

Source: CloudFormation API Reference, "CreateChangeSet", "DescribeChangeSet" and "ResourceChange".
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.bucket import put_new, sha256_of
from ceap.aws.errors import code_of
from ceap.aws.history import Retained
from ceap.aws.pace import Pace
from ceap.aws.session import Aws
from ceap.cfn.template import INLINE_MAX

PREFIX: Final = "ceap-"
"""What the names of ceap's change sets begin with; those of others are left alone."""

CAPABILITIES: Final = ("CAPABILITY_NAMED_IAM",)

_OUTDATED: Final = ("ChangeSetNotFound", "InvalidChangeSetStatus")
_UNCHANGED: Final = ("The submitted information didn't contain changes", "No updates are to be performed")


class Kind(StrEnum):
    """What a change set does: its ChangeSetType."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    IMPORT = "IMPORT"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a change set shall make of a stack.

    A parameter whose value is None keeps the one that the stack has; `role_arn` is the role that CloudFormation assumes
    from then on, None for the one that it has assumed so far.
    """

    stack: str
    name: str
    kind: Kind
    template: str
    parameters: Mapping[str, str | None]
    tags: Mapping[str, str] = {}
    role_arn: str | None = None
    imports: Sequence[Retained] = ()


class Effect(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What CloudFormation will do to a resource.

    `action` is Add, Modify, Remove, Import or Dynamic; `replacement` is True, False or Conditional, empty where none is
    possible; `causes` are the properties that require a new resource, or may. Where `is_certain` is False they only
    follow attributes of the resources of `depends_on`, which may stay as they are.
    """

    logical_id: str
    type: str
    action: str
    replacement: str = ""
    policy_action: str = ""
    causes: tuple[str, ...] = ()
    is_certain: bool = True
    depends_on: tuple[str, ...] = ()

    def __str__(self) -> str:
        resource = f"{self.action.lower():6}  {self.logical_id} ({self.type})"
        if self.replacement == "Conditional" and not self.is_certain and self.depends_on:
            return f"{resource}, replaced if {' or '.join(self.depends_on)} is"
        return resource + {"True": ", replaced", "Conditional": ", may be replaced"}.get(self.replacement, "")


class ChangeSet(msgspec.Struct, frozen=True, kw_only=True):
    """A change set that can be executed; `arn` and `stack_id` name it after the stack is gone, too."""

    arn: str
    stack: str
    stack_id: str
    kind: Kind
    effects: tuple[Effect, ...]


class ChangeSetError(Exception):
    """CloudFormation could not make or execute a change set; the text is the reason."""


def create(aws: Aws, request: Request, bucket: str, pace: Pace) -> ChangeSet | None:
    """Make a change set and wait for its content; None if there is nothing to change, and then it is removed.

    Raises:
        ChangeSetError: CloudFormation refuses it; it is removed.
    """
    client = aws.client("cloudformation")
    made = client.create_change_set(**_call(aws, request, bucket))
    # IAM decides by the stack, and only its name tells which that is.
    named = {"ChangeSetName": made["Id"], "StackName": made["StackId"]}
    for _ in pace:
        found = client.describe_change_set(**named)
        if found["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
            break
    change_set = ChangeSet(arn=made["Id"], stack=request.stack, stack_id=made["StackId"], kind=request.kind, effects=())
    if found["Status"] != "CREATE_COMPLETE":
        remove(aws, change_set)
        reason = str(found.get("StatusReason", found["Status"]))
        if reason.startswith(_UNCHANGED):
            return None
        raise ChangeSetError(reason)
    effects = tuple(_effect(change["ResourceChange"]) for change in _changes(client, named, found))
    return msgspec.structs.replace(change_set, effects=effects)


def execute(aws: Aws, change_set: ChangeSet) -> None:
    """Begin what a change set says; it goes on in CloudFormation.

    Raises:
        ChangeSetError: it is gone or outdated, as somebody else has changed the stack or removed it.
    """
    try:
        aws.client("cloudformation").execute_change_set(ChangeSetName=change_set.arn, StackName=change_set.stack_id)
    except ClientError as error:
        if code_of(error) not in _OUTDATED:
            raise
        raise ChangeSetError("somebody else deploys it, too, and this change set is outdated") from error


def remove(aws: Aws, change_set: ChangeSet) -> None:
    """Remove a change set that nothing has executed, and the empty stack that CloudFormation made for it."""
    client = aws.client("cloudformation")
    client.delete_change_set(ChangeSetName=change_set.arn, StackName=change_set.stack_id)
    [stack] = client.describe_stacks(StackName=change_set.stack_id)["Stacks"]
    if stack["StackStatus"] == "REVIEW_IN_PROGRESS":
        client.delete_stack(StackName=change_set.stack_id)


def put_template(aws: Aws, bucket: str, template: bytes) -> str:
    """Put a template into the artifact bucket under its hash, and return its URL."""
    key = f"deployments/templates/{sha256_of(template)}.yaml"
    put_new(aws, bucket, key, template)
    return f"https://{bucket}.s3.{aws.region}.{aws.domain}/{key}"


def _call(aws: Aws, request: Request, bucket: str) -> dict[str, Any]:
    """Return the arguments of CreateChangeSet; a template that is too large for them is uploaded."""
    call: dict[str, Any] = {
        "StackName": request.stack,
        "ChangeSetName": request.name,
        "ChangeSetType": request.kind.value,
        "Capabilities": list(CAPABILITIES),
        "Parameters": [_parameter(key, value) for key, value in request.parameters.items()],
    }
    content = request.template.encode()
    if len(content) <= INLINE_MAX:
        call["TemplateBody"] = request.template
    else:
        call["TemplateURL"] = put_template(aws, bucket, content)
    if request.tags:
        call["Tags"] = [{"Key": key, "Value": value} for key, value in request.tags.items()]
    if request.role_arn:
        call["RoleARN"] = request.role_arn
    if request.imports:
        call["ResourcesToImport"] = [
            {"ResourceType": each.type, "LogicalResourceId": each.logical_id, "ResourceIdentifier": each.identifier}
            for each in request.imports
        ]
    return call


def _parameter(key: str, value: str | None) -> dict[str, Any]:
    if value is None:
        return {"ParameterKey": key, "UsePreviousValue": True}
    return {"ParameterKey": key, "ParameterValue": value}


def _changes(client: Any, named: Mapping[str, str], page: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from page["Changes"]
    while token := page.get("NextToken"):
        page = client.describe_change_set(**named, NextToken=token)
        yield from page["Changes"]


def _effect(change: Mapping[str, Any]) -> Effect:
    details = [detail for detail in change.get("Details", ()) if _recreates(detail)]
    return Effect(
        logical_id=change["LogicalResourceId"],
        type=change["ResourceType"],
        action=change["Action"],
        replacement=change.get("Replacement", ""),
        policy_action=change.get("PolicyAction", ""),
        causes=tuple(dict.fromkeys(detail["Target"].get("Name", "") for detail in details)),
        is_certain=any(detail.get("Evaluation") == "Static" for detail in details) or not details,
        depends_on=tuple(
            sorted(
                {
                    detail["CausingEntity"].partition(".")[0]
                    for detail in details
                    if detail.get("ChangeSource") == "ResourceAttribute" and "CausingEntity" in detail
                }
            )
        ),
    )


def _recreates(detail: Mapping[str, Any]) -> bool:
    return bool(detail.get("Target", {}).get("RequiresRecreation", "Never") != "Never")
