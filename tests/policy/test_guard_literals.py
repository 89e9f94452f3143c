"""Guard files import nothing, so they repeat facts of Python: each is compared here with the constant it repeats."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest

from ceap.policy.verdict import GUARD_RULES
from handlers.runtime.contract import EXECUTIONS_PREFIX, INITIAL_FOLDER, PermanentStageError, output_key
from templates import budget, naming
from templates.config import FUNCTION_NAME_MAX
from templates.definition import (
    INVOKE,
    PUT_OBJECT,
    RUN_JOB,
    WORKFLOW_BUCKET_TOKEN,
    glue_arguments,
    integration_of,
    key_path,
    lambda_payload,
)
from templates.lambda_runtime import ARCHITECTURE, RUNTIME
from templates.model import LOG_RETENTION_DAYS, Retries, StepKind

RETRY: Final = Retries()
PAYLOAD: Final = lambda_payload("B", "A") | lambda_payload("B", None)
ARGUMENTS: Final = glue_arguments("Stage", "Stage")

FACTS: Final[list[tuple[str, str, set[Any]]]] = [
    ("*", r"arn:aws:states:::[\w:.-]+", {INVOKE, RUN_JOB, PUT_OBJECT}),
    ("*", r"(\w+StageError)", {PermanentStageError.__name__}),
    ("p40_*", r"'(ceap-workflow-.*?)'", {naming.WORKFLOW_BUCKET}),
    ("p40_*", r"'(ceap-artifacts-.*?)'", {naming.ARTIFACT_BUCKET}),
    (
        "*",
        r"'(ceap-foundation-.*?)'",
        {naming.export(naming.WORKFLOW_BUCKET_ID), naming.export(naming.ARTIFACT_BUCKET_ID)},
    ),
    ("*", r"\$\{(Artifact\w+)\}", {naming.ARTIFACT_BUCKET_ID}),
    ("*", r"\$\{(Workflow\w+)\}", {WORKFLOW_BUCKET_TOKEN}),
    ("*", r"\b(executions/)", {EXECUTIONS_PREFIX}),
    ("*", r"executions/\*/(initial)/", {INITIAL_FOLDER}),
    ("*", r"/(\w+\.json)\b", {output_key("", "").rpartition("/")[2]}),
    ("p01_*", r"'(/[\w/-]+/)\$\{1}'", {naming.FUNCTION_LOGS}),
    ("p01_*", r"\.\{1,(\d+)}", {FUNCTION_NAME_MAX - naming.ENVIRONMENT_MAX + len("${Environment}")}),
    ("p07_*", r"ExpirationInDays == (\d+)", {budget.EXECUTIONS_DAYS}),
    ("p07_*", r"NoncurrentDays in r\[1,(\d+)]", {budget.EXECUTIONS_DAYS}),
    ("p08_*", r"keys != /\^\((executionId.*?)\)\$/", {"|".join(PAYLOAD)}),
    ("p08_*", r"keys == '(\w+\.\$)'", {key for key in PAYLOAD if key.endswith("$")}),
    ("p08_*", r"'executionId\.\$' ] == '(.*)'", {PAYLOAD["executionId.$"]}),
    ("p08_*", r"'initialData\.\$' ] == '(.*)'", {PAYLOAD["initialData.$"]}),
    ("p12_*", r"TimeoutSeconds <= (\d+)", {budget.EXPRESS_LIMIT_S, budget.EXPRESS_LIMIT_S + budget.TASK_MARGIN_S}),
    ("p16_*", r"MaxAttempts == ([1-9]\d*)", {RETRY.lambda_.max_attempts}),
    ("p16_*", r"IntervalSeconds == (\d+)", {RETRY.lambda_.interval_s}),
    ("p16_*", r"BackoffRate in \[\d+, ([\d.]+)]", {RETRY.lambda_.backoff_rate}),
    ("p18_*", r"TimeoutSeconds <= (\d+)", {budget.STANDARD_LIMIT_S}),
    ("p22_*", r"\"(--[\w-]+(?:\.\$)?)\"", set(ARGUMENTS)),
    ("p22_*", r"'--execution-id\.\$' ] == '(.*)'", {ARGUMENTS["--execution-id.$"]}),
    ("p22_*", r"(States\.Format.*Name\))", {key_path("[A-Za-z0-9]+"), key_path("[A-Z][A-Za-z0-9]*")}),
    ("p24_*", r"MaxAttempts == ([1-9]\d*)", {RETRY.glue.max_attempts}),
    ("p24_*", r"IntervalSeconds == (\d+)", {RETRY.glue.interval_s}),
    ("p24_*", r"BackoffRate in \[\d+, ([\d.]+)]", {RETRY.glue.backoff_rate}),
    ("p32_*", r"maxReceiveCount == (\d+)", {budget.MAX_RECEIVES}),
    ("p32_*", r"MessageRetentionPeriod == (\d+)", {budget.RETENTION_S}),
    ("p35_*", r"RetentionInDays == (\d+)", {LOG_RETENTION_DAYS}),
    ("p4*", r"Parameters\.(\w+Name)\b", {integration_of(kind).parameter for kind in StepKind}),
    ("p40_*", r"'(--[\w-]+\.\$)'", {key for key in ARGUMENTS if "-key" in key}),
    ("sec01_*", r"VisibilityTimeout >= (\d+)", {budget.express_visibility_s(0)}),
    ("sec01_*", r"MessageRetentionPeriod == (\d+)", {budget.RETENTION_S}),
    ("sec01_*", r"MaximumMessageSize in r\[1024,(\d+)]", {budget.MAX_MESSAGE_BYTES}),
    ("sec09_*", r"Runtime == '(.*)'", {RUNTIME}),
    ("sec09_*", r"Architectures\[\*] == '(.*)'", {ARCHITECTURE}),
    ("sec09_*", r'S3Key\."Fn::Sub" == /.*?(\w+Prefix)', {naming.HANDLERS_PREFIX_PARAMETER}),
]


def code(files: str) -> str:
    """Return the rules of some files without comments and messages, and the texts of their patterns as plain ones."""
    text = "".join(file.read_text(encoding="utf-8") for file in sorted(GUARD_RULES.glob(f"{files}.guard")))
    text = re.sub(r"<<.*?>>", "", re.sub(r"(?m)^ *#.*$", "", text), flags=re.DOTALL)
    return re.sub(r"\\([^\w])", r"\1", text)


@pytest.mark.parametrize(("files", "pattern", "facts"), FACTS)
def test_a_guard_file_says_what_python_says(files: str, pattern: str, facts: set[Any]) -> None:
    [read] = {type(fact) for fact in facts}
    assert {read(found) for found in re.findall(pattern, code(files))} == facts
