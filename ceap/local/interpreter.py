"""moto's interpreter of the Amazon States Language (LocalStack's), bent to the virtual clock and to real roles.

Everything here touches private parts of moto 5.2.5; `install` asserts that they are as expected.
What it changes: retriers, Wait states and the machine's timeout run on the virtual clock; calls are made as the state
machine's role; States.ALL does not catch States.Runtime, which AWS never retries; history carries virtual time.
"""

from __future__ import annotations

import datetime
import sys
import threading
from collections.abc import Callable
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Final

from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from ceap.local.clock import CLOCK
from ceap.local.hooks import replace

ClientFactory = Callable[[str], Any]
"""Returns the boto3 client of a service in the name of one role."""

CLIENTS: Final[dict[str, ClientFactory]] = {}
"""By role ARN: whose calls go where. An engine enters the roles of its state machines."""

RECORDERS: Final[dict[str, Callable[[str, float], None]]] = {}
"""By execution ARN: what is told of every wait, with the state's name and the seconds asked for."""

_EVALUATING: Final = threading.local()


@lru_cache(maxsize=64)
def parse(definition: str) -> Any:
    """Return the parsed definition, which executions share; raises moto's own errors when it is not valid."""
    return AmazonStateLanguageParser.parse(definition)[0]


def virtual_datetime() -> datetime.datetime:
    return datetime.datetime.fromtimestamp(CLOCK.now(), datetime.UTC)


@lru_cache(maxsize=1)
def install() -> None:
    """Hook the interpreter, once per process.

    Raises:
        AttributeError: moto lacks a part that is hooked.
    """
    evaluate_retrier = retrier_decl.RetrierDecl._eval_body
    equals = ErrorEqualsDecl._eval_body

    def retry(self: Any, env: Any) -> None:
        _EVALUATING.env = env
        evaluate_retrier(self, env)

    def error_equals(self: Any, env: Any) -> None:
        if env.stack[-1].error_name == "States.Runtime":
            env.stack.pop()
            env.stack.append(False)
        else:
            equals(self, env)

    replace(retrier_decl.RetrierDecl, "_eval_body", retry)
    replace(retrier_decl, "time", SimpleNamespace(sleep=lambda seconds: _wait(_EVALUATING.env, seconds)))
    replace(WaitFunction, "_wait_interval", lambda _, env, wait_seconds: _wait(env, wait_seconds))
    replace(ErrorEqualsDecl, "_eval_body", error_equals)
    replace(Program, "eval", _run_program)
    replace(ExecutionWorker, "_get_evaluation_entrypoint", _parsed)
    replace(EventManager, "_get_current_timestamp", staticmethod(virtual_datetime))
    for module in [module for name, module in sys.modules.items() if name.startswith("moto.stepfunctions.parser")]:
        if hasattr(module, "boto_client_for"):
            replace(module, "boto_client_for", _client_for)
    if boto_client.boto_client_for is not _client_for:
        raise AttributeError("moto's boto_client_for could not be replaced")


def _client_for(region: str, service: str, state_credentials: Any = None) -> Any:  # noqa: ARG001 (moto's signature)
    return CLIENTS[state_credentials.role_arn](service)


def _parsed(self: Any) -> Any:
    return parse(self._evaluation_details.state_machine_details.definition)


def _wait(env: Any, seconds: float) -> None:
    context = env.states.context_object.context_object_data
    if recorder := RECORDERS.get(context["Execution"]["Id"]):
        recorder(context["State"]["Name"], float(seconds))
    CLOCK.sleep(seconds, interrupted=lambda: not env.is_running())


def _run_program(self: Any, env: Any) -> None:
    """Run the states in a thread of their own and end them when the machine's timeout has passed."""
    done = threading.Event()

    def run() -> None:
        try:
            EvalComponent.eval(self, env)
        finally:
            done.set()
            CLOCK.wake()

    env.next_state_name = self.start_at.start_at_name
    threading.Thread(target=run, daemon=True).start()
    if self.timeout_seconds is None:
        done.wait()
    elif not CLOCK.wait(done.is_set, self.timeout_seconds.timeout_seconds):
        env.set_timed_out()
        CLOCK.wake()
