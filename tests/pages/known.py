"""Which test runs or compares the blocks of a page, and why a shown text is compared by none."""

from __future__ import annotations

from typing import Final

RUN: Final[dict[tuple[str, str], str]] = {
    ("README.md", "python json"): "tests/test_readme.py::test_the_handler_of_the_readme_runs_as_it_says",
    ("docs/tutorial.md", "python yaml json csv diff console"): (
        "tests/test_tutorial.py::test_the_tutorial_works_as_it_is_written"
    ),
    ("docs/runbook/a-day.md", "python yaml diff console"): "tests/runbook/test_a_day.py::test_a_day",
    ("docs/how-to/migrate.md", "sh python yaml toml"): (
        "tests/test_migrate_guide.py::test_no_order_is_lost_or_doubled_by_the_commands_of_the_page"
    ),
    ("docs/how-to/write-a-handler.md", "python yaml json"): (
        "tests/test_how_to.py::test_the_handler_runs_as_the_page_says"
    ),
    ("docs/how-to/upgrade.md", "sh"): (
        "tests/test_upgrade.py::test_a_clone_takes_a_new_ceap_without_a_conflict_and_keeps_what_is_its_own"
    ),
    ("docs/reference/testing.md", "python"): (
        "tests/test_how_to.py::test_the_example_of_the_reference_reads_the_object_that_it_puts"
    ),
    ("docs/reference/glue.md", "python"): (
        "tests/pages/test_blocks.py::test_the_job_that_the_reference_shows_is_the_committed_one"
    ),
    ("docs/reference/schema.md", "python"): (
        "tests/workflows/test_page_commands.py::test_the_schema_judges_the_message_as_the_page_says"
    ),
    ("docs/how-to/start-by-schedule-or-upload.md", "python"): (
        "tests/pages/test_blocks.py::test_the_test_of_an_upload_is_that_of_the_reference_with_other_names"
    ),
}
"""The test that runs, as they stand there, a page's blocks of these languages."""

TEXTS: Final[dict[tuple[str, str], str]] = {
    ("README.md", "execution 83a9ed7b"): (
        "tests/workflows/test_readme_sample.py::test_a_run_ends_with_the_line_that_it_shows"
    ),
    ("README.md", "ceap: workflows/orders.yaml:8"): (
        "tests/test_readme.py::test_a_step_that_is_too_long_is_answered_as_it_shows"
    ),
    ("README.md", "generated/realtime.template.yaml"): (
        "tests/workflows/test_readme_sample.py::test_a_template_that_breaks_a_rule_is_answered_as_it_shows"
    ),
    ("docs/how-to/write-a-handler.md", "orders.yaml:7"): (
        "tests/workflows/test_readme_sample.py::"
        "test_its_own_handler_is_refused_before_the_store_of_the_sample_by_the_name_of_a_field"
    ),
    ("docs/how-to/write-a-handler.md", "dynamodb:UpdateItem"): (
        "tests/test_how_to.py::test_a_call_that_needs_do_not_name_is_denied_with_the_cure_of_the_page"
    ),
    ("docs/reference/handlers.md", '{"executionId":"e1"'): (
        "tests/pages/test_blocks.py::test_the_document_of_the_reference_is_read_as_one"
    ),
    ("docs/reference/graph.md", "```mermaid"): "is the form of a page of Markdown, not an output",
    ("docs/reference/run.md", "workflows/fixtures/{workflow name}/\n"): (
        "is a tree of folders; tests/commands/test_run_seed.py puts files there"
    ),
    ("docs/reference/run.md", "workflows/fixtures/{workflow name}/functions/"): (
        "is a tree of folders; tests/commands/test_run_existing.py puts files there"
    ),
    ("docs/reference/run.md", "DIR/latest"): "is a tree of folders; tests/commands/test_run_keep.py reads them",
}
"""What a shown text begins with: the test that compares it, or why none does."""

FORMS: Final[dict[tuple[str, str], tuple[str, str]]] = {
    ("docs/reference/ceap-toml.md", "account 123456789012"): ("of ceap.toml)", "tests/aws/test_session.py"),
    ("docs/reference/check.md", "generated/orders.template.yaml:31"): (
        *("is not a property t", "tests/policy/vocabulary/test_known.py"),
    ),
    ("docs/reference/invoke.md", "ETLStage SUCCEEDED"): ("SUCCEEDED in", "tests/commands/test_invoke.py"),
    ("docs/reference/logs.md", "execution 7e9f172c"): ("what was raised, and where", "tests/commands/test_logs.py"),
    ("docs/reference/package.md", "ModuleNotFoundError"): ("No module named '", "tests/local/test_packages.py"),
    ("docs/reference/run.md", "SiftStage yielded"): ("yielded 0 of 2 records", "tests/commands/test_run.py"),
    ("docs/reference/run.md", "FilterStage failed"): (
        "failed in attempt 1 of execution 1",
        "tests/commands/test_run_failures.py",
    ),
    ("docs/reference/trace.md", "message 22381752"): ("attempt 1 SUCCEEDED in", "tests/operate/test_trace_express.py"),
    ("docs/runbook/detect.md", "ceap-orders-dev"): ("  STANDARD  account 123456789012", "docs/runbook/a-day.md"),
    ("docs/runbook/investigate.md", "message 756708a7"): (" started, first at 2026", "docs/runbook/a-day.md"),
    ("docs/runbook/pause.md", "ceap-orders-dev: the pipe"): ("is stopped", "tests/operate/test_pausing.py"),
    ("docs/runbook/recover.md", "210a62de"): ("1 message to replay, of 1 dead letter", "tests/commands/test_replay.py"),
    ("docs/runbook/recover.md", "to redrive"): ("1 to redrive", "tests/operate/test_redrive.py"),
    ("docs/runbook/recover.md", "to replay"): ("1 to replay", "tests/operate/test_replay_executions.py"),
}
"""What a shown text with ids and times begins with; a part of its form, and what compares that with an output.

A page is compared by its own test: the day of an operator by tests/runbook/test_a_day.py.
"""

PROGRAMS: Final = {
    ".ceap/scripts/hook": "the hook of pre-commit in a clone; tests/scripts/test_hook.py runs it",
    ".venv/bin/cfn-guard": "AWS's program; tests/policy/test_rules_elsewhere.py runs the page's commands",
    ".venv/bin/coverage": "counts lines of what tests/workflows/test_page_commands.py runs",
    ".venv/bin/pytest": "tests/test_how_to.py and tests/test_tutorial.py run it",
    ".venv/bin/python": "with debugpy, which a developer installs",
    "[": "a condition of the shell",
    "cat": "prints what a test compares without it",
    "date": "of the system",
    "git": "tests/test_upgrade.py runs the commands of the guide",
    "jq": "which a reader may lack",
    "python": "runs the day's own script, in its test",
    "python3": "takes one key of JSON",
    "resource": "a function that the guide defines, and its test runs",
    "zip": "packs the rules for a hook on AWS",
}
"""Programs on the pages that are not ceap, make or the AWS CLI, and what is known of their commands."""
