"""Every alarm names its section of the runbook, and every section has an alarm."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ceap import project
from templates.resources.alarms import RUNBOOK
from templates.stacks import workflow_stack
from tests import reference
from tests.templates.support import of_type

PAGE = (project.ROOT / RUNBOOK).read_text(encoding="utf-8")
SECTIONS = [heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", PAGE, re.MULTILINE)]
WORKFLOWS = (reference.EXPRESS, reference.STANDARD, reference.TRIGGERED)


def alarms() -> list[dict[str, Any]]:
    templates = [workflow_stack(workflow) for workflow in project.load_workflows(WORKFLOWS)]
    return [alarm for template in templates for alarm in of_type(template, "AWS::CloudWatch::Alarm").values()]


def section_of(alarm: dict[str, Any]) -> str:
    [section] = re.findall(rf"\. Runbook: {re.escape(RUNBOOK)}#([a-z-]+)$", alarm["AlarmDescription"])
    return str(section)


def test_every_alarm_has_a_section_and_every_section_an_alarm() -> None:
    assert {section_of(alarm) for alarm in alarms()} == set(SECTIONS)


def test_the_name_of_an_alarm_ends_in_its_section() -> None:
    wrong = [alarm["AlarmName"] for alarm in alarms() if not alarm["AlarmName"]["Fn::Sub"].endswith(section_of(alarm))]
    assert wrong == []


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_says_what_the_alarm_means_where_to_look_first_and_the_cure(section: str) -> None:
    text = PAGE.split("\n## ")[1 + SECTIONS.index(section)]
    assert re.findall(r"^\*\*(\w[\w ]*):\*\*", text, re.MULTILINE) == ["Means", "First look", "Cure"]


def test_the_table_of_the_page_lists_every_section() -> None:
    assert re.findall(r"^\| \[`[\w-]+`\]\(#([a-z-]+)\)", PAGE, re.MULTILINE) == SECTIONS
