"""Which operations a stack allows in which status, and the change of status with which one begins.

Source: CloudFormation User Guide, "Stack status codes".
"""

from typing import Final

from ceap.local.clock import CLOCK
from ceap.local.stacks.api_errors import StackApiError
from ceap.local.stacks.records import Operation, StackRecord

_UPDATABLE: Final = frozenset(
    {
        "CREATE_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
    }
)
_CANCELLABLE: Final = "CREATE_IN_PROGRESS"


def require_updatable(record: StackRecord) -> None:
    """Raise StackApiError unless the stack can be updated as it is."""
    if record.status not in _UPDATABLE:
        raise StackApiError(f"Stack:{record.arn} is in {record.status} state and can not be updated.")


def require_deletable(record: StackRecord) -> None:
    """Raise StackApiError unless the stack can be deleted as it is; one that is being created can."""
    if record.is_protected:
        raise StackApiError(f"Stack [{record.name}] cannot be deleted while TerminationProtection is enabled")
    is_busy = record.status.endswith("_IN_PROGRESS") and record.status not in {_CANCELLABLE, "REVIEW_IN_PROGRESS"}
    if is_busy:
        raise StackApiError(f"Stack [{record.name}] cannot be deleted while in status {record.status}")


def start(record: StackRecord, operation: Operation, status: str) -> None:
    """Let an operation begin, so that no other can."""
    if not status.startswith("DELETE"):
        record.cancelled.clear()
    if not status.startswith(("CREATE", "DELETE")):
        record.updated = CLOCK.now()
    record.tell(operation, status, "User Initiated")
