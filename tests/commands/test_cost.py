from __future__ import annotations

import json
from pathlib import Path

import pytest

from ceap.cli import main
from ceap.cost.prices import FILE
from tests.reference import EXPRESS, STANDARD


def cost(*arguments: object) -> int:
    return main(["cost", *map(str, arguments)])


def test_the_bill_shows_both_types_beside_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert cost(EXPRESS, "--executions", 1_000_000) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "express, declared EXPRESS: 1,000,000 executions a month in us-east-1, US dollars"
    [transitions] = [line.split() for line in lines if "state transitions" in line]
    assert transitions == ["Step", "Functions", "state", "transitions", "6", "6,000,000", "-", "150.00"]


def test_the_bill_is_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cost(STANDARD, "--json") == 0
    bill = json.loads(capsys.readouterr().out)
    assert (bill["workflow"], bill["executions"], bill["express"]) == ("standard", 10_000, None)
    assert bill["obstacle"].startswith("HeavyStage runs a Glue job")
    assert bill["pricesOf"] == "2026-11-29"


def test_a_report_of_a_run_gives_the_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(EXPRESS), "--json"]) == 0
    report = tmp_path / "run.json"
    report.write_text(capsys.readouterr().out, encoding="utf-8")
    assert cost(EXPRESS, "--report", report, "--json") == 0
    bill = json.loads(capsys.readouterr().out)
    assert "a local run of 1 execution" in bill["assumptions"][0]
    [invocations] = [line for line in bill["lines"] if line["item"] == "lambda_request"]
    assert invocations["each"] == 5


def test_other_prices_are_taken_from_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prices = tmp_path / "prices.yaml"
    text = FILE.read_text(encoding="utf-8").replace("usd: 0.025,", "usd: 0.05,").replace("us-east-1", "eu-north-1")
    prices.write_text(text, encoding="utf-8")
    assert cost(EXPRESS, "--executions", 1000, "--prices", prices, "--json") == 0
    bill = json.loads(capsys.readouterr().out)
    assert bill["region"] == "eu-north-1"
    [transitions] = [line for line in bill["lines"] if line["item"] == "standard_transition"]
    assert transitions["standard"] == pytest.approx(0.3)


@pytest.mark.parametrize("wrong", ["--executions=0", "--executions=many", "--retries=-1", "--stage-seconds=nan"])
def test_a_wrong_number_is_a_usage_error(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cost(EXPRESS, wrong)
    assert stop.value.code == 2
    assert "give a" in capsys.readouterr().err


def test_a_message_that_is_missing_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cost(EXPRESS, "--message", "nowhere.json") == 2
    assert "--message nowhere.json: cannot be read" in capsys.readouterr().err
