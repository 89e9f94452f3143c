"""The sums in `docs/explanation/cloudwatch.md` are those of `ceap cost`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ceap import project
from ceap.cli import main
from ceap.cost.machine_log import machine_log_bytes
from ceap.graph.read import find_pipeline
from tests.graph.support import template_of

PAGE = project.ROOT / "docs" / "explanation" / "cloudwatch.md"
REALTIME = project.WORKFLOWS / "realtime.yaml"
ROWS = {
    "logs, ingested": "log_gb",
    "logs, stored for 14 days, compressed": "log_gb_month",
    "custom metrics": "metric",
    "traces": "trace",
    "dashboard": "dashboard",
    "alarms": "alarm",
}


@pytest.mark.usefixtures("own_project")
def test_the_bill_on_the_page_is_that_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", str(REALTIME), "--executions", "1000000", "--json"]) == 0
    bill = json.loads(capsys.readouterr().out)
    costs = {line["item"]: f"{line['express']:.2f}" for line in bill["lines"] if line["express"] is not None}
    text = PAGE.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([^|]+) \| [^|]+ \| ([\d.]+) \|$", text, re.MULTILINE))
    assert {row: rows[row] for row in ROWS} == {row: costs[item] for row, item in ROWS.items()}
    watched = sum(float(costs[item]) for item in ROWS.values())
    assert f"Of the {bill['express']:.0f} USD a month" in text
    assert f"CloudWatch and X-Ray are {watched:.0f} USD" in text


@pytest.mark.usefixtures("own_project")
def test_the_page_says_what_the_state_machine_logs() -> None:
    message = Path(project.WORKFLOWS / "messages" / "realtime.json").read_text(encoding="utf-8")
    _, _, machine = find_pipeline(template_of(REALTIME))
    text = PAGE.read_text(encoding="utf-8")
    assert f"| with execution data | {machine_log_bytes(machine, message, 0):,.0f} bytes |" in text
    machine.resource.properties["LoggingConfiguration"]["IncludeExecutionData"] = False
    assert f"| without | {machine_log_bytes(machine, message, 0):,.0f} bytes |" in text


@pytest.mark.usefixtures("own_project")
def test_the_page_on_the_choice_of_the_type_has_the_sums_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    page = (PAGE.parent / "choose-the-type.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\d,]+) \| (\d+) s \| ([\d,.]+) \| ([\d,.]+) \|$", page, re.MULTILINE)
    told = []
    for executions, seconds, *_ in rows:
        words = ["--executions", executions.replace(",", ""), "--stage-seconds", seconds, "--json"]
        assert main(["cost", str(REALTIME), *words]) == 0
        bill = json.loads(capsys.readouterr().out)
        told.append((executions, seconds, f"{bill['express']:,.2f}", f"{bill['standard']:,.2f}"))
    assert told == rows
    assert len(rows) == 6
