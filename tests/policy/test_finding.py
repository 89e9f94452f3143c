from __future__ import annotations

import pytest

from ceap.cfn.template import parse_template
from ceap.policy.finding import Fault, Finding, finding_at

WHOLE = Finding("a.yaml", 12, "P41_PIPE", "wrong", "it", "/Resources/Pipe", "2")


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (WHOLE, "a.yaml:12: P41_PIPE: wrong | found: 2 | fix: it [/Resources/Pipe]"),
        (Finding("a.yaml", 1, "E3001", "wrong"), "a.yaml:1: E3001: wrong"),
    ],
)
def test_a_finding_is_one_line_with_all_that_is_known(finding: Finding, line: str) -> None:
    assert str(finding) == line


def test_a_note_stands_after_what_is_wrong() -> None:
    assert WHOLE.noted("since May").text == "wrong; since May | found: 2 | fix: it"
    assert Finding("a.yaml", 1, "E3001", "wrong").noted("since May").text == "wrong; since May"


def test_findings_sort_by_file_and_line() -> None:
    later, first = Finding("b.yaml", 2, "A", ""), Finding("a.yaml", 10, "B", "")
    assert sorted([later, first]) == [first, later]


@pytest.mark.parametrize(("name", "found"), [("VENDOR_API_KEY", ""), ("VENDOR_MODE", '"hush"')])
def test_a_value_that_may_be_a_secret_is_not_shown(name: str, found: str) -> None:
    template = parse_template(f"Resources: {{Variables: {{{name}: hush}}}}\n", "a.yaml")
    assert finding_at(template, "SEC09", Fault(f"/Resources/Variables/{name}", "wrong", "it")).found == found
