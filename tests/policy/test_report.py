from __future__ import annotations

import json

import pytest

from ceap.policy.finding import Finding
from ceap.policy.guard import Verdict
from ceap.policy.report import format_json, format_text, summarize
from ceap.policy.verdict import Judgement

FINDINGS = [
    Finding("a.yaml", 12, "P41_PIPE", "[P41] wrong | fix: it", "/Resources/Pipe"),
    Finding("a.yaml", 1, "E3001", "wrong"),
]
VERDICTS: dict[str, Verdict] = {"A": "PASS", "B": "FAIL", "C": "SKIP", "D": "SKIP"}


def test_text_has_one_line_per_finding() -> None:
    assert format_text(FINDINGS) == (
        "a.yaml:12: P41_PIPE: [P41] wrong | fix: it [/Resources/Pipe]\na.yaml:1: E3001: wrong\n"
    )
    assert format_text([]) == ""


def test_json_has_every_verdict_and_every_finding() -> None:
    assert json.loads(format_json([Judgement("a.yaml", VERDICTS, FINDINGS)], FINDINGS)) == {
        "templates": [{"file": "a.yaml", "rules": VERDICTS}],
        "findings": [
            {
                "file": "a.yaml",
                "line": 12,
                "rule": "P41_PIPE",
                "message": "[P41] wrong | fix: it",
                "path": "/Resources/Pipe",
            },
            {"file": "a.yaml", "line": 1, "rule": "E3001", "message": "wrong", "path": ""},
        ],
    }


@pytest.mark.parametrize(("count", "words"), [(0, "0 findings"), (1, "1 finding"), (2, "2 findings")])
def test_the_summary_counts_verdicts_and_findings(count: int, words: str) -> None:
    judgement = Judgement("a.yaml", VERDICTS, FINDINGS[:count])
    assert summarize(judgement) == f"a.yaml: rules: 1 pass, 1 fail, 2 not applicable; {words}"


def test_findings_sort_by_file_and_line() -> None:
    later, first = Finding("b.yaml", 2, "A", ""), Finding("a.yaml", 10, "B", "")
    assert sorted([later, first]) == [first, later]
