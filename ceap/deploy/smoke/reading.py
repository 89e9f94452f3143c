"""Reads from AWS what a smoke run judges; changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.errors import code_of
from ceap.aws.executions import Execution, Status
from ceap.aws.flow import count_messages
from ceap.aws.job_runs import job_runs_of
from ceap.aws.log_lines import parsed, read_lines, streams_of
from ceap.aws.session import Aws
from ceap.aws.stage_objects import objects_of, read_object
from ceap.aws.takers import record_in, takers
from ceap.aws.workflow import DeployedWorkflow
from ceap.deploy.smoke.expectations import LogLines, StageObject, Traced
from ceap.deploy.smoke.facts import AlarmState, Item, Items, Object, Run, Trace
from handlers.runtime.contract import PermanentStageError, error_key, output_key
from handlers.runtime.document import EDGE_BYTES, read_footer, read_records

SKEW_S: Final = 300
"""How far a clock here may be from that of AWS: it refuses a signature that is further off."""

TABLE_MAX_BYTES: Final = 256 * 1024 * 1024
"""The largest table that is searched: a scan reads, and costs, all of it."""

_ALARMS_MAX: Final = 100


class Reader:
    """AWS as one smoke run sees it; `since` is when it began, in seconds since the epoch."""

    def __init__(self, aws: Aws, workflow: DeployedWorkflow, since: float) -> None:
        self._aws: Final = aws
        self._workflow: Final = workflow
        self._since: Final = since - SKEW_S
        self._others: Final[set[str]] = set()

    def definition(self) -> dict[str, Any]:
        """Return the definition that the state machine has now."""
        states = self._aws.client("stepfunctions")
        return parsed(states.describe_state_machine(stateMachineArn=self._workflow.machine)["definition"])

    def dead_letters(self) -> int:
        found = count_messages(self._aws, self._workflow.dead_letter_queue)
        return found.waiting + found.in_flight

    def runs(self, message_id: str) -> list[Run]:
        """Return the executions of a message, the earliest first; those of other messages are never among them."""
        found = takers(self._aws, self._workflow, message_id, since_s=self._since, others=self._others)
        return [self._run(execution, message_id) for execution in found]

    def object(self, check: StageObject, execution: str) -> Object | None:
        """Return a stage's output; where it is missing what its error.json says; None if there is neither."""
        key = output_key(execution, check.stage)
        where = f"s3://{check.bucket}/{key}"
        body = read_object(self._aws, check.bucket, key)
        if body is not None:
            return _document(body, where, (execution, check.stage)) if check.is_document else Object()
        error = read_object(self._aws, check.bucket, error_key(execution, check.stage))
        if error is None:
            return None
        told = json.loads(error)
        return Object(problem=f"is missing; error.json says {told.get('errorType')}: {told.get('errorMessage')}")

    def lines_of(self, check: LogLines, execution: str) -> int:
        """Return how many lines a stage's function wrote that name an execution, or its job in the runs for it."""
        if check.job is None:
            return len(self.lines(check.log_group, execution))
        runs = job_runs_of(self._aws, check.job, execution, since_s=self._since)
        streams = [stream for run in runs for stream in streams_of(self._aws, check.log_group, run.id)]
        return sum(1 for _ in read_lines(self._aws, check.log_group, streams=streams)) if streams else 0

    def lines(self, log_group: str, term: str) -> list[str]:
        """Return the lines of a log group since the run began that hold a text; none if there is no such group."""
        return [line.message for line in read_lines(self._aws, log_group, term, since_s=self._since)]

    def items(self, table: str, marks: Iterable[str], own: str) -> Items:
        """Return the items of a table in which one of the marks stands; those are new whose key holds `own`."""
        dynamodb = self._aws.client("dynamodb")
        description = dynamodb.describe_table(TableName=table)["Table"]
        if (size := description["TableSizeBytes"]) > TABLE_MAX_BYTES:
            return Items(problem=f"has {size:,} bytes; a search reads all of it, at most {TABLE_MAX_BYTES:,} bytes")
        keys = [key["AttributeName"] for key in description["KeySchema"]]
        pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        wanted = tuple(marks)
        found = []
        for item in (item for page in pages for item in page["Items"]):
            if any(mark in repr(item) for mark in wanted):
                key = {name: item[name] for name in keys}
                found.append(Item(key, own in repr(key)))
        return Items(tuple(found))

    def alarms(self, names: Iterable[str]) -> dict[str, AlarmState]:
        cloudwatch, wanted = self._aws.client("cloudwatch"), list(names)
        answers = (
            cloudwatch.describe_alarms(AlarmNames=wanted[start : start + _ALARMS_MAX], MaxRecords=_ALARMS_MAX)
            for start in range(0, len(wanted), _ALARMS_MAX)
        )
        return {
            alarm["AlarmName"]: AlarmState(alarm["StateValue"], alarm.get("StateReason", ""))
            for answer in answers
            for alarm in answer["MetricAlarms"]
        }

    def trace(self, check: Traced, execution: str) -> Trace:
        """Return the trace whose id the functions' lines hold, and whether they say that it is sampled."""
        lines = [(group, line) for group in check.log_groups for line in self.lines(group, execution)]
        traces = ((group, parsed(line).get("xray_trace_id")) for group, line in lines)
        group, trace = next(((group, trace) for group, trace in traces if trace), ("", None))
        if trace is None:
            return Trace(problem="no line of the functions holds the id of a trace")
        told = "".join(self.lines(group, trace))
        sampled = {True: "Sampled=1" in told, False: "Sampled=0" in told}
        try:
            answer = self._aws.client("xray").batch_get_traces(TraceIds=[trace])
        except ClientError as error:
            return Trace(trace, problem=f"X-Ray does not tell of traces here: {code_of(error)}")
        segments = sum(len(found["Segments"]) for found in answer["Traces"])
        return Trace(trace, segments, next((value for value, is_told in sampled.items() if is_told), None))

    def keys(self, execution: str) -> list[str]:
        """Return the keys of all objects of an execution."""
        return [found.key for found in objects_of(self._aws, self._workflow.bucket, execution)]

    def _run(self, execution: Execution, message_id: str) -> Run:
        record = record_in(execution, message_id) or {}
        is_open = self._workflow.is_express and execution.status == "RUNNING"
        return Run(
            arn=execution.arn,
            name=execution.name,
            status=self._status(execution.name) if is_open else execution.status,
            reason=": ".join(part for part in (execution.error, execution.cause) if part),
            states=execution.states,
            definition=None if self._workflow.is_express else self._definition_of(execution.arn),
            handle=record.get("receiptHandle"),
        )

    def _definition_of(self, arn: str) -> dict[str, Any]:
        """Return the definition that an execution of a STANDARD state machine runs."""
        states = self._aws.client("stepfunctions")
        return parsed(states.describe_state_machine_for_execution(executionArn=arn)["definition"])

    def _status(self, execution: str) -> Status:
        """Return the status of an execution whose end is not in the log yet: its last stage writes the last object."""
        stages = self._workflow.stages
        return "SUCCEEDED" if stages and output_key(execution, stages[-1]) in self.keys(execution) else "RUNNING"


def _document(body: bytes, where: str, written_by: tuple[str, str]) -> Object:
    try:
        count = read_footer(body[-EDGE_BYTES:], where)
        decoder = msgspec.json.Decoder(dict[str, Any])
        return Object(sum(1 for _ in read_records([body], decoder, count=count, where=where, written_by=written_by)))
    except PermanentStageError as error:
        return Object(problem=str(error))
