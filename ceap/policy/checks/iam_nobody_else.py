"""The policy of a resource allows neither every principal nor an account that is spelt out.

Such a policy grants access by itself, without a grant in a role. SEC04 reads the policies of queues, topics and
buckets; this check reads those of tables, keys, secrets, event buses, access points and all others.
Source: IAM User Guide, "Cross-account policy evaluation logic".
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from ceap.cfn.template import Template
from ceap.iam.arn import resolve, split_arn
from ceap.iam.documents import PlacedValue, documents, entries
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault

RULE: Final = "IAM06_NOBODY_ELSE"
ENTRY: Final = Entry(
    title="The policies of tables, keys, event buses and others allow neither every principal nor a fixed account",
    why="A resource's own policy grants access by itself: no role of this account has to allow it too.",
    fix=(
        "Name a principal of this account, e.g. `Principal: {AWS: !GetAtt ETLFunctionRole.Arn}`; waive what "
        "another account really needs."
    ),
    requirement=("11.9",),
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html",
)

_READ_BY_GUARD: Final = (
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicInlinePolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueueInlinePolicy",
    "AWS::SQS::QueuePolicy",
)
_ACCOUNT: Final = re.compile(r"\d{12}")
_FIX: Final = "Principal with !Sub and ${AWS::AccountId}, or a waiver"


def check(template: Template) -> Iterator[Fault]:
    for document in documents(template):
        if document.is_trust or document.resource.type in _READ_BY_GUARD:
            continue
        for statement in document.statements:
            if statement.body.get("Effect") != "Allow":
                continue
            is_bound = bool(statement.body.get("Condition"))
            for entry in _principals(statement.body, statement.path):
                who = _who(resolve(template, entry.value), is_bound=is_bound)
                if who:
                    yield Fault(entry.path, f"{who} may use the resource", _FIX)


def _principals(statement: dict[str, Any], path: str) -> Iterator[PlacedValue]:
    if "NotPrincipal" in statement:
        yield PlacedValue(f"{path}/NotPrincipal", "*")
    for entry in entries(statement.get("Principal"), f"{path}/Principal"):
        is_of_aws = isinstance(entry.value, dict) and "AWS" in entry.value
        yield from entries(entry.value["AWS"], f"{entry.path}/AWS") if is_of_aws else [entry]


def _who(principal: str, *, is_bound: bool) -> str:
    if principal == "*":
        return "" if is_bound else "any principal"  # a condition limits it, e.g. to an organisation
    arn = split_arn(principal)
    return "another account" if _ACCOUNT.fullmatch(arn[4] if arn else principal) else ""
