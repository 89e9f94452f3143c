"""The setting by which a step declares the bucket that messages may name."""

from __future__ import annotations

import pytest

from templates.config import parse_workflow
from templates.source import parse_source
from tests.templates.support import VALID, changed, refusal


@pytest.mark.parametrize("bucket", ["my-exports", "a.b-c.1", "x" * 63])
def test_a_source_bucket_is_declared_by_its_name(bucket: str) -> None:
    text = changed("handler: take\n", f"handler: take\n    settings: {{source_bucket: {bucket}}}\n")
    assert parse_workflow(parse_source(text, "orders.yaml")).lambda_steps[0].settings == {"source_bucket": bucket}


@pytest.mark.parametrize("bucket", ["My-exports", "ab", "x" * 64, "a..b", "my_exports", "-exports", "exports-", "'*'"])
def test_what_is_no_name_of_a_bucket_is_refused(bucket: str) -> None:
    text = changed("handler: take\n", f"handler: take\n    settings: {{source_bucket: {bucket}}}\n")
    message = refusal(text)
    assert message.startswith("orders.yaml:6: steps[0].settings.source_bucket is ")
    assert message.endswith("(a bucket's name: 3 to 63 of a-z, 0-9, hyphen and single dots)")


def test_a_workflow_bucket_is_no_source() -> None:
    text = changed("handler: take\n", "handler: take\n    settings: {source_bucket: ceap-workflow-dev-123456789012}\n")
    assert refusal(text) == (
        "orders.yaml:6: steps[0].settings.source_bucket is 'ceap-workflow-dev-123456789012', a bucket of ceap, "
        "of which a stage reads the previous output alone; name another"
    )


def test_a_source_bucket_of_a_stage_that_reads_no_message_is_refused() -> None:
    text = VALID + "  - stage: AgainStage\n    handler: take\n    settings: {source_bucket: my-exports}\n"
    assert refusal(text) == (
        "orders.yaml:10: steps[2].settings.source_bucket is 'my-exports', but only the first stage reads a message's "
        "source; leave it out, or put the stage first"
    )
