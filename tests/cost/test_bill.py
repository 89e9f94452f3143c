from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from ceap.cost.bill import Bill, build_bill
from ceap.cost.prices import FILE, Item, load_prices
from ceap.cost.report import bill_lines
from ceap.errors import UsageError
from tests.cost.support import load_of, machine_of
from tests.reference import EXPRESS, STANDARD


def bill_of(declaration: Path, **stated: float) -> Bill:
    template, _ = machine_of(declaration)
    load = load_of(declaration, **stated)  # type: ignore[arg-type]
    return build_bill(template, declaration.stem, load, load_prices(), metrics=0, pollers=5)


def costs(bill: Bill) -> dict[str, tuple[Any, Any]]:
    return {line.item: (line.express, line.standard) for line in bill.lines}


def test_the_two_types_pay_for_different_things() -> None:
    found = costs(bill_of(EXPRESS, executions=1_000_000))
    # 6 million transitions at 0.025 a thousand; a million executions at 1.00, and of 10 s x 64 MB each.
    assert found[Item.STANDARD_TRANSITION] == (None, 150.0)
    assert found[Item.EXPRESS_REQUEST] == (1.0, None)
    assert found[Item.EXPRESS_GB_SECOND] == (pytest.approx(10.41875), None)


def test_both_types_pay_the_same_for_all_else() -> None:
    found = costs(bill_of(EXPRESS, executions=1_000_000))
    # 10 million GB-seconds on arm64; 5 million writing and 8 million reading requests.
    assert found[Item.LAMBDA_ARM64] == (pytest.approx(133.334), pytest.approx(133.334))
    assert found[Item.S3_PUT] == (pytest.approx(25.0), pytest.approx(25.0))
    assert found[Item.S3_GET] == (pytest.approx(3.2), pytest.approx(3.2))


def test_the_sums_are_those_of_the_lines() -> None:
    bill = bill_of(EXPRESS)
    assert bill.express == pytest.approx(sum(line.express or 0 for line in bill.lines))
    assert bill.standard == pytest.approx(sum(line.standard or 0 for line in bill.lines))


def test_one_more_execution_costs_what_two_months_differ_by() -> None:
    one, two = bill_of(EXPRESS, executions=1000), bill_of(EXPRESS, executions=1001)
    assert two.standard - one.standard == pytest.approx(one.standard_each)
    assert (two.express or 0) - (one.express or 0) == pytest.approx(one.express_each)


def test_a_workflow_with_a_job_has_no_price_as_express() -> None:
    bill = bill_of(STANDARD)
    assert bill.obstacle
    assert (bill.express, bill.express_each) == (None, None)
    assert {line.express for line in bill.lines} == {None}
    assert any(line == f"EXPRESS is not possible: {bill.obstacle}." for line in bill_lines(bill))


def test_prices_that_nothing_confirms_are_named_where_they_are_used() -> None:
    listed = load_prices()
    doubted = {item: msgspec.structs.replace(listed.prices[item], checked="no") for item in (Item.TRACE, Item.GLUE)}
    prices = msgspec.structs.replace(listed, prices=listed.prices | doubted)
    template, _ = machine_of(EXPRESS)
    bill = build_bill(template, "express", load_of(EXPRESS), prices, metrics=0, pollers=5)
    assert bill.unconfirmed == ("trace",)
    assert "- no page that was read confirms the price of trace" in bill_lines(bill)


def test_every_assumption_is_printed() -> None:
    bill = bill_of(EXPRESS)
    assert {f"- {assumption}" for assumption in bill.assumptions} <= set(bill_lines(bill))


def test_every_price_has_an_address_of_aws_and_every_item_a_price() -> None:
    prices = load_prices().prices
    assert set(prices) == set(Item)
    assert all(price.source.startswith("https://aws.amazon.com/") for price in prices.values())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("standard_transition:", "standard:", "is no list of prices: Invalid enum value 'standard'"),
        ("usd: 0.44", "usd: -0.44", "has a wrong price for glue_dpu_hour"),
        ("date: 2026-11-29", "date: yesterday", "is no list of prices"),
        ("checked: page", "checked: maybe", "is no list of prices"),
    ],
)
def test_a_wrong_file_of_prices_is_refused(old: str, new: str, message: str, tmp_path: Path) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "prices.yaml"
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        load_prices(file)


def test_a_file_without_one_of_the_prices_is_refused(tmp_path: Path) -> None:
    data = msgspec.yaml.decode(FILE.read_bytes())
    del data["prices"]["trace"]
    file = tmp_path / "prices.yaml"
    file.write_bytes(msgspec.yaml.encode(data))
    with pytest.raises(UsageError, match="has no price for trace"):
        load_prices(file)
