"""moto's interpreter of the Amazon States Language (LocalStack's), changed to use the virtual clock and real roles.

Everything here touches private parts of moto 5.2.5; `install` asserts that they are as expected.
What it changes: retriers, Wait states and the machine's timeout run on the virtual clock; calls are made as the state
machine's role; States.ALL does not catch States.Runtime, which AWS never retries; history carries virtual time; an
execution can be stopped, and redriven at the failed state; a task waits for its Glue job; S3 gets a body as JSON;
errors and causes are cut at AWS's limits.
"""

import copy
import datetime
import json
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Final, Literal, NamedTuple

from botocore.exceptions import ConnectionError as NoConnection  # type: ignore[import-untyped]  # botocore ships no types
from botocore.exceptions import HTTPClientError
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.common.path import result_path
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.string import string_expression
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service,
    state_task_service_aws_sdk,
    state_task_service_callback,
    state_task_service_glue,
    state_task_service_lambda,
)
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval import states
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import boto_client, json_path
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from ceap.local.clock import CLOCK
from ceap.local.hooks import replace
from templates import budget
from templates.model import WorkflowType

ClientFactory = Callable[[str], Any]
"""Returns the boto3 client of a service, as one role."""

CLIENTS: Final[dict[str, ClientFactory]] = {}
"""Clients by role ARN. An engine adds the roles of its state machines."""

MAX_DURATION_S: Final = {
    WorkflowType.EXPRESS.value: budget.EXPRESS_LIMIT_S,
    WorkflowType.STANDARD.value: budget.STANDARD_LIMIT_S,
}
"""The longest execution by type of state machine."""

TEXT_MAX: Final = {"error": 256, "cause": 32_768}
"""Characters of an error and of its cause; Step Functions cuts what is longer. Source: botocore, "states" model."""

POLL_S: Final = 1.0
"""How often a task polls its Glue job, in virtual seconds."""


class Resumption(NamedTuple):
    """The state from which an execution is redriven; `input` is JSON."""

    state: str
    input: str


class Run:
    """One run of the interpreter: it reports waits, may start at a later state, and can be stopped.

    `entered` tells when the current state was entered; `context` is what `$$.Execution` has beside what moto knows.
    `cut_off` says how it was ended before its states had ended; later events of theirs are ignored.
    """

    def __init__(
        self,
        record_wait: Callable[[str, float], None],
        entered: Callable[[], str],
        context: Mapping[str, Any],
        resumption: Resumption | None = None,
    ) -> None:
        self.record_wait: Final = record_wait
        self.entered: Final = entered
        self.context: Final = context
        self.resumption: Final = resumption
        self.cut_off: Literal["ABORTED", "TIMED_OUT"] | None = None

    def stop(self) -> None:
        self.cut_off = "ABORTED"
        CLOCK.wake()


RUNS: Final[dict[str, Run]] = {}
"""The current runs by execution ARN."""

_PATHS_MAX: Final = 1024
"""How many compiled paths of definitions are kept."""

_SCALARS: Final = frozenset({str, int, float, bool, type(None)})

_EVALUATING: Final = threading.local()


@lru_cache(maxsize=64)
def parse(definition: str) -> Any:
    """Return the parsed definition, which executions share; raises moto's own errors when it is not valid."""
    # Without escapes: moto takes the two halves of an escaped emoji for two characters.
    return AmazonStateLanguageParser.parse(json.dumps(json.loads(definition), ensure_ascii=False))[0]


def virtual_datetime() -> datetime.datetime:
    return datetime.datetime.fromtimestamp(CLOCK.now(), datetime.UTC)


def copy_json(value: Any) -> Any:
    """Return a copy of JSON data, which shares nothing that can change; of another object, what `deepcopy` returns."""
    kind = type(value)
    if kind is dict:
        return {key: copy_json(item) for key, item in value.items()}
    if kind is list:
        return [copy_json(item) for item in value]
    return value if kind in _SCALARS else copy.deepcopy(value)


@lru_cache(maxsize=1)
def install() -> None:
    """Hook the interpreter, once per process; AttributeError if moto lacks a part."""
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
    replace(FailureEvent, "__init__", _with_short_texts(FailureEvent.__init__))
    replace(Program, "eval", _run_program)
    replace(CommonStateField, "_eval_state_input", _with_time_of_entry(CommonStateField._eval_state_input))
    replace(ExecutionWorker, "_get_evaluation_entrypoint", _parsed)
    replace(EventManager, "_get_current_timestamp", staticmethod(virtual_datetime))
    # moto builds the parser's tables anew for each evaluation of a path; what is compiled holds no data.
    replace(json_path, "parse", lru_cache(_PATHS_MAX)(vars(json_path)["parse"]))
    for module in (states, string_expression, result_path):
        replace(module, "copy", SimpleNamespace(deepcopy=copy_json))
    _install_services()
    replacements: dict[str, Any] = {
        "boto_client_for": _client_for,
        "to_json_str": _compact,
        "is_within_size_quota": _fits,
        "TMP_THREADS": deque(maxlen=0),  # moto keeps the thread of every task for as long as the process lives
    }
    for module in [module for name, module in sys.modules.items() if name.startswith("moto.stepfunctions.parser")]:
        for name in replacements.keys() & vars(module).keys():
            replace(module, name, replacements[name])
    replace(state_task_service_glue, "to_json_str", _compact_run)
    if boto_client.boto_client_for is not _client_for:
        raise AttributeError("moto's boto_client_for could not be replaced")


def _with_time_of_entry(read_input: Callable[..., None]) -> Callable[..., None]:
    def read_input_after_entry(self: Any, env: Any) -> None:
        # moto's time is that of the machine, with microseconds; a redriven state keeps the time of its first entry.
        context = env.states.context_object.context_object_data
        if run := RUNS.get(context["Execution"]["Id"]):
            context["State"]["EnteredTime"] = run.entered()
        read_input(self, env)

    return read_input_after_entry


def _compact(value: Any, separators: tuple[str, str] = (",", ":")) -> str:
    return to_json_str(value, separators)


def _compact_run(value: Any) -> str:
    """Return a job run as the output or the cause of its task, where its times are milliseconds."""
    return json.dumps(value, separators=(",", ":"), default=lambda moment: int(moment.timestamp() * 1000))


def _fits(value: Any) -> bool:
    """Tell whether a value fits between two states; AWS counts the bytes of its compact JSON."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
    return len(text.encode(errors="surrogatepass")) <= budget.INPUT_LIMIT_BYTES


def _with_short_texts(create: Callable[..., None]) -> Callable[..., None]:
    def create_shortened(self: Any, env: Any, error_name: Any, event_type: Any, event_details: Any = None) -> None:
        for details in (event_details or {}).values():
            for key, limit in TEXT_MAX.items():
                if details.get(key):
                    details[key] = details[key][:limit]
        create(self, env, error_name, event_type, event_details)

    return create_shortened


def _install_services() -> None:
    glue, sdk, callback = state_task_service_glue, state_task_service_aws_sdk, state_task_service_callback
    # On AWS a task fails when its job run is stopped.
    replace(glue, "_JOB_RUN_STATE_ABNORMAL_TERMINAL_VALUE", {"FAILED", "TIMEOUT", "ERROR", "STOPPED"})
    await_other = callback.StateTaskServiceCallback._eval_integration_pattern

    def await_integration(self: Any, **given: Any) -> None:
        (_await_job if isinstance(self, glue.StateTaskServiceGlue) else await_other)(self, **given)

    replace(callback.StateTaskServiceCallback, "_eval_integration_pattern", await_integration)
    for service in (
        state_task_service_lambda.StateTaskServiceLambda,
        glue.StateTaskServiceGlue,
        sdk.StateTaskServiceAwsSdk,
    ):
        replace(service, "_from_error", _with_lost_answers(service._from_error))
    for owner in (state_task_service.StateTaskService, callback.StateTaskServiceCallback):
        replace(owner, "_after_eval_execution", _unless_over(owner._after_eval_execution))
    call = sdk.StateTaskServiceAwsSdk._eval_service_task

    def call_with_json(self: Any, *, normalised_parameters: dict[str, Any], **given: Any) -> None:
        body = normalised_parameters.get("Body", b"")
        if self._get_boto_service_action() == "put_object" and not isinstance(body, bytes):
            normalised_parameters["Body"] = encode_body(body)
        call(self, normalised_parameters=normalised_parameters, **given)

    replace(sdk.StateTaskServiceAwsSdk, "_eval_service_task", call_with_json)
    sdk._SERVICE_ERROR_NAMES["s3"] = "S3"


def encode_body(body: Any) -> bytes:
    """Return what AWS puts on S3 of a value: JSON, a string in its quotes too; moto would write a string as it is."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def _with_lost_answers(describe: Callable[..., FailureEvent]) -> Callable[..., FailureEvent]:
    """Let a call that gets no answer fail its task, as an error that retriers see: moto ends the execution.

    Source: Step Functions Developer Guide, "Handle transient Lambda service exceptions", "Learning to use AWS service
    SDK integrations".
    """

    def describe_error(self: Any, env: Any, ex: Exception) -> FailureEvent:
        if not isinstance(ex, NoConnection | HTTPClientError):
            return describe(self, env=env, ex=ex)
        kind = self._get_sfn_resource_type()
        error = f"{kind.rpartition(':')[2].capitalize()}.SdkClientException"
        failed = {"error": error, "cause": str(ex), "resource": self._get_sfn_resource(), "resourceType": kind}
        details: Any = {"taskFailedEventDetails": failed}
        return FailureEvent(env, CustomErrorName(error), HistoryEventType.TaskFailed, details)

    return describe_error


def _unless_over(finish: Callable[..., None]) -> Callable[..., None]:
    def finish_in_time(self: Any, env: Any, **given: Any) -> None:
        if not env.is_running():  # AWS ignores what comes after the task's time is up
            raise TimeoutError
        finish(self, env=env, **given)

    return finish_in_time


def _client_for(region: str, service: str, state_credentials: Any = None) -> Any:  # noqa: ARG001 (moto's signature)
    return CLIENTS[state_credentials.role_arn](service)


def _parsed(self: Any) -> Any:
    return parse(self._evaluation_details.state_machine_details.definition)


def _wait(env: Any, seconds: float) -> None:
    context = env.states.context_object.context_object_data
    if run := RUNS.get(context["Execution"]["Id"]):
        run.record_wait(context["State"]["Name"], float(seconds))
    CLOCK.sleep(seconds, interrupted=lambda: not env.is_running())


def _await_job(
    self: Any, env: Any, resource_runtime_part: Any, normalised_parameters: Any, state_credentials: Any
) -> None:
    """Wait for the job run that the task has started; stop the run if the task ends first.

    Takes what StartJobRun answered from the stack and leaves the ended run there, as JSON.
    """
    started = env.stack[-1]
    ended_run = self._build_sync_resolver(env, resource_runtime_part, normalised_parameters, state_credentials)
    while env.is_running():
        if (job_run := ended_run()) is not None:
            env.stack.append(json.loads(_compact_run(job_run)))
            return
        CLOCK.sleep(POLL_S, interrupted=lambda: not env.is_running())
    client = self._get_glue_client(resource_runtime_part, state_credentials)
    client.batch_stop_job_run(JobName=started["JobName"], JobRunIds=[started["JobRunId"]])
    raise TimeoutError


def _run_program(self: Any, env: Any) -> None:
    """Run the states in a thread of their own, until they are done, the machine's time is up, or the run is stopped."""
    done = threading.Event()
    context = env.states.context_object.context_object_data["Execution"]
    run = RUNS[context["Id"]]
    context.update(run.context)

    def work() -> None:
        try:
            EvalComponent.eval(self, env)
        finally:
            done.set()
            CLOCK.wake()

    env.next_state_name = self.start_at.start_at_name
    if run.resumption is not None:
        env.next_state_name = run.resumption.state
        env.states.reset(json.loads(run.resumption.input))
    limit_s = MAX_DURATION_S[env.execution_type]
    if self.timeout_seconds is not None:
        limit_s = min(limit_s, self.timeout_seconds.timeout_seconds)
    thread = threading.Thread(target=work, daemon=True)
    with CLOCK.held():  # or time would jump to the end of a wait that is cut off
        if not CLOCK.wait(thread.start, lambda: done.is_set() or run.cut_off is not None, limit_s):
            run.cut_off = "TIMED_OUT"
        if run.cut_off is not None:
            env.set_timed_out()
            CLOCK.wake()
