"""Reads from AWS what a smoke run judges; changes nothing."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.errors import code_of
from ceap.aws.session import Aws
from ceap.deploy.smoke.expectations import Expectations, LogLines, StageObject, Traced
from ceap.deploy.smoke.facts import AlarmState, Item, Items, Object, Run, Status, Trace
from handlers.runtime.contract import EXECUTIONS_PREFIX, PermanentStageError, error_key, output_key
from handlers.runtime.document import EDGE_BYTES, read_footer, read_records

SKEW_S: Final = 300
"""How far a clock here may be from that of AWS: it refuses a signature that is further off."""

TABLE_MAX_BYTES: Final = 256 * 1024 * 1024
"""The largest table that is searched: a scan reads, and costs, all of it."""

_ALARMS_MAX: Final = 100
_ENDS: Final[Mapping[str, Status]] = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionTimedOut": "TIMED_OUT",
    "ExecutionAborted": "ABORTED",
}


class Reader:
    """AWS as one smoke run sees it; `since` is when it began, in seconds since the epoch."""

    def __init__(self, aws: Aws, expected: Expectations, since: float) -> None:
        self._aws: Final = aws
        self._expected: Final = expected
        self._since: Final = since - SKEW_S
        self._others: Final[set[str]] = set()

    def definition(self) -> dict[str, Any]:
        """Return the definition that the state machine has now."""
        states = self._aws.client("stepfunctions")
        return _parsed(states.describe_state_machine(stateMachineArn=self._expected.machine)["definition"])

    def dead_letters(self) -> int:
        names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesDelayed",
            "ApproximateNumberOfMessagesNotVisible",
        ]
        sqs = self._aws.client("sqs")
        answer = sqs.get_queue_attributes(QueueUrl=self._expected.dead_letter_queue, AttributeNames=names)
        return sum(int(count) for count in answer["Attributes"].values())

    def runs(self, message_id: str) -> list[Run]:
        """Return the executions of a message, the earliest first; those of other messages are never among them."""
        found = self._express(message_id) if self._expected.is_express else self._standard(message_id)
        return list(found)

    def object(self, check: StageObject, execution: str) -> Object | None:
        """Return a stage's output; where it is missing what its error.json says; None if there is neither."""
        key = output_key(execution, check.stage)
        where = f"s3://{check.bucket}/{key}"
        body = self._read(check.bucket, key)
        if body is not None:
            return _document(body, where, (execution, check.stage)) if check.is_document else Object()
        error = self._read(check.bucket, error_key(execution, check.stage))
        if error is None:
            return None
        told = json.loads(error)
        return Object(problem=f"is missing; error.json says {told.get('errorType')}: {told.get('errorMessage')}")

    def lines_of(self, check: LogLines, execution: str) -> int:
        """Return how many lines a stage's function wrote that name an execution, or its job in the runs for it."""
        if check.job is None:
            return len(self.lines(check.log_group, execution))
        pages = self._aws.client("glue").get_paginator("get_job_runs").paginate(JobName=check.job)
        runs = (run for page in pages for run in page["JobRuns"])
        recent = itertools.takewhile(lambda run: run["StartedOn"].timestamp() >= self._since, runs)  # newest first
        ours = [run["Id"] for run in recent if run.get("Arguments", {}).get("--execution-id") == execution]
        return sum(self._stream_lines(check.log_group, run) for run in ours)

    def _stream_lines(self, log_group: str, prefix: str) -> int:
        logs, count = self._aws.client("logs"), 0
        with _missing("ResourceNotFoundException"):
            pages = logs.get_paginator("describe_log_streams").paginate(
                logGroupName=log_group, logStreamNamePrefix=prefix
            )
            for name in [stream["logStreamName"] for page in pages for stream in page["logStreams"]]:
                lines = logs.get_paginator("filter_log_events").paginate(logGroupName=log_group, logStreamNames=[name])
                count += sum(len(page["events"]) for page in lines)
        return count

    def lines(self, log_group: str, term: str) -> list[str]:
        """Return the lines of a log group since the run began that hold a text; none if there is no such group."""
        pages = (
            self._aws.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=log_group, startTime=math.floor(self._since * 1000), filterPattern=f'"{term}"')
        )
        with _missing("ResourceNotFoundException"):
            return [event["message"] for page in pages for event in page["events"]]
        return []

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
        traces = ((group, _parsed(line).get("xray_trace_id")) for group, line in lines)
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
        pages = (
            self._aws.client("s3")
            .get_paginator("list_objects_v2")
            .paginate(Bucket=self._expected.bucket, Prefix=f"{EXECUTIONS_PREFIX}{execution}/")
        )
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def _read(self, bucket: str, key: str) -> bytes | None:
        with _missing("NoSuchKey"):
            body: bytes = self._aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
            return body
        return None

    def _standard(self, message_id: str) -> Iterator[Run]:
        states = self._aws.client("stepfunctions")
        pages = states.get_paginator("list_executions").paginate(stateMachineArn=self._expected.machine)
        found = []
        for entry in (entry for page in pages for entry in page["executions"]):
            if entry["startDate"].timestamp() < self._since:
                break  # the newest come first
            if entry["executionArn"] not in self._others:
                found.append(entry["executionArn"])
        for arn in reversed(found):
            execution = states.describe_execution(executionArn=arn)
            if (record := _record(execution["input"], message_id)) is None:
                self._others.add(arn)
                continue
            ran = states.describe_state_machine_for_execution(executionArn=arn)
            yield Run(
                arn=arn,
                name=execution["name"],
                status=execution["status"],
                reason=_reason(execution),
                definition=_parsed(ran["definition"]),
                handle=record["receiptHandle"],
            )

    def _express(self, message_id: str) -> Iterator[Run]:
        """Yield the executions that the machine's log shows: AWS lists none of an EXPRESS machine."""
        started = {}
        for line in map(_parsed, self.lines(self._expected.log_group, message_id)):
            if line.get("type") == "ExecutionStarted" and (record := _record(line["details"]["input"], message_id)):
                started[line["execution_arn"]] = record["receiptHandle"]
        for arn, handle in started.items():
            events = sorted(map(_parsed, self.lines(self._expected.log_group, arn)), key=lambda event: int(event["id"]))
            end = next((event for event in events if event["type"] in _ENDS), None)
            # arn:aws:states:REGION:ACCOUNT:express:MACHINE:NAME:UUID
            name = arn.split(":")[7]
            yield Run(
                arn=arn,
                name=name,
                status=_ENDS[end["type"]] if end else self._status(name),
                reason=_reason(end["details"]) if end else "",
                states=tuple(event["details"]["name"] for event in events if event["type"].endswith("StateEntered")),
                handle=handle,
            )

    def _status(self, execution: str) -> Status:
        """Return the status of an execution whose end is not in the log yet: its last stage writes the last object."""
        done = self._expected.stages and output_key(execution, self._expected.stages[-1]) in self.keys(execution)
        return "SUCCEEDED" if done else "RUNNING"


@contextmanager
def _missing(code: str) -> Iterator[None]:
    """Suppress the error of AWS that says that something does not exist, and no other."""
    try:
        yield
    except ClientError as error:
        if code_of(error) != code:
            raise


def _document(body: bytes, where: str, written_by: tuple[str, str]) -> Object:
    try:
        count = read_footer(body[-EDGE_BYTES:], where)
        decoder = msgspec.json.Decoder(dict[str, Any])
        return Object(sum(1 for _ in read_records([body], decoder, count=count, where=where, written_by=written_by)))
    except PermanentStageError as error:
        return Object(problem=str(error))


def _record(given: str, message_id: str) -> Mapping[str, Any] | None:
    """Return the record of a message in the input of an execution, which a pipe makes; None if it is another's."""
    try:
        records = json.loads(given)
    except ValueError:
        return None
    if not isinstance(records, list):
        return None
    return next(
        (record for record in records if isinstance(record, dict) and record.get("messageId") == message_id), None
    )


def _reason(details: Mapping[str, Any]) -> str:
    """Return error and cause; a cause that is the JSON of a failed function or job is its message alone."""
    cause = str(details.get("cause") or "")
    failed = _parsed(cause)
    message = failed.get("errorMessage") or failed.get("ErrorMessage") or cause
    return ": ".join(str(part) for part in (details.get("error"), message) if part)


def _parsed(text: str) -> dict[str, Any]:
    """Return a JSON object; an empty one for any other text, such as a line of a log that is none."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
