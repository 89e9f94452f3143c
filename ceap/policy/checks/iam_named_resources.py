"""A role grants an action on every resource only where the action takes no other.

Which actions those are says the Service Authorization Reference. AWS's page on the logs of Step Functions lists the
actions that write logs with those of log delivery, all on "*". Actions with a wildcard: P42_NO_WILDCARDS.
"""

from collections.abc import Iterator
from typing import Final

from ceap.cfn.template import Template
from ceap.iam.documents import Statement, documents
from ceap.iam.matching import has_wildcard
from ceap.iam.services import kinds_taken
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault

RULE: Final = "IAM07_RESOURCES_NAMED"
ENTRY: Final = Entry(
    title="A role grants an action on every resource only where the action takes no other",
    why='A "*" grants what was never reviewed, and what is added next year.',
    fix="Name the resource, e.g. `Resource: [!GetAtt OrdersTable.Arn]`; `'*'` for actions that take no other.",
    requirement=("11.9",),
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html",
)

_DELIVER_LOGS: Final = "logs:CreateLogDelivery"
_WRITE_LOGS: Final = ("logs:CreateLogStream", "logs:PutLogEvents")


def check(template: Template) -> Iterator[Fault]:
    for document in documents(template):
        if document.is_trust or not document.resource.type.startswith("AWS::IAM::"):
            continue
        for statement in document.statements:
            if statement.body["Effect"] == "Allow" and "*" in [entry.value for entry in statement.entries("Resource")]:
                yield from _faults(statement)


def _faults(statement: Statement) -> Iterator[Fault]:
    actions = [action for action in statement.texts("Action") if not has_wildcard(action.value)]
    accepted = _WRITE_LOGS if _DELIVER_LOGS in [action.value for action in actions] else ()
    for action in actions:
        if action.value not in accepted and (kinds := kinds_taken(action.value)):
            yield Fault(
                action.path,
                f"{action.value} is granted on every resource",
                f"in Resource, the ARN of the {' or '.join(kinds)}",
            )
