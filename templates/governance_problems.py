"""What is wrong with what a declaration wants of all resources alike, each with its place and the cure."""

from collections.abc import Iterator
from typing import Final

from templates.model import LOG_RETENTION_DAYS, LogRetention, Workflow
from templates.source import KeyPath
from templates.tag_problems import tag_problems

Problem = tuple[KeyPath, str]

_BLANK: Final = "is blank; say in a sentence why: reports of `ceap check` show it"


def governance_problems(workflow: Workflow) -> Iterator[Problem]:
    """Yield the problems of tags, VPC, days of logs and reasons, in the order in which to correct them."""
    for key, text in tag_problems(workflow.tags):
        yield ("tags", *key), text
    if workflow.vpc and not workflow.lambda_steps:
        yield ("vpc",), "is for Lambda functions, and the workflow has none; a Glue job needs a connection of Glue's"
    yield from _retention_problems(workflow)
    for name, steps in (("lambda", workflow.has_lambda_retrier), ("glue", bool(workflow.glue_steps))):
        policy = workflow.retry.glue if name == "glue" else workflow.retry.lambda_
        place: KeyPath = ("retry", name, "reason")
        if policy.reason is not None and not policy.reason.strip():
            yield place, _BLANK
        elif policy.reason is not None and (policy.is_default or not steps):
            what = "the retrier is the one that policy demands" if steps else "no task of the workflow has this retrier"
            yield place, f"explains nothing: {what}; remove the reason"


def _retention_problems(workflow: Workflow) -> Iterator[Problem]:
    kept = workflow.log_retention_days
    if not isinstance(kept, LogRetention):
        return
    if not kept.reason.strip():
        yield ("log_retention_days", "reason"), _BLANK
    elif kept.value == LOG_RETENTION_DAYS:
        yield (
            ("log_retention_days", "reason"),
            f"explains nothing: policy demands {LOG_RETENTION_DAYS} days; remove the key",
        )
