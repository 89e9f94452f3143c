"""The chart of a workflow's template: what is drawn is what CloudFormation makes, not what a declaration says."""

import re
from collections.abc import Iterator
from typing import Any, Final, assert_never

from ceap.cfn import lookup
from ceap.cfn.adopted import ADOPTED_QUEUE, dead_letter_queue_of, queue_at
from ceap.cfn.lookup import Machine, Resource, at, items, number, pointed_at, resources, text
from ceap.cfn.template import Template
from ceap.errors import UsageError
from ceap.graph.access import Names, asides
from ceap.graph.chart import Aside, Block, Chart, Kind
from templates import discovery
from templates.definition import PUT_OBJECT
from templates.model import StepKind
from templates.words import plural

_EXISTING: Final = "exists, and keeps its attributes"
_FILE: Final = re.compile(r"([\w.-]+)\.py$")


def read_chart(template: Template, environment: str | None = None) -> Chart:
    """Return the chart of a workflow's template, with the names of an environment where one is given.

    UsageError if the template has no queue, pipe and state machine with a literal definition, as the foundation's.
    """
    names = Names(environment)
    queue, pipe, machine = find_pipeline(template)
    watchers = tuple(_watchers(template, machine, names))
    return Chart(
        title=names.of(machine.resource),
        description=str(template.data.get("Description", "")),
        triggers=tuple(_triggers(template, queue, names)),
        queue=_queue(template, queue, names),
        pipe=_pipe(pipe, names),
        machine=_machine(machine, names),
        states=tuple(_state(template, machine, name, names) for name in machine.chain()),
        watchers=watchers,
        topic=_topic(template, names),
    )


def find_pipeline(template: Template) -> tuple[Resource, Resource, Machine]:
    """Return queue, pipe and state machine of a workflow; UsageError if the template does not join three like these."""
    found = next(_pipelines(template), None)
    if found is None:
        raise UsageError(
            f"{template.file}: no pipe joins a queue to a state machine in it; name a workflow's declaration"
        )
    return found


def _pipelines(template: Template) -> Iterator[tuple[Resource, Resource, Machine]]:
    known = {machine.resource.logical_id: machine for machine in lookup.machines(template)}
    for pipe in resources(template, lookup.PIPE):
        source = queue_at(template, pipe.properties.get("Source"))
        target = pointed_at(template, pipe.properties.get("Target"))
        if source and target and target.logical_id in known:
            yield source, pipe, known[target.logical_id]


def _triggers(template: Template, queue: Resource, names: Names) -> Iterator[Block]:
    """Yield the schedules and rules that send messages to the queue."""
    for schedule in resources(template, lookup.SCHEDULE):
        target = schedule.properties.get("Target")
        if queue_at(template, at(target, "Arn")) == queue:
            zone = text(schedule.properties.get("ScheduleExpressionTimezone")) or "UTC"
            line = f"{names.text(schedule.properties.get('ScheduleExpression'))}, {zone}"
            yield Block(
                Kind.TRIGGER, f"Schedule {names.of(schedule)}", (line,), tuple(_unsent(template, target, names))
            )
    for rule in resources(template, lookup.EVENT_RULE):
        for target in items(rule.properties.get("Targets")):
            if queue_at(template, at(target, "Arn")) == queue:
                lines = tuple(_pattern(rule.properties.get("EventPattern"), names))
                yield Block(Kind.TRIGGER, f"Rule {names.of(rule)}", lines, tuple(_unsent(template, target, names)))


def _pattern(pattern: Any, names: Names) -> Iterator[str]:
    """Yield what an event must be like: its detail type, then each condition on its detail."""
    yield ", ".join(names.text(kind) for kind in items(at(pattern, "detail-type"))) or "any event"
    yield from _conditions(at(pattern, "detail"), (), names)


def _conditions(value: Any, path: tuple[str, ...], names: Names) -> Iterator[str]:
    match value:
        case dict():
            for key, below in value.items():
                yield from _conditions(below, (*path, key), names)
        case list():
            wanted = (
                " ".join(f"{how} {names.text(what)}" for how, what in item.items())
                if isinstance(item, dict) and not lookup.is_intrinsic(item)
                else names.text(item)
                for item in value
            )
            yield f"{'.'.join(path)}: {', '.join(wanted)}"


def _unsent(template: Template, target: Any, names: Names) -> Iterator[Aside]:
    if dead := pointed_at(template, at(target, "DeadLetterConfig", "Arn")):
        yield Aside(Kind.QUEUE, "if not delivered", (names.of(dead), *_kept(dead)))


def _queue(template: Template, queue: Resource, names: Names) -> Block:
    dead = dead_letter_queue_of(template, queue)
    if queue.type == ADOPTED_QUEUE:
        aside = (Aside(Kind.QUEUE, "dead letters", (names.of(dead), _EXISTING)),) if dead else ()
        return Block(Kind.QUEUE, f"Queue {names.of(queue)}", (_EXISTING,), aside)
    policy = queue.properties.get("RedrivePolicy")
    receives = number(at(policy, "maxReceiveCount"))
    hidden = number(queue.properties.get("VisibilityTimeout"))
    lines = (f"a received message is hidden for {_time(hidden)}",) if hidden is not None else ()
    beside = (Aside(Kind.QUEUE, f"after {receives} receives", (names.of(dead), *_kept(dead))),) if dead else ()
    return Block(Kind.QUEUE, f"Queue {names.of(queue)}", (*lines, *_kept(queue)), beside)


def _kept(queue: Resource) -> tuple[str, ...]:
    kept_s = number(queue.properties.get("MessageRetentionPeriod"))
    return (f"keeps messages for {_time(kept_s)}",) if kept_s is not None else ()


def _pipe(pipe: Resource, names: Names) -> Block:
    target = at(pipe.properties, "TargetParameters", "StepFunctionStateMachineParameters", "InvocationType")
    size = number(at(pipe.properties, "SourceParameters", "SqsQueueParameters", "BatchSize"))
    waits = {"REQUEST_RESPONSE": "waits for the result", "FIRE_AND_FORGET": "starts, and deletes the message"}
    lines = [f"{names.text(target)}: {waits[target]}"] if isinstance(target, str) and target in waits else []
    lines += [f"batch size {size}"] if size is not None else []
    lines.append(f"state {names.text(pipe.properties.get('DesiredState', 'RUNNING'))}")
    return Block(Kind.PIPE, f"Pipe {names.of(pipe)}", tuple(lines))


def _machine(machine: Machine, names: Names) -> Block:
    properties, limit = machine.resource.properties, number(machine.definition.get("TimeoutSeconds"))
    logging = properties.get("LoggingConfiguration")
    data = "with" if at(logging, "IncludeExecutionData") is True else "without"
    lines = [
        f"{names.text(properties.get('StateMachineType', 'STANDARD'))}, at most {_time(limit)}"
        if limit is not None
        else names.text(properties.get("StateMachineType", "STANDARD")),
        f"logs {names.text(at(logging, 'Level') or 'OFF')} {data} execution data",
    ]
    lines += ["traced by X-Ray"] if at(properties, "TracingConfiguration", "Enabled") is True else []
    return Block(Kind.STATE, f"State machine {names.of(machine.resource)}", tuple(lines))


def _state(template: Template, machine: Machine, name: str, names: Names) -> Block:
    state = machine.states[name]
    kind, worker = machine.kind(name), machine.runs(template, name)
    if kind is None:
        called = (Aside(Kind.OBJECT, "writes", ("executions/{id}/initial/",)),)
        is_put = text(state.get("Resource")) == PUT_OBJECT
        return Block(
            Kind.STATE,
            name,
            (f"{state.get('Type')} state", *_limits(state)),
            called if is_put else (),
        )
    lines = _worker(kind, worker, names) if worker else ["is not in this template"]
    beside = tuple(asides(template, worker, names)) if worker else ()
    return Block(_kind_of(kind), name, (*lines, *_limits(state)), beside)


def _kind_of(kind: StepKind) -> Kind:
    match kind:
        case StepKind.LAMBDA:
            return Kind.FUNCTION
        case StepKind.GLUE:
            return Kind.JOB
        case _:
            assert_never(kind)


def _worker(kind: StepKind, worker: Resource, names: Names) -> list[str]:
    """Return what a function or job is: its code, its name, its size and its own timeout."""
    properties = worker.properties
    match kind:
        case StepKind.LAMBDA:
            handler = lookup.handler_of(worker)
            code = discovery.handler_file(handler) if handler else names.text(properties.get("Handler"))
            memory, limit = properties.get("MemorySize", 128), properties.get("Timeout", lookup.FUNCTION_DEFAULT_S)
            return [f"Lambda {code}", names.of(worker), f"{memory} MB, at most {_time(limit)}"]
        case StepKind.GLUE:
            script = _FILE.search(names.text(at(properties, "Command", "ScriptLocation")))
            workers, size = properties.get("NumberOfWorkers"), properties.get("WorkerType")
            minutes = number(properties.get("Timeout"))
            limit = _time(60 * minutes) if minutes is not None else "AWS's default"
            code = f"glue/{script[1]}.py" if script else "its script"
            return [f"Glue {code}", names.of(worker), f"{workers} x {size}, at most {limit}"]
        case _:
            assert_never(kind)


def _limits(state: dict[str, Any]) -> list[str]:
    """Return a state's timeout, and one line for each retrier."""
    limit = number(state.get("TimeoutSeconds"))
    return ([f"task timeout {_time(limit)}"] if limit is not None else []) + [
        _retrier(retrier) for retrier in items(state.get("Retry"))
    ]


def _retrier(retrier: Any) -> str:
    """Return a retrier in words; what it leaves out has the defaults of the States Language."""
    errors = ", ".join(str(error) for error in items(at(retrier, "ErrorEquals")))
    times = at(retrier, "MaxAttempts")
    times = 3 if times is None else times
    if times == 0:
        return f"{errors}: not retried"
    wait, rate = at(retrier, "IntervalSeconds") or 1, at(retrier, "BackoffRate") or 2.0
    return f"{errors}: {plural(times, 'retry') if times == 1 else f'{times} retries'} after {_time(wait)}, x {rate:g}"


def _watchers(template: Template, machine: Machine, names: Names) -> Iterator[Block]:
    """Yield the rules on the machine's executions, then the alarms."""
    for rule in resources(template, lookup.EVENT_RULE):
        detail = at(rule.properties, "EventPattern", "detail")
        watched = [pointed_at(template, arn) for arn in items(at(detail, "stateMachineArn"))]
        if machine.resource in watched:
            statuses = ", ".join(str(status) for status in items(at(detail, "status")))
            beside = [aside for one in items(rule.properties.get("Targets")) for aside in _unsent(template, one, names)]
            yield Block(Kind.RULE, f"Rule {names.of(rule)}", (f"an execution is {statuses}",), tuple(beside))
    for alarm in resources(template, lookup.ALARM):
        mute = () if items(alarm.properties.get("AlarmActions")) else ("notifies nobody",)
        yield Block(Kind.ALARM, f"Alarm {names.of(alarm)}", (_condition(alarm.properties, names), *mute))


_COMPARISONS: Final = {
    "GreaterThanThreshold": ">",
    "GreaterThanOrEqualToThreshold": ">=",
    "LessThanThreshold": "<",
    "LessThanOrEqualToThreshold": "<=",
}


def _condition(alarm: dict[str, Any], names: Names) -> str:
    """Return when an alarm fires: `Sum of ExecutionsFailed > 0 in 1 min`."""
    listed = items(alarm.get("Metrics"))
    expression = next((at(query, "Expression") for query in listed if at(query, "ReturnData") is not False), None)
    statistic = alarm.get("Statistic") or alarm.get("ExtendedStatistic")
    metric = f"{names.text(statistic)} of {names.text(alarm.get('MetricName'))}"
    what = names.text(expression) if expression else metric
    sign = _COMPARISONS.get(str(alarm.get("ComparisonOperator")), str(alarm.get("ComparisonOperator")))
    period_s = number(alarm.get("Period")) or next(
        (found for query in listed if (found := number(at(query, "MetricStat", "Period")))), None
    )
    periods, needed = alarm.get("EvaluationPeriods", 1), alarm.get("DatapointsToAlarm")
    span = "" if period_s is None else f" in {_time(period_s)}"
    return f"{what} {sign} {alarm.get('Threshold')}{span}" + (
        f", {needed or periods} of {periods} times" if periods != 1 else ""
    )


def _topic(template: Template, names: Names) -> str:
    """Return the topic that most alarms notify; the alarms and the rule of a generated template have one."""
    found = [
        names.text(action)
        for alarm in resources(template, lookup.ALARM)
        for action in items(alarm.properties.get("AlarmActions"))
    ]
    return max(sorted(set(found)), key=found.count, default="")


def _time(seconds: Any) -> str:
    """Return a duration in the largest unit that divides it: `14 days`, `5 min`, `310 s`."""
    value = number(seconds)
    if value is None:
        return "a time known at deployment"
    for unit_s, unit in ((86_400, "day"), (3_600, "h"), (60, "min")):
        if value >= unit_s and value % unit_s == 0:
            count = int(value // unit_s)
            return plural(count, unit) if unit == "day" else f"{count} {unit}"
    return f"{value:g} s"
