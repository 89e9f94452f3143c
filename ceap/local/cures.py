"""What a developer can do about a failure whose reason is a limit or a missing permission."""

from __future__ import annotations

import re
from typing import Final, get_args

from handlers.runtime.needs import TableAction
from templates import naming

_DENIED: Final = re.compile(r"is not authorized to perform: (?P<action>\S+) on resource: \"?(?P<resource>[^\s\"]+)")
CURES_BY_TYPE: Final = {
    "BdbQuit": "breakpoint() needs a terminal; run this stage alone, by `ceap invoke` on a terminal, or remove the call"
}
_ROLE: Final = re.compile(r":assumed-role/([^/\s]+)/")


def read_denial(text: str) -> tuple[str, str] | None:
    """Return action and resource of a call that a role was denied; None if the text tells of none."""
    denied = _DENIED.search(text)
    return (denied["action"], denied["resource"]) if denied else None


def read_role(text: str) -> str | None:
    """Return the name of the role that was denied a call."""
    role = _ROLE.search(text)
    return role[1] if role else None


def cure_timeout(timeout_s: int) -> str:
    return (
        f"raise timeout_s of the step, now {timeout_s}, or make the stage faster; a call that may hang can be given the"
        " time that is left: stage.deadline - time.time()"
    )


def cure_job_timeout(timeout_min: int) -> str:
    return f"raise timeout_min of the step, now {timeout_min}, or make the job faster"


def cure_memory(memory_mb: int) -> str:
    return f"raise memory_mb of the step, now {memory_mb}, or keep fewer records at once"


def cure_job_denial(job: str) -> str:
    """Return what lets a Glue job make a call that its role was denied."""
    return (
        "the role of a job may read its input and write its own output; do without the call, or grant it to the role "
        f"of {job}"
    )


def cure_denial(function: str, action: str, resource: str) -> str:
    """Return what lets a function make a call that its role was denied."""
    service, _, operation = action.partition(":")
    if service == "dynamodb" and ":table/" in resource:
        table = re.sub(f"^{naming.base('')}|-[a-z0-9]+$", "", resource.partition(":table/")[2].partition("/")[0])
        name = table.replace("-", "_")
        if operation in get_args(TableAction):
            return f'add "{operation}" to the actions of table {name} in NEEDS: tables={{TABLE: ("{operation}",)}}'
        return f"NEEDS grants on tables only {', '.join(get_args(TableAction))}; use one of them, for table {name}"
    if action == "events:PutEvents":
        return "declare the event in NEEDS: events=Publish(source=..., detail_type=...)"
    if service == "s3":
        return "a stage reads another bucket only if NEEDS names its setting: bucket_setting=..."
    return f"NEEDS cannot grant it; do without the call, or grant it to the role of {function}"
