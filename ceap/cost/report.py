"""A bill as text."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ceap.cost.bill import Bill, Line
from templates.words import plural

NOT_COUNTED = (
    "free tiers, discounts, taxes, data transfer, NAT gateways and VPC endpoints, KMS keys and their calls, "
    "notifications of the alert topic, schedules, tables' storage and backups, the artifact bucket, queries of logs, "
    "existing functions that do steps, and what handlers call outside of S3, tables and events"
)


def bill_lines(bill: Bill) -> Iterator[str]:
    """Yield the lines of a bill."""
    month = plural(bill.executions, "execution").replace(str(bill.executions), f"{bill.executions:,}", 1)
    yield f"{bill.workflow}, declared {bill.type}: {month} a month in {bill.region}, US dollars"
    yield f"list prices of {bill.prices_of}, first tier, without free tiers"
    yield ""
    yield f"{'':<21}{'':<20}{'an execution':>14}{'a month':>14}{'EXPRESS':>12}{'STANDARD':>12}"
    previous = ""
    for line in bill.lines:
        yield _row(line, "" if line.service == previous else line.service)
        previous = line.service
    yield _sum("a month", bill.express, bill.standard)
    yield _sum("one more execution", bill.express_each, bill.standard_each)
    yield ""
    if bill.obstacle:
        yield f"EXPRESS is not possible: {bill.obstacle}."
        yield ""
    yield "Taken for granted:"
    yield from (f"- {assumption}" for assumption in bill.assumptions)
    if bill.unconfirmed:
        yield f"- no page that was read confirms the price of {', '.join(bill.unconfirmed)}"
    yield ""
    yield f"Not counted: {NOT_COUNTED}."


def _row(line: Line, service: str) -> str:
    each = "-" if line.each is None else _quantity(line.each)
    quantities = f"{each:>14}{_quantity(line.month):>14}"
    return f"{service:<21}{line.unit:<20}{quantities}{_usd(line.express):>12}{_usd(line.standard):>12}"


def _sum(what: str, express: float | None, standard: float) -> str:
    return f"{what:<69}{_usd(express):>12}{_usd(standard):>12}"


def _quantity(value: float) -> str:
    """Return a quantity with some 3 digits, never as a power of ten."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.{max(2, 2 - math.floor(math.log10(value)))}f}"


def _usd(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.2f}" if value >= 1 or value == 0 else f"{value:.{max(4, 2 - math.floor(math.log10(value)))}f}"
