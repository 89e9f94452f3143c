from __future__ import annotations

import json

import msgspec

from ceap.policy.finding import Finding
from ceap.policy.reports.report import Report, format_json, format_terminal, format_text, summarize
from tests.policy.reports.samples import CLEAN, REPORT, VERDICTS


def test_text_has_one_line_per_finding_that_counts() -> None:
    assert format_text(REPORT) == (
        "a b.yaml:1: W2001: Parameter X not used.\n"
        "a b.yaml:12: P16_LAMBDA_RETRY: too few | found: 1 | fix: 2 [/Resources/Machine/MaxAttempts]\n"
        "a b.yaml:20: CFN01_NO_NULL: null | fix: a value [/Resources/Queue/Name]\n"
    )
    assert format_text(CLEAN) == ""


def test_a_terminal_shows_what_is_wrong_what_was_found_and_the_fix_on_lines_of_their_own() -> None:
    plain = format_terminal(REPORT)
    for code in ("\x1b[1m", "\x1b[31m", "\x1b[2m", "\x1b[0m"):
        plain = plain.replace(code, "")
    assert plain == (
        "a b.yaml:1: W2001: Parameter X not used.\n"
        "\n"
        "a b.yaml:12: P16_LAMBDA_RETRY: too few\n"
        "    found 1\n"
        "    fix   2\n"
        "    at    /Resources/Machine/MaxAttempts\n"
        "\n"
        "a b.yaml:20: CFN01_NO_NULL: null\n"
        "    fix   a value\n"
        "    at    /Resources/Queue/Name\n"
        "\n"
    )
    assert format_terminal(CLEAN) == ""


def test_names_in_a_template_neither_steer_the_terminal_nor_begin_a_line() -> None:
    wrong = Finding("a\x1b[2J.yaml", 1, "E1001", "bad\nb.yaml:2: P41_PIPE: no", path="/Resources/\x07\u202e")
    report = Report(judgements=[], findings=[wrong])
    line = "a\\x1b[2J.yaml:1: E1001: bad\\nb.yaml:2: P41_PIPE: no [/Resources/\\x07\\u202e]\n"
    assert format_text(report) == line
    assert "\\x1b[2J" in format_terminal(report)
    assert "\x07" not in format_terminal(report)


def test_json_has_every_verdict_every_finding_and_every_waiver() -> None:
    queue = {"file": "a b.yaml", "line": 7, "rule": "SEC01_QUEUE_TLS", "path": "/Resources/Queue", "found": ""}
    lint = {"file": "a b.yaml", "line": 8, "rule": "E3034", "what": "too large", "fix": "", "found": "901"}
    assert json.loads(format_json(REPORT)) == {
        "templates": [{"file": "a b.yaml", "rules": VERDICTS}],
        "findings": [msgspec.to_builtins(finding) for finding in REPORT.findings],
        "leftOut": 0,
        "waived": [
            queue
            | {
                "what": "no TLS",
                "fix": "deny",
                "source": "",
                "waiver": {"file": "a b.yaml", "line": 5, "reason": "a sandbox", "expires": None},
            },
            lint
            | {
                "path": "/Resources/Queue/Properties/DelaySeconds",
                "source": "https://lint.example/rules.md#E3034",
                "waiver": {"file": "waivers.yaml", "line": 2, "reason": "a sandbox", "expires": "2027-01-31"},
            },
        ],
        "unusedWaivers": [
            {"rule": "P16_LAMBDA_RETRY", "file": "waivers.yaml", "line": 9, "reason": "a sandbox", "expires": None}
        ],
    }


def test_the_summary_lists_what_is_waived_and_counts_the_rest() -> None:
    assert summarize(REPORT, "docs/rules.md") == (
        "a b.yaml:7: SEC01_QUEUE_TLS: no TLS; waived: a sandbox [/Resources/Queue]\n"
        "a b.yaml:8: E3034: too large; waived until 2027-01-31: a sandbox [/Resources/Queue/Properties/DelaySeconds]\n"
        "waivers.yaml:9: warning: this waiver of P16_LAMBDA_RETRY matches no finding | fix: remove it\n"
        "a b.yaml: rules: 1 pass, 2 fail, 1 not applicable; 3 findings, 2 waived\n"
        "3 findings in 1 template, 2 waived; why each rule is there, and what to do: docs/rules.md\n"
    )


def test_the_summary_and_json_say_how_many_findings_are_left_out() -> None:
    report = msgspec.structs.replace(REPORT, left_out=2)
    total = "3 findings in 1 template, 2 waived, 2 more that may follow from them left out; why each rule is there"
    assert f"\n{total}" in summarize(report, "docs/rules.md")
    assert json.loads(format_json(report))["leftOut"] == 2


def test_the_summary_of_a_clean_project_says_so() -> None:
    assert summarize(CLEAN, "docs/rules.md") == (
        "generated/: 4 files, all fresh\n"
        "a b.yaml: rules: 1 pass, 0 fail, 0 not applicable; 0 findings\n"
        "0 findings in 1 template\n"
    )
