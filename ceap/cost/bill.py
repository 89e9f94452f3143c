"""Both bills beside each other: one line for each thing that AWS counts."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from ceap.cfn.lookup import Machine
from ceap.cfn.template import Template
from ceap.cost.load import Load
from ceap.cost.machine_log import machine_log_bytes
from ceap.cost.prices import Item, PriceList
from ceap.cost.usage import (
    FUNCTION_METRICS,
    Usage,
    added,
    express_obstacle,
    measure,
    of_express,
    of_standard,
    retries,
)
from ceap.graph.read import find_pipeline

SERVICES: Final[Mapping[Item, str]] = {
    Item.STANDARD_TRANSITION: "Step Functions",
    Item.EXPRESS_REQUEST: "Step Functions",
    Item.EXPRESS_GB_SECOND: "Step Functions",
    Item.LAMBDA_REQUEST: "Lambda",
    Item.LAMBDA_ARM64: "Lambda",
    Item.LAMBDA_X86: "Lambda",
    Item.LAMBDA_STORAGE: "Lambda /tmp",
    Item.GLUE: "Glue",
    Item.S3_PUT: "S3",
    Item.S3_GET: "S3",
    Item.S3_STORAGE: "S3",
    Item.SQS: "SQS",
    Item.PIPE: "EventBridge pipe",
    Item.EVENT: "EventBridge",
    Item.DYNAMODB_WRITE: "DynamoDB",
    Item.DYNAMODB_READ: "DynamoDB",
    Item.LOG: "CloudWatch logs",
    Item.LOG_STORAGE: "CloudWatch logs",
    Item.TRACE: "X-Ray",
    Item.METRIC: "CloudWatch metrics",
    Item.ALARM: "CloudWatch alarms",
    Item.DASHBOARD: "CloudWatch dashboard",
}
"""What readers call the service of each; in this order they are listed."""


class Line(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Quantities and US dollars of a month; `each` is the part of one execution, None where there is none.

    `express` and `standard` are None where that type does not pay for it.
    """

    item: str
    service: str
    unit: str
    each: float | None
    month: float
    express: float | None
    standard: float | None


class Bill(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A month of a workflow; sums of EXPRESS are None where `obstacle` says why the steps cannot run as such.

    `express_each` and `standard_each` are dollars of one more execution, without what every month costs.
    """

    workflow: str
    type: str
    region: str
    prices_of: datetime.date
    executions: int
    obstacle: str | None
    lines: tuple[Line, ...]
    express: float | None
    express_each: float | None
    standard: float
    standard_each: float
    assumptions: tuple[str, ...]
    unconfirmed: tuple[str, ...]


def build_bill(template: Template, workflow: str, load: Load, prices: PriceList, *, metrics: int, pollers: int) -> Bill:
    """Return what a month of a load costs."""
    _, _, machine = find_pipeline(template)
    shared = measure(template, machine, load, metrics, pollers)
    obstacle = express_obstacle(template, machine, load)
    express, standard = {} if obstacle else of_express(load), of_standard(machine, load)
    each_express, each_standard = added([shared.each, express]), added([shared.each, standard])

    def cost(each: Mapping[Item, float], executions: int, month: Mapping[Item, float]) -> float:
        amounts = added([{item: quantity * executions for item, quantity in each.items()}, month])
        return sum(prices.of(item, quantity) for item, quantity in amounts.items())

    def lines() -> Iterator[Line]:
        for item, service in SERVICES.items():
            each = each_standard.get(item) or each_express.get(item)
            month = (each or 0.0) * load.executions + shared.month.get(item, 0.0)
            if month:
                usd, is_own = prices.of(item, month), (item in express, item in standard)
                yield Line(
                    item=item.value,
                    service=service,
                    unit=prices.prices[item].unit,
                    each=each,
                    month=month,
                    express=None if obstacle or is_own[1] else usd,
                    standard=None if is_own[0] else usd,
                )

    listed = tuple(lines())
    used = {line.item for line in listed}
    return Bill(
        workflow=workflow,
        type="EXPRESS" if machine.is_express else "STANDARD",
        region=prices.region,
        prices_of=prices.date,
        executions=load.executions,
        obstacle=obstacle,
        lines=listed,
        express=None if obstacle else cost(each_express, load.executions, shared.month),
        express_each=None if obstacle else cost(each_express, 1, {}),
        standard=cost(each_standard, load.executions, shared.month),
        standard_each=cost(each_standard, 1, {}),
        assumptions=(*load.told, *_assumptions(machine, load, shared, metrics, pollers)),
        unconfirmed=tuple(item.value for item in Item if item.value in used and prices.prices[item].checked == "no"),
    )


def _assumptions(machine: Machine, load: Load, shared: Usage, metrics: int, pollers: int) -> Iterator[str]:
    """Yield what is assumed whatever the load is; of the parts that this workflow has."""
    logged = machine_log_bytes(machine, load.message, retries(load))
    size = len(load.message.encode())
    yield f"a message has {size:,} bytes: --message; the state machine logs {logged:,.0f} bytes of an execution"
    if Item.DYNAMODB_WRITE in shared.each or Item.DYNAMODB_READ in shared.each:
        yield "a record is one item of each table: a write unit per KB, also in each index, and half a read unit"
    if Item.TRACE in shared.each:
        yield "X-Ray records the first execution of each second and 5 % of the others; executions come evenly"
    yield f"{metrics} custom metrics beside {FUNCTION_METRICS} of each function, all with data in each hour: --metrics"
    yield f"{pollers} receivers of the pipe wait 20 s each at an empty queue: --pollers; AWS states neither"
    yield "no execution fails: one that does is received again and counts again"
