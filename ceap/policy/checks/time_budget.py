"""A task times out after its function or job, an execution after its tasks, and EXPRESS takes at most 300 s.

If the task or the execution times out first, it says less than the function or job would, and its retry is wasted.
Source: property 25; requirements 4.1, 6.1 and 6.4; `templates/budget.py`, the one formula.
"""

from collections.abc import Iterator
from typing import Any, Final, assert_never

from ceap.cfn.lookup import (
    FUNCTION,
    FUNCTION_DEFAULT_S,
    Machine,
    Resource,
    at,
    handler_of,
    items,
    machines,
    number,
)
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from templates import budget
from templates.model import JOB_DEFAULT_MIN, RetryPolicy, StepKind

RULE: Final = "P25_TIME_BUDGET"
ENTRY: Final = Entry(
    title="A task times out after its function or job, an execution after its tasks, and EXPRESS takes at most 300 s",
    why=(
        "If the task or the execution times out first, it says less than the function or job would, and its "
        "retry is wasted."
    ),
    fix="Set `TimeoutSeconds` to the number that the finding names, or shorten the `Timeout` of the function or job.",
    property=25,
    requirement=("4.1", "6.1", "6.4"),
    source="https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html#sfn-stuck-execution",
)

_ATTEMPTS_MAX: Final = 100
_RATE_MAX: Final = 100
"""With these a task takes longer than any limit; larger numbers would overflow."""

_NO_RETRY: Final = RetryPolicy(max_attempts=0)


def check(template: Template) -> Iterator[Fault]:
    for machine in machines(template):
        yield from _task_faults(template, machine)
        yield from _express_faults(template, machine) if machine.is_express else _standard_faults(machine)


def _task_faults(template: Template, machine: Machine) -> Iterator[Fault]:
    for stage, kind in machine.kinds().items():
        run, task_s = machine.runs(template, stage), number(machine.states[stage].get("TimeoutSeconds"))
        if run is None:
            continue
        worker, needed_s = _needed_s(kind, run)
        if run.type == FUNCTION and handler_of(run) and "Timeout" not in run.properties:
            what = f"the function has no Timeout, so Lambda ends it after {FUNCTION_DEFAULT_S} s"
            yield Fault(run.path("Timeout"), what, "Timeout")
        if needed_s and task_s is not None and task_s < needed_s:
            yield Fault(
                machine.path("States", stage, "TimeoutSeconds"),
                f"the task times out after {task_s} s, before its {worker} does",
                f'"TimeoutSeconds": {needed_s}, or a shorter Timeout of {run.logical_id}',
            )


def _needed_s(kind: StepKind, run: Resource) -> tuple[str, int | None]:
    """Return what does the work, and the least timeout of the task that runs it; None where it is unknown."""
    match kind:
        case StepKind.LAMBDA:
            timeout = number(run.properties.get("Timeout", FUNCTION_DEFAULT_S))
            return "function", None if timeout is None else int(timeout) + budget.TASK_MARGIN_S
        case StepKind.GLUE:
            timeout = number(run.properties.get("Timeout", JOB_DEFAULT_MIN))
            return "job with its start", None if timeout is None else 60 * int(timeout) + budget.JOB_START_S
        case _:
            assert_never(kind)


def _express_faults(template: Template, machine: Machine) -> Iterator[Fault]:
    total_s = machine.functions_s(template)
    if total_s and total_s > budget.EXPRESS_LIMIT_S:
        what = f"the functions may take {total_s} s together, and EXPRESS allows {budget.EXPRESS_LIMIT_S}"
        fix = "shorten their Timeout, or StateMachineType: STANDARD"
        yield Fault(machine.resource.path("StateMachineType"), what, fix)
    elif total_s:
        yield from _limit_faults(machine, total_s)


def _standard_faults(machine: Machine) -> Iterator[Fault]:
    tasks = [_longest_s(state) for state in machine.states.values() if state.get("Type") == "Task"]
    known = [longest_s for longest_s in tasks if longest_s is not None]
    if known and len(known) == len(tasks):
        yield from _limit_faults(machine, min(sum(known), budget.STANDARD_LIMIT_S))


def _limit_faults(machine: Machine, needed_s: int) -> Iterator[Fault]:
    limit_s = number(machine.definition.get("TimeoutSeconds"))
    if limit_s is not None and limit_s < needed_s:  # P12 and P18 report a missing one
        what = f"the execution times out after {limit_s} s, and its tasks may take {needed_s} s"
        yield Fault(machine.path("TimeoutSeconds"), what, f'"TimeoutSeconds": {needed_s}')


def _longest_s(state: dict[str, Any]) -> int | None:
    """Return what a task takes with all attempts and waits; None where a number is missing."""
    timeout_s = number(state.get("TimeoutSeconds"))
    retriers = [(at(retrier, "ErrorEquals"), _policy(retrier)) for retrier in items(state.get("Retry"))]
    policies = [policy for _, policy in retriers if policy is not None]
    if timeout_s is None or len(policies) < len(retriers):
        return None
    retry = next((policy for errors, policy in retriers if policy and "States.ALL" in items(errors)), _NO_RETRY)
    return budget.longest_s(int(timeout_s), retry, *(policy for policy in policies if policy is not retry))


def _policy(retrier: Any) -> RetryPolicy | None:
    """Return a retrier with the defaults of Amazon States Language."""
    attempts, interval_s, rate = (
        number(retrier.get(key, default)) if isinstance(retrier, dict) else None
        for key, default in (("MaxAttempts", 3), ("IntervalSeconds", 1), ("BackoffRate", 2.0))
    )
    if attempts is None or interval_s is None or rate is None:
        return None
    return RetryPolicy(
        max_attempts=min(int(attempts), _ATTEMPTS_MAX),
        interval_s=int(interval_s),
        backoff_rate=min(float(rate), _RATE_MAX),
    )
