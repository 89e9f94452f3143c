"""The functions of an engine: what Lambda does around a handler.

It finds the deployed function, unpacks its code, assumes its role, keeps one warm worker for it, injects the requested
faults, and writes its log.
"""

import hashlib
import io
import itertools
import json
import re
import threading
import uuid
import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn, Protocol

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends

from ceap import signals
from ceap.local.answers import Answer, refusal
from ceap.local.bytecode import write_bytecode
from ceap.local.calls import INVOKE_PATH, FunctionName, Request, UnknownCallError, read_function_name
from ceap.local.clock import Clock
from ceap.local.function_variables import variables_of
from ceap.local.logs import Logs
from ceap.local.metrics import metrics_of
from ceap.local.packages import check_installed, lacking_file, remove_wheels, write_lacking
from ceap.local.sessions import REGION, Session, Sessions
from ceap.local.workers import Function, Launch, Outcome, Worker

# Source: Lambda Developer Guide, "Lambda quotas"; the texts of the refusals, which have the very numbers.
_REQUEST_BYTES: Final = 6 * 1024 * 1024
_RESPONSE_BYTES: Final = 6 * 1024 * 1024 + 100
_LATEST: Final = "$LATEST"


class Fault:
    """An error that a function raises before its handler runs, on its next `times` invocations; None: on every one."""

    def __init__(self, error_type: str, times: int | None) -> None:
        self.error_type: Final = error_type
        self._left = times

    def take(self) -> Mapping[str, str] | None:
        if self._left == 0:
            return None
        if self._left is not None:
            self._left -= 1
        return {"errorType": self.error_type, "errorMessage": "This failure was asked for (fault injection)."}


class FunctionListener(Protocol):
    """Hears what functions do while they do it, from several threads.

    `event` is that of the invocation, or of the function that began a chain of invocations.
    """

    def hear(self, function: Function, event: Any, line: str) -> None:
        """Called with each line that a function prints."""

    def end(self, function: Function, event: Any, outcome: Outcome) -> None:
        """Called when an invocation has ended, before its caller gets the answer."""

    def end_called(self, function: Function, event: Any, outcome: Outcome) -> None:
        """Called instead of `end` if another function is the caller."""


class _Work(NamedTuple):
    """An invocation in progress: the event that its chain of invocations began with, and the functions of the chain.

    The last of these is the function itself, by its ARN; `caller` is the invocation that waits for it, if one does.
    """

    event: Any
    chain: tuple[str, ...]
    caller: Any = None


class Functions:
    """All functions of one engine; `url` is the address of their AWS."""

    def __init__(
        self, account: str, folder: Path, sessions: Sessions, logs: Logs, clock: Clock, *, launch: Launch
    ) -> None:
        self.url = ""
        self.listener: FunctionListener | None = None
        self.homes: Final[dict[str, Path]] = {}
        """The folders of code that is not ceap's, by the names of its functions: it brings its own packages."""
        self._account: Final = account
        self._folder: Final = folder
        self._sessions: Final = sessions
        self._logs: Final = logs
        self._clock: Final = clock
        self._launch: Final = launch
        self._lock: Final = threading.Lock()
        self._closed = False
        self._turns: Final[dict[str, threading.Lock]] = {}
        self._workers: Final[dict[str, Worker]] = {}
        self._faults: Final[dict[str, Fault]] = {}
        self._at_work: Final[dict[str, _Work]] = {}
        """The newest invocation of each function, by its ARN."""
        self._occupied: Final[dict[str, _Work]] = {}
        """The invocation that each environment is busy with."""

    def serve(self, request: Request) -> Answer | None:
        """Serve an `Invoke` of the Lambda API; synchronous only."""
        match = INVOKE_PATH.fullmatch(request.path)
        if request.service != "lambda" or match is None:
            return None
        named = read_function_name(match["function"], request.query.get("Qualifier", ""))
        try:
            self._find(named.name, named.qualifier)
        except UnknownFunctionException:
            asked = _arn(request, named._replace(qualifier=named.qualifier or _LATEST))
            body = {"Type": "User", "Message": f"Function not found: {asked}"}
            return Answer(404, json.dumps(body).encode(), {"x-amzn-ErrorType": "ResourceNotFoundException"})
        session = self._sessions.find(request.access_key)
        caller = self._at_work.get(session.function) if session and session.function else None
        if unknown := self._unmodelled(request, named, caller):
            return refusal("lambda", 501, "NotImplemented", str(UnknownCallError(request, unknown)))
        if len(request.body) > _REQUEST_BYTES:
            message = f"Request must be smaller than {_REQUEST_BYTES} bytes for the InvokeFunction operation"
            return refusal("lambda", 413, "RequestTooLargeException", message)
        try:
            event = json.loads(request.body.decode() or "{}", parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            message = f"Could not parse request body into json: {error}"
            return refusal("lambda", 400, "InvalidRequestContentException", message)
        outcome, headers = self._invoke(named, event, caller)
        if outcome.failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        return Answer(200, outcome.payload.encode(), headers)

    def inject(self, function: str, error_type: str, times: int | None) -> None:
        """Make a function, by name, raise an error of that type on its next `times` invocations; None: always."""
        self._faults[function] = Fault(error_type, times)

    def add(self, name: str, *, warm: bool) -> None:
        """Take in a deployed or changed function; if `warm`, its worker is started, and not waited for.

        As on AWS, an invocation that is under way goes on with what the function was; the next has what it is.

        Raises:
            AccessDenied: Lambda may not assume its role.
            SetupError: A package that its zip holds on AWS is not installed here.
        """
        function = self.describe(name)
        if function.home is None:
            check_installed(function.root)
        turn = self._turn(name)
        if warm and turn.acquire(blocking=False):
            try:
                self._worker(function, name)
            finally:
                turn.release()

    def remove(self, name: str) -> None:
        """End the workers of a function that was deleted; one that works goes on until the engine is closed."""
        for key in [key for key in list(self._workers) if re.split("[:#]", key)[0] == name]:
            turn = self._turn(key)
            if turn.acquire(blocking=False):
                try:
                    with self._lock:
                        worker = self._workers.pop(key, None)
                    if worker is not None:
                        worker.close()
                finally:
                    turn.release()

    def describe(self, name: str) -> Function:
        """Return a deployed function by name."""
        return self._function(name)[0]

    def invoke(self, name: str, event: Any) -> Outcome:
        """Invoke a function by name with an event that JSON can carry."""
        return self._invoke(FunctionName("", "", name, ""), event, None)[0]

    def _invoke(self, named: FunctionName, event: Any, caller: _Work | None) -> tuple[Outcome, dict[str, str]]:
        """Invoke a function, and return what came of it, with the headers that tell its version and its id."""
        name, version = named.name, str(self._find(named.name, named.qualifier).version)
        environment = self._environment_for(_key(name, version))
        with self._turn(environment):
            request_id = str(uuid.uuid4())
            function, session = self._function(name, version)
            own = str(session.function)
            arn = f"{own}:{named.qualifier}" if named.qualifier else own
            with self._lock:
                fault = self._faults[name].take() if name in self._faults else None
            listener = self.listener
            begun_with = caller.event if caller else event
            hear = partial(listener.hear, function, begun_with) if listener else None
            invoked_at, offset_s = self._clock.now(), self._clock.offset_s
            work = _Work(begun_with, (*(caller.chain if caller else ()), own), caller)
            self._at_work[own] = self._occupied[environment] = work
            try:
                worker = self._worker(function, environment)
                outcome = _within_limit(worker.invoke(request_id, event, offset_s, fault, hear=hear, arn=arn))
            finally:
                del self._occupied[environment]
                if self._at_work.get(own) is work:
                    del self._at_work[own]
            self._log(function, session, request_id, outcome)
            self._measure(name, invoked_at, outcome)
            if listener and not self._is_abandoned(work):
                end = listener.end_called if caller else listener.end
                end(function, begun_with, outcome)
        return outcome, {"X-Amz-Executed-Version": version, "x-amzn-RequestId": request_id}

    def _environment_for(self, key: str) -> str:
        """Return the environment that takes an invocation next: one, but for those whose callers wait no more.

        As on AWS, what these do goes on, and a new attempt does not wait for it.
        """
        for number in itertools.count():
            environment = f"{key}#{number}" if number else key
            work = self._occupied.get(environment)
            if work is None or not self._is_abandoned(work):
                return environment
        raise AssertionError

    def _is_abandoned(self, work: _Work) -> bool:
        """Tell whether the caller of an invocation has ended meanwhile."""
        return work.caller is not None and self._at_work.get(work.caller.chain[-1]) is not work.caller

    def pids(self) -> list[int]:
        return [worker.pid for worker in self._workers.values() if worker.alive]

    def close(self) -> None:
        """End all workers and start no more."""
        with self._lock:
            self._closed = True
            workers = list(self._workers.items())
        for _, worker in workers:
            worker.kill()
        for key, worker in workers:
            with self._turn(key):  # a waiting caller has noticed by now that the worker ended
                worker.close()

    def _turn(self, key: str) -> threading.Lock:
        with self._lock:
            return self._turns.setdefault(key, threading.Lock())

    def _worker(self, function: Function, key: str) -> Worker:
        """Return the worker of a function as it is now; the caller holds the lock that `_turn` returns."""
        with signals.starting(), self._lock:
            if self._closed:
                raise RuntimeError("the engine is closed")
            worker = self._workers.get(key)
            if worker is None or not worker.alive or worker.function != function:
                if worker is not None:
                    worker.close()
                worker = self._workers[key] = Worker(function, self._launch)
            return worker

    def _find(self, name: str, qualifier: str) -> Any:
        """Return a deployed function, or a version of it, also by its alias; moto's own error if there is none."""
        # No name of a function, and moto would take it apart; nor a version, whose letters moto does not distinguish.
        if ":" in name or ("$" in qualifier and qualifier != _LATEST):
            raise UnknownFunctionException(name)
        return lambda_backends[self._account][REGION].get_function(name, qualifier or None)

    def _unmodelled(self, request: Request, named: FunctionName, caller: _Work | None) -> str | None:
        """Return what of a call the engine does not model; None if it serves the call."""
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        if kind != "RequestResponse":
            return f"the invocation type {kind} is not modelled"
        if named.region not in {"", request.region} or named.account not in {"", request.account}:
            return f"{_arn(request, named)} belongs to another account or Region"
        if caller and _arn(request, named._replace(qualifier="")) in caller.chain:
            return "a function that invokes itself, also by way of others, would wait here for its own end"
        aliases = lambda_backends[self._account][REGION].list_aliases(named.name)
        if any(alias.name == named.qualifier and alias.routing_config for alias in aliases):
            return f"the alias {named.qualifier} leads to two versions, which is not modelled"
        return None

    def _function(self, name: str, version: str = _LATEST) -> tuple[Function, Session]:
        """Return a deployed function, or a version of it, and the session of its role."""
        deployed = self._find(name, version)
        if not deployed.code_bytes:
            code = deployed.code
            raise FileNotFoundError(f"{name}: its code is not there: {code.get('S3Key')} in {code.get('S3Bucket')}")
        latest = str(self._find(name, _LATEST).function_arn)
        session = self._sessions.assume(deployed.role, service="lambda", source=latest, name=name)
        home = self.homes.get(name)
        with signals.starting():
            root, lacking = self._unpack(deployed.code_bytes, keep_packages=home is not None)
            own = self._own_folder(name)
        function = Function(
            name=name,
            arn=deployed.function_arn,
            handler=str(deployed.handler),
            timeout_s=int(deployed.timeout),
            memory_mb=int(deployed.memory_size),
            environment=variables_of(deployed, version, session, self.url, root=root, own=own),
            root=root,
            lacking=lacking,
            version=version,
            home=home,
        )
        return function, session

    def _unpack(self, code: bytes, *, keep_packages: bool) -> tuple[Path, Path]:
        """Return the folder with the code of a zip, and the file with what it lacks; functions share those of a zip.

        Its packages are kept, or else those that are installed here take their place.
        """
        root = self._folder / f"{hashlib.sha256(code).hexdigest()[:16]}{'-kept' * keep_packages}" / "task"
        with self._lock:
            if not root.exists():
                with zipfile.ZipFile(io.BytesIO(code)) as archive:
                    # Byte code in it is for Lambda's Python: `write_bytecode` makes what this one needs.
                    archive.extractall(root, [name for name in archive.namelist() if "__pycache__" not in name])
                if not keep_packages:
                    remove_wheels(root)
                write_bytecode(root)
                _forbid_writing(root)
                write_lacking(root)
        return root, lacking_file(root)

    def _own_folder(self, name: str) -> Path:
        """Return the folder in which a function may write; as Lambda's /tmp it outlasts the function's process."""
        folder = self._folder / f"tmp-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
        folder.mkdir(exist_ok=True)
        return folder

    def _log(self, function: Function, session: Session, request_id: str, outcome: Outcome) -> None:
        milliseconds = outcome.duration_s * 1000
        lines = [
            f"START RequestId: {request_id} Version: {function.version}",
            *outcome.lines,
            *(_error_lines(outcome) if outcome.failed else []),
            f"END RequestId: {request_id}",
            f"REPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms\tBilled Duration: {milliseconds:.0f} ms\t"
            f"Memory Size: {function.memory_mb} MB\tMax Memory Used: {outcome.memory_mb} MB",
        ]
        group = function.environment["AWS_LAMBDA_LOG_GROUP_NAME"]
        self._logs.write(group, function.environment["AWS_LAMBDA_LOG_STREAM_NAME"], lines, session)

    def _measure(self, name: str, invoked_at: float, outcome: Outcome) -> None:
        """Add the metrics of an invocation, which AWS dates by its beginning."""
        values = {"Invocations": 1.0, "Errors": float(outcome.failed), "Duration": outcome.duration_s * 1000}
        metrics_of(self._account).add("AWS/Lambda", {"FunctionName": name}, values, invoked_at)


def _within_limit(outcome: Outcome) -> Outcome:
    """Return an outcome as it is, or as the failure that Lambda makes of a result that is too large."""
    if len(outcome.payload.encode()) <= _RESPONSE_BYTES:
        return outcome
    error = {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": f"Response payload size exceeded maximum allowed payload size ({_RESPONSE_BYTES} bytes).",
    }
    return outcome._replace(failed=True, payload=json.dumps(error))


def _forbid_writing(root: Path) -> None:
    """Make code read-only, as below /var/task; `child/worker.py` refuses it to root, whom modes do not hold back."""
    for path in (root, *root.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)


def _error_lines(outcome: Outcome) -> list[str]:
    error = json.loads(outcome.payload)
    first = f"[ERROR] {error['errorType']}: {error['errorMessage']}"
    return [first, *"".join(error.get("stackTrace", ())).splitlines()]


def _key(name: str, version: str) -> str:
    """Return what names the one worker of a version."""
    return name if version == _LATEST else f"{name}:{version}"


def _arn(request: Request, named: FunctionName) -> str:
    region, account = named.region or request.region, named.account or request.account
    return f"arn:aws:lambda:{region}:{account}:function:{named.qualified}"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
