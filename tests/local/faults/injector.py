"""Seeded faults of AWS, put between an engine's callers and what serves them, without a switch in the engine.

Each call of a role (function, job, pipe or state machine) passes the gateway, where it may be throttled, fail, be
carried out without an answer, or end its caller. What a call meets follows from the seed, the caller's role, the
operation and how many of its kind came before; the driver's own calls meet nothing.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Any, Final, NamedTuple
from unittest import mock

from moto.sqs.models import sqs_backends

from ceap.local.answers import Answer, refusal
from ceap.local.calls import Request
from ceap.local.clock import CLOCK
from ceap.local.engine import Engine
from ceap.local.gateway import _completed
from ceap.local.sessions import REGION, Session
from ceap.local.workers import Function, Launch, Process

_STALL_LOOK_S: Final = 0.02
_STALL_MAX_S: Final = 30.0

_THROTTLED: Final[Mapping[str, tuple[int, str]]] = {
    "dynamodb": (400, "ProvisionedThroughputExceededException"),
    "lambda": (429, "TooManyRequestsException"),
    "s3": (503, "SlowDown"),
    "sqs": (400, "RequestThrottled"),
}
_FAILED: Final[Mapping[str, str]] = {
    "dynamodb": "InternalServerError",
    "glue": "InternalServiceException",
    "lambda": "ServiceException",
    "s3": "InternalError",
}


class Kind(StrEnum):
    """What a call may meet, in the words of the table of a soak."""

    THROTTLED = "throttled"
    FAILED = "answered with 500"
    LOST = "carried out, answer lost"
    PARTIAL = "carried out in part"
    KILLED = "caller killed"
    STALLED = "caller timed out"
    UNDELETED = "deletion without effect"
    EARLY = "visible again at once"
    JUMPED = "clock jumped"


RATES: Final[Mapping[Kind, float]] = {
    Kind.THROTTLED: 0.008,
    Kind.FAILED: 0.008,
    Kind.LOST: 0.008,
    Kind.PARTIAL: 0.03,
    Kind.KILLED: 0.005,
    Kind.STALLED: 0.0003,
    Kind.UNDELETED: 0.03,
    Kind.EARLY: 0.04,
    Kind.JUMPED: 0.003,
}
"""How likely a call meets each kind that can meet it."""

JUMPS_S: Final = (-2.0, 45.0, 400.0, 2000.0)
"""How far the clock jumps: back a little, past a retrier's wait, an EXPRESS execution's limit, a queue's visibility."""


class Call(NamedTuple):
    """A call of a role: its operation, and whether a function or a job makes it."""

    operation: str
    by_function: bool
    by_job: bool


class Processes:
    """Starts the processes of functions as another launch does, and knows the newest of each function, by its name."""

    def __init__(self, launch: Launch) -> None:
        self._launch: Final = launch
        self._newest: Final[dict[str, Process]] = {}

    def __call__(self, function: Function, descriptors: Sequence[int], output: int) -> Process:
        process = self._newest[function.name] = self._launch(function, descriptors, output)
        return process

    def kill(self, function: str) -> None:
        """End a function's process and all that it started, if it still runs."""
        with suppress(ProcessLookupError):
            os.killpg(self._newest[function].pid, signal.SIGKILL)

    def await_end(self, function: str) -> None:
        """Return once somebody else has ended a function's process."""
        pid, until = self._newest[function].pid, time.monotonic() + _STALL_MAX_S
        with suppress(ProcessLookupError):
            while time.monotonic() < until:
                os.kill(pid, 0)
                time.sleep(_STALL_LOOK_S)


class Injector:
    """The faults of one engine; `counts` has how many there were of each kind, `receives` what pipes received."""

    def __init__(self, engine: Engine, processes: Processes, seed: int, rates: Mapping[Kind, float] = RATES) -> None:
        self.counts: Final[Counter[Kind]] = Counter()
        self.receives: Final[Counter[str]] = Counter()
        """How often each message was received by a pipe, by its id."""
        self.ended: Final[dict[str, str]] = {}
        """How the executions ended for whose end a pipe waited: their statuses by their names."""
        self._engine: Final = engine
        self._processes: Final = processes
        self._seed: Final = seed
        self._rates: Final = rates
        self._calls: Final[defaultdict[tuple[str, str], int]] = defaultdict(int)
        self._lock: Final = threading.Lock()
        self._planned: Final[dict[str, list[Kind]]] = {}
        self._is_active = False
        self._serve: Final = engine._gateway._serve

    def plan(self, operation: str, *kinds: Kind) -> None:
        """Let the next calls of an operation meet these faults, whatever the seed says.

        Calls of jobs alone, if `job` stands before it: `job s3 PUT`.
        """
        self._planned.setdefault(operation, []).extend(kinds)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the calls of the engine, in which `active` blocks meet faults."""
        with mock.patch.object(self._engine._gateway, "_serve", self._serve_watched):
            yield

    @contextmanager
    def active(self) -> Iterator[None]:
        self._is_active = True
        try:
            yield
        finally:
            self._is_active = False

    def _serve_watched(self, request: Request, message: Any) -> Answer:
        session = self._engine._sessions.find(request.access_key)
        if session is None or session is self._engine.driver:
            return self._serve(request, message)
        call = _call_of(request, session)
        kind, chance = self._draw(session, call) if self._is_active else (None, random.Random(0))
        if kind is None:
            return self._noted(request, self._serve(request, message))
        with self._lock:
            self.counts[kind] += 1
        return self._meet(kind, chance, request, message, session)

    def _draw(self, session: Session, call: Call) -> tuple[Kind | None, random.Random]:
        """Return what a call meets, None for nothing, and the chance that decides on the rest."""
        caller = session.role.rpartition("/")[2].rpartition("-")[0]  # what follows is drawn anew with each deployment
        with self._lock:
            number = self._calls[caller, call.operation] = self._calls[caller, call.operation] + 1
            planned = self._planned.get(f"job {call.operation}" if call.by_job else call.operation)
            kind = planned.pop(0) if planned else None
        chance = random.Random(f"{self._seed} {caller} {call.operation} {number}")
        drawn = chance.random()
        if kind is not None:
            return kind, chance
        for kind, rate in self._rates.items():
            if not _can_meet(kind, call):
                continue
            if drawn < rate:
                return kind, chance
            drawn -= rate
        return None, chance

    def _meet(self, kind: Kind, chance: random.Random, request: Request, message: Any, session: Session) -> Answer:
        service = request.service
        match kind:
            case Kind.THROTTLED:
                status, code = _THROTTLED.get(service, (400, "ThrottlingException"))
                return _completed(refusal(service, status, code, "Rate exceeded"))
            case Kind.FAILED:
                return _completed(refusal(service, 500, _FAILED.get(service, "InternalFailure"), "An internal error"))
            case Kind.LOST:
                self._noted(request, self._serve(request, message))
                raise ConnectionRefusedError
            case Kind.PARTIAL:
                return self._carry_out_in_part(request, message)
            case Kind.KILLED:
                if chance.random() < 0.5:
                    self._serve(request, message)
                self._kill(session)
                raise ConnectionRefusedError
            case Kind.STALLED:
                self._processes.await_end(_name_of(session))
                raise ConnectionRefusedError
            case Kind.UNDELETED:
                entries = [{"Id": entry["Id"]} for entry in request.document["Entries"]]
                return _document({"Successful": entries, "Failed": []})
            case Kind.EARLY:
                answer = self._noted(request, self._serve(request, message))
                self._show(request, {each["MessageId"] for each in json.loads(answer.body).get("Messages", ())})
                return answer
            case Kind.JUMPED:
                jump(chance.choice(JUMPS_S))
                return self._noted(request, self._serve(request, message))

    def _noted(self, request: Request, answer: Answer) -> Answer:
        """Note what a pipe received, or how an execution ended that it waited for."""
        if answer.status == 200 and request.operation == "ReceiveMessage":
            with self._lock:
                self.receives.update(each["MessageId"] for each in json.loads(answer.body).get("Messages", ()))
        if answer.status == 200 and request.operation == "StartSyncExecution":
            ended = json.loads(answer.body)
            with self._lock:
                self.ended[ended["name"]] = ended["status"]
        return answer

    def _carry_out_in_part(self, request: Request, message: Any) -> Answer:
        """Leave the first entry of a batch undone, as a service does that throttles a part."""
        given = request.document
        if request.operation == "PutEvents":
            _, *rest = given["Entries"]
            taken = self._again(request, message, {**given, "Entries": rest})["Entries"] if rest else []
            refused = {"ErrorCode": "ThrottlingException", "ErrorMessage": "Rate exceeded"}
            return _document({"FailedEntryCount": 1, "Entries": [refused, *taken]})
        [(table, wanted)] = given["RequestItems"].items()
        if request.operation == "BatchGetItem":
            left = {table: {**wanted, "Keys": wanted["Keys"]}}
            return _document({"Responses": {table: []}, "UnprocessedKeys": left})
        done = self._again(request, message, {"RequestItems": {table: wanted[1:]}}) if wanted[1:] else {}
        return _document({**done, "UnprocessedItems": {table: wanted[:1]}})

    def _again(self, request: Request, message: Any, given: Mapping[str, Any]) -> dict[str, Any]:
        body = json.dumps(given).encode()
        message._body = body
        answered: dict[str, Any] = json.loads(self._serve(request._replace(body=body), message).body)
        return answered

    def _kill(self, session: Session) -> None:
        if session.function:
            self._processes.kill(_name_of(session))
            return
        for pid in self._engine.jobs.pids():
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    def _show(self, request: Request, ids: set[str]) -> None:
        """Make messages visible that have just been received."""
        queue = sqs_backends[self._engine.account][REGION].get_queue(request.document["QueueUrl"].rpartition("/")[2])
        for each in list(queue._messages):
            if each.id in ids:
                each.visible_at = CLOCK.now() * 1000 - 1


def jump(seconds: float) -> None:
    """Let the engine's clock jump, whatever works."""
    with CLOCK._changed:
        CLOCK._offset_s += seconds
        CLOCK._changed.notify_all()


def _call_of(request: Request, session: Session) -> Call:
    operation = request.operation or f"{request.service} {request.method}"
    return Call(operation, session.function is not None, session.name == "GlueJobRunnerSession")


def _can_meet(kind: Kind, call: Call) -> bool:
    match kind:
        case Kind.KILLED:
            return call.by_function or call.by_job
        case Kind.STALLED:
            return call.by_function
        case Kind.UNDELETED:
            return call.operation == "DeleteMessageBatch"
        case Kind.EARLY:
            return call.operation == "ReceiveMessage"
        case Kind.PARTIAL:
            return call.operation in {"BatchGetItem", "BatchWriteItem", "PutEvents"}
        case Kind.THROTTLED | Kind.FAILED | Kind.LOST | Kind.JUMPED:
            return True


def _name_of(session: Session) -> str:
    return str(session.function).rpartition(":")[2]


def _document(document: Mapping[str, Any]) -> Answer:
    return _completed(Answer(200, json.dumps(document).encode()))
