"""What a stage and its state machine agree on: the event, the result, the error names and the S3 keys."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, final

import msgspec

EXECUTIONS_PREFIX: Final = "executions/"
INITIAL_FOLDER: Final = "initial"


class ExecutionContext(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The event of a stage: exactly these five fields (requirement 2.1, property 8).

    `initial_data` is the message body, as text or already parsed, for the first stage; None for the others.
    """

    execution_id: Annotated[str, msgspec.Meta(min_length=1)]
    current_stage: Annotated[str, msgspec.Meta(min_length=1)]
    previous_stage: Annotated[str, msgspec.Meta(min_length=1)] | None
    workflow_bucket: Annotated[str, msgspec.Meta(min_length=1)]
    initial_data: Any = None


class StageResult(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a stage returns, and logs when it failed; a failure is raised, never returned."""

    status: Literal["SUCCESS", "FAILED"]
    stage: str
    records_processed: int
    error_message: str | None = None


class StageError(Exception):
    """Why a stage failed: one of the two classes below, of which Step Functions compares the exact name.

    `details` go to error.json but not to the logs: they may name customers.
    """

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.details = details or {}


@final
class PermanentStageError(StageError):
    """The same input can never succeed: the state machine does not retry it."""


@final
class TransientStageError(StageError):
    """A later attempt may succeed: the state machine's retrier waits and tries again."""


def stage_prefix(execution_id: str, stage: str) -> str:
    """Return the S3 prefix that holds all that a stage writes in an execution; it ends in a slash."""
    return f"{EXECUTIONS_PREFIX}{execution_id}/{stage}/"


def output_key(execution_id: str, stage: str) -> str:
    """Return the convention path: the key of a stage's output (requirements 2.2, 3.1, 3.2)."""
    return f"{stage_prefix(execution_id, stage)}output.json"


def rejected_key(execution_id: str, stage: str) -> str:
    """Return the key of the records that a stage rejected, one JSON object per line."""
    return f"{stage_prefix(execution_id, stage)}rejected.jsonl"


def error_key(execution_id: str, stage: str) -> str:
    """Return the key of the description of a stage's last failed attempt."""
    return f"{stage_prefix(execution_id, stage)}error.json"
