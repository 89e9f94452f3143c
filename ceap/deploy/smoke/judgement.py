"""From checks and facts to findings; every text says where, what is wrong, and what to look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, assert_never

import msgspec

from ceap.aws.deployed import agrees
from ceap.deploy.smoke.expectations import (
    Check,
    LogLines,
    NoDeadLetters,
    QuietAlarm,
    RunsDefinition,
    StageObject,
    Succeeds,
    TableItems,
    Traced,
)
from ceap.deploy.smoke.facts import Facts, Run
from handlers.runtime.contract import output_key, stage_prefix
from templates.words import plural


class SmokeVerdict(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_EVALUATED = "not evaluated"


class SmokeFinding(msgspec.Struct, frozen=True):
    """The verdict of a check, its place in AWS, and why."""

    check: str
    place: str
    verdict: SmokeVerdict
    text: str


def judge(checks: Iterable[Check], facts: Facts) -> tuple[SmokeFinding, ...]:
    """Return a finding for each check, in their order."""
    return tuple(_judge(check, facts) for check in checks)


def ran_another(check: RunsDefinition, run: Run) -> bool | None:
    """Tell whether an execution ran another definition than the expected one; None if AWS does not tell."""
    if run.definition is not None:
        return not agrees(check.definition, run.definition)
    chain = _chain(check.definition)
    if run.states[: len(chain)] != chain[: len(run.states)]:
        return True
    return None if len(run.states) < len(chain) else len(run.states) > len(chain)


def _judge(check: Check, facts: Facts) -> SmokeFinding:
    match check:
        case RunsDefinition():
            finding = _definition(check, facts)
        case Succeeds():
            finding = _execution(check, facts)
        case StageObject():
            finding = _object(check, facts)
        case TableItems():
            finding = _items(check, facts)
        case LogLines():
            finding = _lines(check, facts)
        case QuietAlarm():
            finding = _alarm(check, facts)
        case Traced():
            finding = _trace(check, facts)
        case NoDeadLetters():
            finding = _dead_letters(check, facts)
        case _:
            assert_never(check)
    return finding


def _definition(check: RunsDefinition, facts: Facts) -> SmokeFinding:
    def found(verdict: SmokeVerdict, text: str) -> SmokeFinding:
        return SmokeFinding("definition", check.machine, verdict, text)

    if not agrees(check.definition, facts.definition):
        return found(
            SmokeVerdict.FAILED,
            "the state machine has another definition than the template of its stack: somebody changed it by hand; "
            "deploy again, and change the declaration instead",
        )
    if facts.run is None:
        return found(SmokeVerdict.NOT_EVALUATED, "the state machine has the template's definition; no execution ran it")
    match ran_another(check, facts.run):
        case True:
            way = " -> ".join(facts.run.states) or "another definition"
            return found(
                SmokeVerdict.FAILED,
                f"execution {facts.run.name} ran {way}: an earlier definition was still in use; run smoke again, and "
                "deploy again if it stays so",
            )
        case None:
            return found(
                SmokeVerdict.NOT_EVALUATED,
                "the state machine has the template's definition; the log of its executions does not show all states "
                f"of execution {facts.run.name}",
            )
        case _:
            part = "the states of the template, in their order" if facts.run.definition is None else "it"
            return found(SmokeVerdict.PASSED, f"is that of the template, and execution {facts.run.name} ran {part}")


def _execution(check: Succeeds, facts: Facts) -> SmokeFinding:
    run = facts.run
    if run is None:
        return SmokeFinding(
            "execution",
            check.machine,
            SmokeVerdict.FAILED,
            f"no execution took the message within {facts.waited_s:.0f} s; look at the state and the log group of pipe "
            f"{check.pipe}: it may be stopped, or lack a permission",
        )
    if run.status == "SUCCEEDED":
        return SmokeFinding("execution", run.arn, SmokeVerdict.PASSED, "SUCCEEDED")
    if run.status == "RUNNING":
        text = f"still runs after {facts.waited_s:.0f} s; look at its state, or give it more time: --timeout"
    else:
        text = f"{run.status}: {run.reason}" if run.reason else run.status
    return SmokeFinding("execution", run.arn, SmokeVerdict.FAILED, text)


def _object(check: StageObject, facts: Facts) -> SmokeFinding:
    if facts.run is None:
        return _no_run("stage object", f"s3://{check.bucket}/{output_key('*', check.stage)}")
    place, found = f"s3://{check.bucket}/{output_key(facts.run.name, check.stage)}", facts.objects[check.stage]
    if found is None:
        folder = stage_prefix(facts.run.name, check.stage)
        text = f"is missing, and there is no error.json in {folder}; {check.stage} did not begin, or could not write"
        return SmokeFinding("stage object", place, SmokeVerdict.FAILED, text)
    if found.problem:
        return SmokeFinding("stage object", place, SmokeVerdict.FAILED, found.problem)
    return SmokeFinding(
        "stage object",
        place,
        SmokeVerdict.PASSED,
        plural(found.records, "record") if check.is_document else "is there",
    )


def _items(check: TableItems, facts: Facts) -> SmokeFinding:
    def found(verdict: SmokeVerdict, text: str) -> SmokeFinding:
        return SmokeFinding("table items", check.table, verdict, text)

    if facts.run is None:
        return _no_run("table items", check.table)
    items = facts.items[check.table]
    if items.problem:
        return found(SmokeVerdict.NOT_EVALUATED, items.problem)
    if items.found:
        return found(SmokeVerdict.PASSED, f"{plural(len(items.found), 'item')} of this run")
    writers = " and ".join(check.stages)
    written = [facts.objects.get(stage) for stage in check.stages]
    if not any(found.records for found in written if found):
        return found(SmokeVerdict.NOT_EVALUATED, f"no item; {writers} let no record pass that could be in it")
    return found(
        SmokeVerdict.FAILED,
        f"no item names execution {facts.run.name} or this smoke run, though {writers} let records pass; look at the "
        "stage's log, and whether its table is this one",
    )


def _lines(check: LogLines, facts: Facts) -> SmokeFinding:
    if facts.run is None:
        return _no_run("log lines", check.log_group)
    if count := facts.lines[check.log_group]:
        text = f"{plural(count, 'line')} of {check.stage}"
        return SmokeFinding("log lines", check.log_group, SmokeVerdict.PASSED, text)
    text = (
        f"no line of {check.stage} about execution {facts.run.name}; either the stage did not run, or its role may not "
        "write to the log group"
    )
    return SmokeFinding("log lines", check.log_group, SmokeVerdict.FAILED, text)


def _alarm(check: QuietAlarm, facts: Facts) -> SmokeFinding:
    state = facts.alarms.get(check.name)
    if state is None:
        return SmokeFinding("alarm", check.name, SmokeVerdict.FAILED, "does not exist; deploy again")
    match state.value:
        case "OK":
            return SmokeFinding("alarm", check.name, SmokeVerdict.PASSED, "OK")
        case "INSUFFICIENT_DATA":
            return SmokeFinding(
                "alarm", check.name, SmokeVerdict.NOT_EVALUATED, "INSUFFICIENT_DATA: its metric has no data yet"
            )
        case _:
            return SmokeFinding("alarm", check.name, SmokeVerdict.FAILED, f"{state.value}: {state.reason}")


def _trace(check: Traced, facts: Facts) -> SmokeFinding:
    def found(verdict: SmokeVerdict, text: str) -> SmokeFinding:
        return SmokeFinding("trace", check.machine, verdict, text)

    trace = facts.trace
    if facts.run is None:
        return _no_run("trace", check.machine)
    if trace.problem:
        return found(SmokeVerdict.NOT_EVALUATED, f"unproven: {trace.problem}")
    if trace.segments:
        return found(SmokeVerdict.PASSED, f"trace {trace.id} has {plural(trace.segments, 'segment')}")
    if trace.is_sampled:
        return found(
            SmokeVerdict.FAILED,
            f"X-Ray has no segment of trace {trace.id}, though the functions say that it is sampled; look at "
            "xray:PutTraceSegments in the roles of state machine and functions",
        )
    if trace.is_sampled is None:
        return found(
            SmokeVerdict.NOT_EVALUATED, f"unproven: the functions' logs do not say if trace {trace.id} is sampled"
        )
    return found(SmokeVerdict.NOT_EVALUATED, f"unproven: trace {trace.id} was not sampled, which X-Ray decides")


def _dead_letters(check: NoDeadLetters, facts: Facts) -> SmokeFinding:
    before, after = facts.dead_letters
    if after > before:
        text = f"{plural(after, 'message')}, {before} before; receive one to see whose it is, and look at its execution"
        return SmokeFinding("dead-letter queue", check.queue, SmokeVerdict.FAILED, text)
    text = "empty" if not after else f"{plural(after, 'message')}, as before"
    return SmokeFinding("dead-letter queue", check.queue, SmokeVerdict.PASSED, text)


def _no_run(check: str, place: str) -> SmokeFinding:
    return SmokeFinding(check, place, SmokeVerdict.NOT_EVALUATED, "no execution took the message")


def _chain(definition: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the states of a definition from its first along Next, each once."""
    states: dict[str, None] = {}
    name = definition["StartAt"]
    while name in definition["States"] and name not in states:
        states[name] = None
        name = definition["States"][name].get("Next")
    return tuple(states)
