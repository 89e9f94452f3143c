"""The first cause of a failed operation, found among its events, with a cure where one is known."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from ceap.cfn.template import Template

_FOLLOWS: Final = re.compile(r"Resource (creation|update|deletion|import) cancelled", re.IGNORECASE)
"""How CloudFormation ends what had begun when something else failed."""
_HANDLER: Final = re.compile(r'Resource handler returned message: "(?P<text>.*)" \(RequestToken: .*\)$', re.DOTALL)
_REQUEST: Final = re.compile(r"\s*\((?:Service: |RequestToken: |SDK Attempt Count: )[^()]*\)")


class Cause(msgspec.Struct, frozen=True, rename="camel"):
    """Why an operation failed: a resource, CloudFormation's words, and what to do; `cure` is None where none is known.

    `place` is the file and line of the resource, where it is in the template that was deployed.
    """

    logical_id: str
    type: str
    reason: str
    place: str | None
    cure: str | None

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.logical_id} ({self.type}): {self.reason}" + (f"; {self.cure}" if self.cure else "")


# The first that fits counts. Groups are filled into the cure.
_CURES: Final[Sequence[tuple[str, str]]] = (
    (
        r"not authorized to perform:? (?P<action>[\w-]+:\w+)(?: on resource:? (?P<resource>\S+))?",
        "allow {action} on {resource} in the role that deploys: role_arn of ceap.toml, or else your own",
    ),
    (
        r"Export (?P<export>\S+) cannot be (?:deleted|updated) as it is in use by (?P<stack>[\w-]+)",
        "first deploy a version of {stack} that does not import {export}",
    ),
    (
        r"Cannot (?:delete|update) export (?P<export>\S+) as it is in use by (?P<stack>[\w-]+)",
        "first deploy a version of {stack} that does not import {export}",
    ),
    (r"No export named (?P<export>\S+) found", "deploy the foundation of this environment, which exports it"),
    (
        r"cannot update a stack when a custom-named resource requires replacing",
        "give the resource another name in the same change, or deploy once without it",
    ),
    (r"already exists", "delete what has this name, or import it into the stack, or deploy to another environment"),
    (r"is in \w+_IN_PROGRESS state", "somebody else changes the stack; run this command again, which waits for that"),
    (r"bucket you tried to delete is not empty", "empty the bucket, then run this command again"),
    (
        r"(?:Limit ?Exceeded|ServiceLimit|ServiceQuota|quota|[Tt]oo many|[Ll]imit (?:of|for) )",
        "ask for a higher limit in Service Quotas, or remove what is no longer used",
    ),
    (r"Parameters?: \[|[Pp]arameter (?:value )?\S* ?(?:failed|must)", "correct it in parameters of ceap.toml"),
    (r"S3 Error Code: NoSuchKey|specified key does not exist", "deploy again: the code is uploaded anew"),
    (r"cannot be assumed|[Cc]ross-account pass role", "check the trust policy of the role, then deploy again"),
)


def cure_for(reason: str) -> str | None:
    """Return what to do about a reason of CloudFormation's, if that is known."""
    for pattern, cure in _CURES:
        if match := re.search(pattern, reason):
            groups = {name: (value or "what it needs").rstrip(".,;)'\"") for name, value in match.groupdict().items()}
            return cure.format(**groups)
    return None


def plain(reason: str) -> str:
    """Return CloudFormation's reason for a failure without the request ids, which only AWS Support can look up."""
    if match := _HANDLER.match(reason):
        reason = match["text"]
    return " ".join(_REQUEST.sub("", reason).split()).rstrip(".")


def first_cause(events: Iterable[Any], template: Template | None) -> Cause | None:
    """Return the first failure of an operation that no other one caused; None if nothing failed.

    `events` are those of DescribeStackEvents for the operation, the oldest first.
    """
    failed = [
        event
        for event in events
        if event["ResourceStatus"].endswith("_FAILED") and not _FOLLOWS.search(event.get("ResourceStatusReason", ""))
    ]
    # The stack itself fails last, and its reason only lists the resources that failed.
    event = next((event for event in failed if not _is_stack(event)), failed[0] if failed else None)
    if event is None:
        return None
    reason, logical_id = plain(event.get("ResourceStatusReason", "no reason is given")), event["LogicalResourceId"]
    path = f"/Resources/{logical_id}"
    place = f"{template.file}:{template.lines[path]}" if template and path in template.lines else None
    return Cause(logical_id, event["ResourceType"], reason, place, cure_for(reason))


def _is_stack(event: Any) -> bool:
    return bool(event["PhysicalResourceId"] == event["StackId"])
