"""The saved queries of Logs Insights: what an operator asks of a workflow's logs, in a folder of its name.

Where there are values to fill in, the console asks for them. `templates/log_fields.py` says which fields there are.
Source: AWS::Logs::QueryDefinition; CloudWatch Logs User Guide, "Logs Insights QL query syntax".
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from troposphere import Ref, Sub, Template, logs

from templates import naming
from templates.model import Workflow
from templates.parts import in_parts
from templates.resources.state_machine import STATE_MACHINE

GROUPS_MAX: Final = 50
"""Log groups of one query. Source: CloudWatch Logs API Reference, "StartQuery"."""


class _Parameter(NamedTuple):
    name: str
    meaning: str


class _Query(NamedTuple):
    """A query of some log groups, by their logical ids; those that one query cannot take have queries of their own.

    Each of these is also of the groups in `always`.
    """

    name: str
    groups: Sequence[str]
    text: str
    parameter: _Parameter | None = None
    always: Sequence[str] = ()


_EXECUTION: Final = _Parameter("executionId", "Name of the execution, as `ceap status` shows it")
_MESSAGE: Final = _Parameter("messageId", "Id of the message, as SQS gave it to the sender")

_FAILED: Final = """\
# Executions that failed, timed out or were stopped. A stage names itself in the cause; for others: unfinished-stages.
filter type in ["ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"]
| parse details.cause /(?<stage>[A-Z][A-Za-z0-9]*) of execution/
| fields @timestamp, execution_arn, type, stage, details.error, details.cause
| sort @timestamp desc
| limit 200
"""

_UNFINISHED: Final = """\
# Stages that an execution entered and did not leave: where it failed or was stopped, or what it is doing.
filter type in ["TaskStateEntered", "TaskStateExited"]
| fields details.name as stage, strcontains(type, "Entered") as entered, strcontains(type, "Exited") as exited
| stats max(@timestamp) as lastEntered, sum(entered) - sum(exited) as unfinished by execution_arn, stage
| filter unfinished > 0
| sort lastEntered desc
| limit 200
"""

_ONE_EXECUTION: Final = """\
# What one execution did: its events, and the lines of its stages.
filter execution_arn like "{{executionId}}" or executionId = "{{executionId}}"
| fields @timestamp, type, details.name, details.error, currentStage, level, message, @log
| sort @timestamp asc
| limit 2000
"""

_ITS_EVENTS: Final = """\
# What one execution did. Jobs log to groups of their own, without its name.
filter execution_arn like "{{executionId}}"
| fields @timestamp, type, details.name, details.error
| sort @timestamp asc
| limit 2000
"""

_SLOW: Final = """\
# The slowest stages, with their retries and the waits before these.
filter type in ["TaskStateEntered", "TaskStateExited"]
| fields details.name as stage
| stats (max(@timestamp) - min(@timestamp)) / 1000 as seconds, count(*) as events by execution_arn, stage
| filter events > 1
| sort seconds desc
| limit 50
"""

_FAILURES: Final = """\
# What the stages of one execution logged of failures.
filter executionId = "{{executionId}}" and level in ["WARNING", "ERROR", "CRITICAL"]
| fields @timestamp, currentStage, level, message, errorType, result.errorMessage, outputKey
| sort @timestamp asc
| limit 500
"""

_REJECTED: Final = """\
# Runs that rejected records, and how many by code; rejected.jsonl beside the output has the records.
filter records.rejectedRecordCount > 0
| parse @message /"rejections":\\{(?<codes>[^}]*)\\}/
| fields @timestamp, executionId, currentStage, records.inputRecordCount, records.rejectedRecordCount, codes
| sort @timestamp desc
| limit 200
"""

_OF_MESSAGE: Final = """\
# The executions of one message: one for each time that the pipe received it.
filter type = "ExecutionStarted" and details.input like "{{messageId}}"
| fields @timestamp, execution_arn
| sort @timestamp asc
| limit 100
"""

_VOLUME: Final = """\
# How much each log group holds of the time that is shown: CloudWatch charges by the volume.
stats sum(strlen(@message)) as characters, count(*) as lines by @log
| sort characters desc
"""


def add_queries(template: Template, workflow: Workflow) -> None:
    """Add the saved queries of all log groups that the template has by now."""
    for query in _queries(template, workflow):
        for number, groups in enumerate(in_parts(query.groups, GROUPS_MAX - len(query.always)), start=1):
            suffix = f"-{number}" if number > 1 else ""
            template.add_resource(
                logs.QueryDefinition(
                    naming.query_id(query.name + suffix),
                    Name=Sub(naming.query(workflow.name, query.name + suffix)),
                    LogGroupNames=[Ref(group) for group in (*query.always, *groups)],
                    QueryString=query.text,
                    **_parameters(query.parameter),
                )
            )


def _queries(template: Template, workflow: Workflow) -> list[_Query]:
    every = [name for name, resource in template.resources.items() if resource.resource_type == "AWS::Logs::LogGroup"]
    machine = [f"{STATE_MACHINE}LogGroup"]
    functions = [f"{naming.function_id(step.stage)}LogGroup" for step in workflow.lambda_steps]
    return [
        _Query("failed-executions", machine, _FAILED),
        _Query("unfinished-stages", machine, _UNFINISHED),
        _Query("slow-stages", machine, _SLOW),
        _Query("one-execution", functions, _ONE_EXECUTION, _EXECUTION, always=machine)
        if functions
        else _Query("one-execution", machine, _ITS_EVENTS, _EXECUTION),
        _Query("executions-of-message", machine, _OF_MESSAGE, _MESSAGE),
        _Query("stage-failures", functions, _FAILURES, _EXECUTION),
        _Query("rejected-records", functions, _REJECTED),
        _Query("log-volume", every, _VOLUME),
    ]


def _parameters(parameter: _Parameter | None) -> dict[str, list[logs.QueryParameter]]:
    if parameter is None:
        return {}
    return {"Parameters": [logs.QueryParameter(Name=parameter.name, Description=parameter.meaning)]}
