"""Reads from AWS what the status of a workflow is judged by; changes nothing, and receives no message."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple, TypeVar

from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.deployed import LIVE, agrees
from ceap.aws.errors import explain, is_absent
from ceap.aws.flow import Messages, count_messages, pipe_states
from ceap.aws.history import load_last
from ceap.aws.history import time_of as time_of_record
from ceap.aws.moment import time_of
from ceap.aws.session import Aws
from ceap.aws.workflow import load_deployed
from ceap.errors import CommandError, SetupError
from ceap.operate import status_metrics
from ceap.operate.status_executions import Listing, Looker, count, failures_in
from ceap.operate.status_express import FailedLog, horizon_s, unexplained
from ceap.operate.status_facts import (
    Alarm,
    Counts,
    Deployment,
    Depth,
    Facts,
    Failure,
    Pipe,
    StackState,
    Unread,
)
from templates import naming

READERS: Final = 8
LOOKED_MAX: Final = 100
"""How many failed executions are looked at, at most: AWS tells the error of one at a time."""
ALL_MAX: Final = 1000
SHOWN_MAX: Final = 10
"""How many failed executions are shown, and of how many EXPRESS ones it is found out what became of their message."""
_ALARMS_MAX: Final = 100
_RUNBOOK: Final = re.compile(r"Runbook: (\S+)")
"""How the description of an alarm ends; see `templates/resources/alarms.py`."""

_T = TypeVar("_T")


class _Executions(NamedTuple):
    counts: Counts
    failures: list[Failure]
    unexplained: int = 0


class StatusReader:
    """A deployed workflow as one operator sees it; `reach_s` is how far back executions count.

    Later calls of `read` ask for little of what an earlier one has read.
    """

    def __init__(self, aws: Aws, workflow: str, environment: str, reach_s: float, *, is_all: bool = False) -> None:
        self._aws: Final = aws
        self._name: Final = workflow
        self._environment: Final = environment
        self._reach_s: Final = reach_s
        self._looked_max: Final = ALL_MAX if is_all else LOOKED_MAX
        self._shown_max: Final = LOOKED_MAX if is_all else SHOWN_MAX
        self._changed = 0.0
        self._load()

    def read(self) -> Facts:
        """Return what AWS shows now.

        Raises:
            SetupError: the stack is missing, or not whole.
        """
        stack, now = self._stack()
        if stack.changed != self._changed:
            self._load()
            self._changed = stack.changed
        since, unread = now - self._reach_s, list[Unread]()
        with ThreadPoolExecutor(READERS) as pool:

            def begin(what: str, read: Callable[[], _T]) -> Callable[[], _T | None]:
                return pool.submit(self._attempt, what, read, unread).result

            workflow = self._workflow
            executions = begin("the executions", lambda: self._executions(since, now, unread))
            queue = begin("the queue", lambda: count_messages(self._aws, workflow.queue))
            dead = begin("the dead-letter queue", lambda: count_messages(self._aws, workflow.dead_letter_queue))
            ages = begin("the ages of messages", lambda: self._ages(now))
            pipe = begin("the pipe", self._pipe)
            alarms = begin("the alarms", lambda: tuple(self._alarms()))
            deployment = begin("the record of the last deployment", self._deployment)
            is_deployed = begin("the state machine", self._is_definition_deployed)
            ran = executions()
            return Facts(
                stack=stack,
                workflow=self._name,
                environment=self._environment,
                account=self._aws.account,
                region=self._aws.region,
                type=workflow.type,
                now=now,
                since=since,
                executions=ran.counts if ran else None,
                failures=tuple(ran.failures) if ran else (),
                unexplained=ran.unexplained if ran else 0,
                queue=_depth(queue(), (ages() or {}).get("queue")),
                dead_letters=_depth(dead(), (ages() or {}).get("dead")),
                pipe=pipe(),
                alarms=alarms(),
                deployment=deployment(),
                is_definition_deployed=is_deployed(),
                unread=tuple(sorted(unread, key=lambda each: each.what)),
            )

    def _load(self) -> None:
        self._workflow = load_deployed(self._aws, self._name, self._environment, LIVE)
        self._listing = Listing(self._aws, self._workflow.machine)
        self._looker = Looker(self._aws)
        self._log = FailedLog(self._aws, self._workflow)

    def _attempt(self, what: str, read: Callable[[], _T], unread: list[Unread]) -> _T | None:
        """Return what is read; where AWS refuses it, nothing, and note why."""
        try:
            return read()
        except ClientError as error:
            why = str(explain(error, self._aws.profile))
            unread.append(Unread(what=what, why=why, is_missing=is_absent(error)))
        except CommandError as error:
            unread.append(Unread(what=what, why=str(error)))
        return None

    def _stack(self) -> tuple[StackState, float]:
        name = naming.stack(self._name, self._environment)
        answer = self._aws.client("cloudformation").describe_stacks(StackName=self._workflow.stack.name)
        [found] = answer["Stacks"]
        if found["StackStatus"] not in LIVE:
            raise SetupError(f"stack {name} is {found['StackStatus']}; deploy it: `ceap deploy`")
        changed = found.get("LastUpdatedTime") or found["CreationTime"]
        stack = StackState(
            name=name,
            status=found["StackStatus"],
            changed=changed.timestamp(),
            reason=found.get("StackStatusReason") or "",
        )
        return stack, time_of(answer)

    def _executions(self, since: float, now: float, unread: list[Unread]) -> _Executions:
        if self._workflow.is_express:
            return self._express(since, now, unread)
        found = self._listing.read(since)
        failures = failures_in(found)
        looked = self._attempt(
            "errors of failed executions", lambda: self._looker.look(failures, self._looked_max), unread
        )
        return _Executions(count(found), failures if looked is None else looked)

    def _express(self, since: float, now: float, unread: list[Unread]) -> _Executions:
        outcomes = status_metrics.read_outcomes(self._aws, self._workflow.machine, since, now)
        failed, period_s = status_metrics.unsuccessful_in(outcomes), status_metrics.outcome_period_s(self._reach_s)
        failures = self._attempt(
            "failed executions in the log",
            lambda: self._log.read(failed, period_s, now, self._looked_max, self._shown_max),
            unread,
        )
        begin = now - horizon_s(self._workflow) - period_s
        unknown = unexplained(failed, failures or [], begin)
        return _Executions(status_metrics.counts_in(outcomes), failures or [], unknown)

    def _ages(self, now: float) -> dict[str, float]:
        workflow = self._workflow
        names = {"queue": workflow.queue, "dead": workflow.dead_letter_queue}
        return status_metrics.read_ages(self._aws, {key: url.rpartition("/")[2] for key, url in names.items()}, now)

    def _pipe(self) -> Pipe:
        name, found = self._workflow.pipe, pipe_states(self._aws, self._workflow.pipe)
        return Pipe(
            name=name,
            declared=self._workflow.pipe_state,
            desired=found.desired,
            current=found.current,
            reason=found.reason,
        )

    def _alarms(self) -> Iterator[Alarm]:
        names, found = self._workflow.alarms, dict[str, Mapping[str, Any]]()
        for begin in range(0, len(names), _ALARMS_MAX):
            some = list(names[begin : begin + _ALARMS_MAX])
            answer = self._aws.client("cloudwatch").describe_alarms(AlarmNames=some, MaxRecords=_ALARMS_MAX)
            found |= {alarm["AlarmName"]: alarm for alarm in answer["MetricAlarms"]}
        for name in names:
            alarm = found.get(name, {})
            since = alarm.get("StateUpdatedTimestamp")
            yield Alarm(
                name=name,
                state=alarm.get("StateValue", "MISSING"),
                reason=alarm.get("StateReason") or "",
                since=since.timestamp() if since else None,
                runbook=_runbook_in(alarm.get("AlarmDescription") or ""),
            )

    def _deployment(self) -> Deployment | None:
        exported = {"Fn::ImportValue": {"Fn::Sub": naming.export(naming.ARTIFACT_BUCKET_ID)}}
        bucket = self._workflow.stack.value(exported)
        record = load_last(self._aws, bucket, self._workflow.name) if bucket else None
        if record is None:
            return None
        return Deployment(
            at=time_of_record(record).timestamp(),
            operation=record.operation,
            outcome=record.outcome,
            by=record.by,
            revision=record.revision,
            is_clean=record.is_clean,
        )

    def _is_definition_deployed(self) -> bool:
        machine = self._workflow
        found = self._aws.client("stepfunctions").describe_state_machine(stateMachineArn=machine.machine)
        expected = machine.stack.definition(machine.definition.resource.logical_id)
        return agrees(expected, json.loads(found["definition"]))


def _runbook_in(description: str) -> str | None:
    found = _RUNBOOK.search(description)
    return found[1] if found else None


def _depth(messages: Messages | None, oldest_s: float | None) -> Depth | None:
    if messages is None:
        return None
    total = messages.waiting + messages.in_flight
    return Depth(
        waiting=messages.waiting, in_flight=messages.in_flight, oldest_s=oldest_s if total and oldest_s else None
    )
