"""The fields that a saved query may name: those of the lines that state machine, stages and Logs Insights write.

Logs Insights finds the fields of JSON lines by itself; what is inside of an object has its name after a dot.
Source: CloudWatch Logs User Guide, "Supported logs and discovered fields"; Step Functions Developer Guide, "Logging
using CloudWatch Logs"; `handlers/runtime/stage.py`.
"""

from collections.abc import Mapping
from typing import Final

from templates import naming

DISCOVERED: Final = frozenset(("@timestamp", "@message", "@log", "@logStream", "@ingestionTime"))
"""Those of any line."""

FIELDS: Final[Mapping[str, frozenset[str]]] = {
    naming.STATE_MACHINE_LOGS: frozenset(
        (
            "details.cause",
            "details.error",
            "details.input",
            "details.name",
            "details.output",
            "details.resource",
            "event_timestamp",
            "execution_arn",
            "id",
            "previous_event_id",
            "redrive_count",
            "type",
        )
    ),
    naming.FUNCTION_LOGS: frozenset(
        (
            "currentStage",
            "errorType",
            "executionId",
            "inputPath",
            "level",
            "message",
            "outputKey",
            "outputPath",
            "records.inputRecordCount",
            "records.outputRecordCount",
            "records.rejectedRecordCount",
            "records.staleRecordCount",
            "result.errorMessage",
            "result.status",
            "service",
        )
    ),
}
"""Those of the lines of a log group, by what its name begins with."""
