from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ceap.policy.catalogue import Entry
from ceap.policy.reports.report import Report
from ceap.policy.reports.sarif import format_sarif
from tests.policy.reports.samples import LINT, NULL, QUEUE, REPORT, RETRY, SCHEMA

PAGE = "https://docs.aws.amazon.com/retry.html"
ENTRIES = {
    "SEC01_QUEUE_TLS": Entry(title="", why="", fix=""),
    "P16_LAMBDA_RETRY": Entry(
        title="Lambda tasks are tried again", why="Outages pass.", fix="Add a retrier.", source=PAGE
    ),
    "CFN01_NO_NULL": Entry(title="", why="", fix="", source="docs/reference/requirements.md#properties"),
}


def sarif(report: Report, root: Path | None = None) -> Any:
    return json.loads(format_sarif(report, ENTRIES, root or Path.cwd()))


def results(report: Report) -> list[Any]:
    return [result for run in sarif(report)["runs"] for result in run["results"]]


def fingerprints(report: Report) -> list[str]:
    return [result["partialFingerprints"]["ceap/v1"] for result in results(report)]


def addresses(file: str, root: Path) -> Any:
    report = msgspec.structs.replace(REPORT, findings=[msgspec.structs.replace(RETRY, file=file)], waived=())
    [result] = sarif(report, root)["runs"][0]["results"]
    return result["locations"][0]["physicalLocation"]["artifactLocation"]


def test_each_tool_has_a_run_of_its_own_with_its_results_in_order() -> None:
    document = sarif(REPORT)
    assert (document["version"], document["$schema"].rpartition("/")[2]) == ("2.1.0", "sarif-schema-2.1.0.json")
    assert [
        (run["tool"]["driver"]["name"], [(result["ruleId"], result["level"]) for result in run["results"]])
        for run in document["runs"]
    ] == [
        ("ceap", [("SEC01_QUEUE_TLS", "error"), ("P16_LAMBDA_RETRY", "error"), ("CFN01_NO_NULL", "error")]),
        ("cfn-lint", [("W2001", "warning"), ("E3034", "error")]),
    ]


def test_a_result_says_what_where_and_by_which_rule() -> None:
    [_, result, _] = sarif(REPORT)["runs"][0]["results"]
    fingerprint = result.pop("partialFingerprints")["ceap/v1"]
    assert result == {
        "ruleId": "P16_LAMBDA_RETRY",
        "ruleIndex": 1,
        "level": "error",
        "message": {"text": "too few | found: 1 | fix: 2"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "a%20b.yaml", "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": 12},
                },
                "logicalLocations": [{"fullyQualifiedName": "/Resources/Machine/MaxAttempts"}],
            }
        ],
        "suppressions": [],
    }
    assert len(fingerprint) == 34


def test_every_rule_is_described_and_every_result_points_at_its_description() -> None:
    for run in sarif(REPORT)["runs"]:
        rules = run["tool"]["driver"]["rules"]
        needed = {"id", "defaultConfiguration", "shortDescription", "fullDescription", "help"}
        assert [set(rule) - {"helpUri"} for rule in rules] == [needed] * len(rules)
        assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [
            result["ruleId"] for result in run["results"]
        ]


def test_a_description_has_the_title_the_reason_and_the_fix_of_the_catalogue() -> None:
    [_, rule, _] = sarif(REPORT)["runs"][0]["tool"]["driver"]["rules"]
    assert rule == {
        "id": "P16_LAMBDA_RETRY",
        "defaultConfiguration": {"level": "error"},
        "shortDescription": {"text": "Lambda tasks are tried again"},
        "fullDescription": {"text": "Outages pass."},
        "help": {
            "text": "Outages pass. Fix: Add a retrier.",
            "markdown": "**Why.** Outages pass.\n\n**Fix.** Add a retrier.",
        },
        "helpUri": PAGE,
    }


def test_a_description_links_to_the_page_behind_the_rule_if_it_is_on_the_web() -> None:
    links = [
        {rule["id"]: rule.get("helpUri") for rule in run["tool"]["driver"]["rules"]} for run in sarif(REPORT)["runs"]
    ]
    assert links == [
        {"CFN01_NO_NULL": None, "P16_LAMBDA_RETRY": PAGE, "SEC01_QUEUE_TLS": None},
        {"E3034": SCHEMA.source, "W2001": LINT.source},
    ]


def test_what_is_waived_is_suppressed_with_its_reason() -> None:
    found = {result["ruleId"]: result["suppressions"] for result in results(REPORT)}
    in_source = {"kind": "inSource", "status": "accepted", "justification": "a sandbox"}
    external = {"kind": "external", "status": "accepted", "justification": "a sandbox (until 2027-01-31)"}
    assert found == {
        "SEC01_QUEUE_TLS": [in_source],
        "E3034": [external],
        "P16_LAMBDA_RETRY": [],
        "CFN01_NO_NULL": [],
        "W2001": [],
    }


def test_a_fingerprint_stays_when_the_finding_moves_or_its_words_change() -> None:
    moved = [msgspec.structs.replace(RETRY, line=99, what="other words", found="0")]
    before = msgspec.structs.replace(REPORT, findings=[RETRY], waived=())
    assert fingerprints(before) == fingerprints(msgspec.structs.replace(before, findings=moved))


@pytest.mark.parametrize("change", [{"rule": "CFN01_NO_NULL"}, {"path": "/Resources/Other"}, {"file": "other.yaml"}])
def test_another_rule_place_or_file_has_another_fingerprint(change: dict[str, str]) -> None:
    before = msgspec.structs.replace(REPORT, findings=[RETRY], waived=())
    after = msgspec.structs.replace(before, findings=[msgspec.structs.replace(RETRY, **change)])
    assert fingerprints(before) != fingerprints(after)


def test_two_findings_of_a_rule_at_one_place_differ() -> None:
    twice = [NULL, msgspec.structs.replace(NULL, what="null again")]
    first, second = fingerprints(msgspec.structs.replace(REPORT, findings=twice, waived=()))
    assert (first[:-1], first[-1], second[-1]) == (second[:-1], "1", "2")


def test_addresses_are_relative_to_the_root_of_the_repository_and_percent_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "below"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert addresses("100% ü:#.yaml", tmp_path) == {
        "uri": "below/100%25%20%C3%BC%3A%23.yaml",
        "uriBaseId": "%SRCROOT%",
    }
    assert addresses("../a.yaml", tmp_path) == {"uri": "a.yaml", "uriBaseId": "%SRCROOT%"}


def test_a_file_outside_of_the_repository_has_an_absolute_address(tmp_path: Path) -> None:
    assert addresses(str(tmp_path / "a b.yaml"), tmp_path / "repository") == {"uri": (tmp_path / "a b.yaml").as_uri()}


def test_names_that_are_no_unicode_are_carried_too(tmp_path: Path) -> None:
    odd = msgspec.structs.replace(RETRY, file="caf\udce9.yaml", path="/Resources/\ud800")
    [result] = results(msgspec.structs.replace(REPORT, findings=[odd], waived=()))
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "caf%E9.yaml"


def test_the_document_is_ascii_and_the_same_every_time() -> None:
    text = format_sarif(REPORT, ENTRIES, Path.cwd())
    assert text.isascii()
    assert text == format_sarif(REPORT, ENTRIES, Path.cwd())
    assert QUEUE.rule in text
