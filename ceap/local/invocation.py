"""One stage run in this very process, as debuggers and coverage need it, and otherwise as its deployed function."""

from __future__ import annotations

import bdb
import builtins
import contextlib
import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import handlers
from ceap.local.child import worker
from ceap.local.executions import DeployedMachine
from ceap.local.frames import code_of_functions
from ceap.local.packages import lacking_of
from ceap.local.printed import PRINTED
from ceap.local.workers import Function, Outcome
from handlers.runtime import values
from handlers.runtime.aws import _session, client
from handlers.runtime.logs import logger
from templates import discovery

_OF_THE_MACHINE: Final = frozenset({"HOME", "LANG", "PATH", "TMPDIR"})
"""Variables that stay as they are: debuggers and editors need them."""


class Invocation(NamedTuple):
    """What came of a stage; `error` is what its handler raised."""

    outcome: Outcome
    error: Exception | None


class ProcessExitError(Exception):
    """The handler would have ended its process."""


def build_event(machine: DeployedMachine, stage: str, execution: str, body: str | None) -> dict[str, Any]:
    """Return the event that the state machine passes to a stage of an execution; `body` is that of the message."""
    payload = json.loads(machine.definition)["States"][stage]["Parameters"]["Payload"]
    values = {"$$.Execution.Name": execution, "$.body": body}
    return {name.removesuffix(".$"): values[value] if name.endswith(".$") else value for name, value in payload.items()}


@contextlib.contextmanager
def environment_of(function: Function) -> Iterator[None]:
    """Give this process the environment of a function; what its runtime keeps for later is forgotten at both ends."""
    before = dict(os.environ)
    no_proxy = ",".join(filter(None, (before.get("no_proxy", before.get("NO_PROXY")), "127.0.0.1")))
    os.environ.update(
        {name: value for name, value in function.environment.items() if name not in _OF_THE_MACHINE}
        | {
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "LAMBDA_TASK_ROOT": str(Path(handlers.__path__[0]).parent),
            "no_proxy": no_proxy,
        }
    )
    time.tzset()
    _forget()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        time.tzset()
        _forget()


def _forget() -> None:
    for kept in (client, _session, logger):
        kept.cache_clear()
    values.forget()


def invoke(function: Function, event: Mapping[str, Any], limit_s: float) -> Invocation:
    """Run the handler of a function on an event, with its environment; it is told that it has so many seconds.

    Raises:
        KeyboardInterrupt: The developer has ended it, also in a debugger.
    """
    errors: list[Exception] = []
    request = {
        "requestId": str(uuid.uuid4()),
        "event": event,
        "arn": function.arn,
        "deadline": time.time() + limit_s,
        "offset": 0.0,
    }
    started = time.monotonic()
    with PRINTED.in_place_of_stdout(code_of_functions(function.root)), _own_packages(function):
        handler, answer = _load(function.handler)
        if handler:
            answer = worker.invoke(_noting(handler, errors), request)
    if any(isinstance(link, bdb.BdbQuit) for error in errors for link in chain_of(error)):
        raise KeyboardInterrupt
    outcome = Outcome(
        payload=json.dumps(answer["error"]) if "error" in answer else answer["result"],
        failed="error" in answer,
        lines=[],
        duration_s=time.monotonic() - started,
        memory_mb=0,
        failure=answer.get("failure"),
    )
    return Invocation(outcome, errors[0] if errors else None)


@contextlib.contextmanager
def _own_packages(function: Function) -> Iterator[None]:
    """Let the modules of handlers import what the function has on AWS, and nothing else that this process has."""
    lacking, import_any = lacking_of(function.root), builtins.__import__

    def import_own(
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002 (the built-in one's own name)
        locals: Mapping[str, object] | None = None,  # noqa: A002 (as above)
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        if level == 0 and str((globals or {}).get("__name__")).startswith("handlers."):
            parts = name.split(".")
            parents = [".".join(parts[: end + 1]) for end in range(len(parts))]
            for module in (*parents, *(f"{name}.{each}" for each in fromlist or ())):
                if module in lacking:
                    raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        return import_any(name, globals, locals, fromlist, level)

    builtins.__import__ = import_own
    try:
        yield
    finally:
        builtins.__import__ = import_any


def _load(handler: str) -> tuple[worker.Handler | None, dict[str, Any]]:
    """Import a handler anew, which a check of the declaration has let import anything; return it as a worker does."""
    discovery.forget_handlers()
    return worker.load(handler)


def _noting(handler: worker.Handler, errors: list[Exception]) -> worker.Handler:
    """Return a handler that notes what it raises, with its traceback."""

    def run(event: Any, context: worker.InvocationContext) -> Any:
        try:
            return handler(event, context)
        except SystemExit as end:
            errors.append(ProcessExitError(f"the handler ended its process, with status {end.code}"))
            raise errors[0] from end
        except Exception as error:
            errors.append(error)
            raise

    return run


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
