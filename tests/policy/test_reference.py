from __future__ import annotations

import re

from ceap.policy.checks import load_checks
from ceap.policy.freshness import ENTRIES
from ceap.policy.reference import PAGE, ROOT, reference_page
from tests.policy.samples import catalogue


def test_the_committed_page_is_what_make_docs_writes() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference_page()


def test_every_rule_and_check_has_a_row_and_a_section() -> None:
    checks = {check.rule for check in load_checks()} | ENTRIES.keys()
    ids = [*sorted(catalogue()["rules"]), *sorted(checks)]
    page = reference_page()
    assert re.findall(r"^### (\w+)$", page, re.MULTILINE) == ids
    assert re.findall(r"^\| \[(\w+)\]\(#(\w+)\) \| .", page, re.MULTILINE) == [(rule, rule.lower()) for rule in ids]


def test_a_section_has_all_that_the_catalogue_says() -> None:
    assert (
        "### P16_LAMBDA_RETRY\n\n"
        "A Lambda task is retried twice, after 20 s and 40 s, on any error.\n\n"
        "- **Why.** Throttling and short outages pass; without retries each fails an execution.\n"
        "  More attempts do not fit the five minutes of EXPRESS.\n"
        "- **Fix.** Add the retrier\n"
        '  `{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 20, "MaxAttempts": 2, "BackoffRate": 2.0}`.\n'
        "  For other values, give a `reason` beside them in `retry` of the declaration.\n"
        "- [`guard_rules/p16_lambda_retry.guard`](../../guard_rules/p16_lambda_retry.guard);\n"
        "  [property](requirements.md#properties) 16;\n"
        "  [requirement](requirements.md#requirements) 4.5, 8.1, 11.5;\n"
        "  source: <https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html>;\n"
        "  expected: foundation SKIP, express PASS, standard PASS, deploy SKIP\n"
    ) in reference_page()


def test_every_file_that_it_names_is_there() -> None:
    files = re.findall(r"\]\(\.\./\.\./([^)#]+)", reference_page())
    assert files != []
    assert [file for file in files if not (ROOT / file).is_file()] == []
