"""What AWS counts of one execution and of one month, for both types of a state machine with the same steps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, assert_never

import msgspec

from ceap.cfn import lookup
from ceap.cfn.lookup import Machine, Resource, at, items, number, resources
from ceap.cfn.template import Template
from ceap.cost.express import BILLED_MEMORY_MB, billed_ms
from ceap.cost.load import Load, StageLoad
from ceap.cost.machine_log import machine_log_bytes
from ceap.cost.prices import Item
from ceap.graph.access import Names, asides
from ceap.graph.chart import Kind
from handlers.runtime.storage import PART_BYTES
from templates import budget, discovery, naming
from templates.definition import PUT_OBJECT
from templates.model import StepKind

GB: Final = 1024**3
"""How Lambda, S3 and CloudWatch count a gigabyte."""
MONTH_DAYS: Final = 30
MONTH_S: Final = MONTH_DAYS * 86_400
CHUNK_BYTES: Final = 64 * 1024
"""What SQS and EventBridge count as one request."""
COMPRESSED: Final = 0.15
"""How much of a log CloudWatch stores: it compresses. The share is an estimate of AWS's pricing page."""
IDLE_POLLS: Final = MONTH_S // 20
"""Receives of one poller of an empty queue, each of which waits for 20 s; AWS states neither for pipes."""
SAMPLED: Final = 0.05
"""The share of executions that X-Ray records beyond the first of each second: its default rule."""
JOB_REQUESTS: Final = 20
"""Reading and writing requests of a job's Spark and composition each; not measured on AWS."""
DPUS: Final = {"G.025X": 0.25, "G.1X": 1, "G.2X": 2, "G.4X": 4, "G.8X": 8, "G.12X": 12, "G.16X": 16}
FUNCTION_METRICS: Final = 4
"""InputCount, OutputCount, RejectedCount and StageDuration by FunctionName; a stage may count more."""


_LIMIT: Final = f"and an EXPRESS execution ends after {budget.EXPRESS_LIMIT_S} s"


class Usage(msgspec.Struct, frozen=True):
    """Quantities by what AWS bills: `each` of an execution, `month` whatever their number."""

    each: Mapping[Item, float]
    month: Mapping[Item, float]


def express_obstacle(template: Template, machine: Machine, load: Load) -> str | None:
    """Return why the steps cannot run as EXPRESS; None if they can."""
    jobs = [stage for stage, kind in machine.kinds().items() if kind is StepKind.GLUE]
    if jobs:
        return f"{', '.join(jobs)} runs a Glue job, and EXPRESS has no integration that waits for one"
    functions_s = machine.functions_s(template)
    if functions_s is not None and functions_s > budget.EXPRESS_LIMIT_S:
        return f"the timeouts of its functions are {functions_s} s together, {_LIMIT}"
    if load.duration_s > budget.EXPRESS_LIMIT_S:
        return f"an execution takes {load.duration_s:g} s, {_LIMIT}"
    return None


def transitions(machine: Machine, load: Load) -> float:
    """Return the state transitions of a STANDARD execution: each state once, and each retry.

    Source: AWS Step Functions Pricing: a transition is counted each time a step is executed, retries included.
    """
    return len(machine.chain()) + retries(load)


def retries(load: Load) -> float:
    return sum(max(0.0, stage.attempts - 1) for stage in load.stages)


def measure(template: Template, machine: Machine, load: Load, metrics: int, pollers: int) -> Usage:
    """Return what both types share: all but the state machine itself."""
    parts = [*_stages(template, machine, load), _objects(machine, load), _messages(load), {Item.EVENT: load.events}]
    logged = machine_log_bytes(machine, load.message, retries(load)) + sum(
        stage.attempts * stage.log_bytes for stage in load.stages
    )
    kept = COMPRESSED * _log_days(template) / MONTH_DAYS
    parts.append({Item.LOG: logged / GB, Item.LOG_STORAGE: logged / GB * kept})
    if at(machine.resource.properties, "TracingConfiguration", "Enabled") is True:
        traced = min(load.executions, MONTH_S) + SAMPLED * max(0, load.executions - MONTH_S)
        parts.append({Item.TRACE: traced / load.executions})
    return Usage(added(parts), _monthly(template, metrics, pollers))


def of_express(load: Load) -> dict[Item, float]:
    """Return what an EXPRESS state machine adds to an execution."""
    gb_s = billed_ms(load.duration_s) / 1000 * BILLED_MEMORY_MB / 1024
    return {Item.EXPRESS_REQUEST: 1.0, Item.EXPRESS_GB_SECOND: gb_s}


def of_standard(machine: Machine, load: Load) -> dict[Item, float]:
    """Return what a STANDARD state machine adds to an execution."""
    return {Item.STANDARD_TRANSITION: transitions(machine, load)}


def added(parts: Iterable[Mapping[Item, float]]) -> dict[Item, float]:
    """Return the sum of quantities, without what there is none of."""
    total: dict[Item, float] = {}
    for part in parts:
        for item, quantity in part.items():
            total[item] = total.get(item, 0.0) + quantity
    return {item: total[item] for item in Item if total.get(item)}


def _stages(template: Template, machine: Machine, load: Load) -> Iterator[Mapping[Item, float]]:
    for stage, kind in machine.kinds().items():
        worker, done = machine.runs(template, stage), load.stage(stage)
        if worker is None:
            continue
        yield _tables(template, worker, done)
        match kind:
            case StepKind.LAMBDA:
                yield _function(worker, done)
            case StepKind.GLUE:
                yield _job(worker, done)
            case _:
                assert_never(kind)


def _function(worker: Resource, done: StageLoad) -> dict[Item, float]:
    memory_mb = number(worker.properties.get("MemorySize")) or 128
    architecture = at(worker.properties, "Architectures", 0)
    storage_mb = number(at(worker.properties, "EphemeralStorage", "Size")) or 512
    seconds = done.attempts * math.ceil(done.duration_s * 1000) / 1000
    return {
        Item.LAMBDA_REQUEST: done.attempts,
        Item.LAMBDA_ARM64 if architecture == "arm64" else Item.LAMBDA_X86: seconds * memory_mb / 1024,
        Item.LAMBDA_STORAGE: seconds * max(0, storage_mb - 512) / 1024,
    }


def _job(worker: Resource, done: StageLoad) -> dict[Item, float]:
    """Return the DPU-hours of a job, whose run counts for a minute at least; an unknown worker type as one DPU."""
    workers = number(worker.properties.get("NumberOfWorkers")) or 1
    dpus = DPUS.get(str(worker.properties.get("WorkerType")), 1)
    return {
        Item.GLUE: done.attempts * workers * dpus * max(60.0, math.ceil(done.duration_s)) / 3600,
        Item.S3_PUT: done.attempts * JOB_REQUESTS,
        Item.S3_GET: done.attempts * JOB_REQUESTS,
    }


def _tables(template: Template, worker: Resource, done: StageLoad) -> dict[Item, float]:
    """Return one unit per record and table: written also into each index, read in batches of half a unit."""
    indexes = {naming.table_id(table.name): len(table.indexes) for table in discovery.tables().values()}
    size = done.output_bytes / done.records_out if done.records_out else 0.0
    units = max(1, math.ceil(size / 1024))
    tables = [aside for aside in asides(template, worker, Names(None)) if aside.kind is Kind.TABLE]
    written = sum(1 + indexes.get(aside.lines[0], 0) for aside in tables if "writes" in aside.verb)
    read = sum(0.5 for aside in tables if "reads" in aside.verb)
    return {Item.DYNAMODB_WRITE: done.records_in * units * written, Item.DYNAMODB_READ: done.records_in * read}


def _objects(machine: Machine, load: Load) -> dict[Item, float]:
    """Return requests and storage of the stages' objects: an output each, which the next reads after its footer."""
    kinds = machine.kinds()
    functions = [stage for stage in load.stages if kinds[stage.stage] is StepKind.LAMBDA]
    puts = sum(_puts(stage.output_bytes) * stage.attempts for stage in functions)
    puts += sum(1 for name in machine.chain() if machine.states[name].get("Resource") == PUT_OBJECT)
    reading = [stage for stage in functions if stage is not load.stages[0]]
    stored = sum(stage.output_bytes for stage in load.stages) / GB
    return {
        Item.S3_PUT: puts,
        Item.S3_GET: 2 * sum(stage.attempts for stage in reading),
        Item.S3_STORAGE: stored * budget.EXECUTIONS_DAYS / MONTH_DAYS,
    }


def _puts(size: float) -> int:
    """Return the requests that write an object: one, or start, parts and end of a multipart upload."""
    return 1 if size < PART_BYTES else 2 + math.ceil(size / PART_BYTES)


def _messages(load: Load) -> dict[Item, float]:
    """Return the requests for one message: sent, received and deleted, and passed on by the pipe."""
    chunks = max(1, math.ceil(len(load.message.encode()) / CHUNK_BYTES))
    return {Item.SQS: 2 * chunks + 1, Item.PIPE: chunks}


def _monthly(template: Template, metrics: int, pollers: int) -> dict[Item, float]:
    functions = sum(1 for _ in resources(template, lookup.FUNCTION))
    watched = [items(alarm.properties.get("Metrics")) for alarm in resources(template, lookup.ALARM)]
    quantities = {
        Item.SQS: pollers * IDLE_POLLS,
        Item.METRIC: functions * FUNCTION_METRICS + metrics,
        Item.ALARM: sum(sum(1 for query in listed if at(query, "MetricStat")) or 1 for listed in watched),
        Item.DASHBOARD: sum(1 for _ in resources(template, "AWS::CloudWatch::Dashboard")),
    }
    return added([quantities])


def _log_days(template: Template) -> float:
    """Return for how many days the longest-kept log group keeps its lines; those without a limit count as a month."""
    days = [number(group.properties.get("RetentionInDays")) for group in resources(template, lookup.LOG_GROUP)]
    return float(max((MONTH_DAYS if day is None else day for day in days), default=MONTH_DAYS))
