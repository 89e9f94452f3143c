"""Every action of a policy applies to a resource of its statement; on any other it grants nothing, without an error.

A resource is also wrong if it is not an ARN, or if none of the actions is of its service. In a trust policy the
resource is the role. Source: Service Authorization Reference.
"""

import re
from collections.abc import Iterator
from typing import Final

from ceap.cfn.lookup import ROLE, resource
from ceap.cfn.template import Template
from ceap.iam.arn import ARNS, is_late, is_named, resolve, split_arn
from ceap.iam.documents import PlacedValue, PolicyDocument, Statement, documents
from ceap.iam.services import known_actions, resource_types, takes
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault

RULE: Final = "IAM02_ACTIONS_TAKE_RESOURCES"
ENTRY: Final = Entry(
    title="Every action of a policy applies to a resource of its statement",
    why="s3:GetObject on a bucket, or an action on a queue's URL, is valid IAM that grants nothing.",
    fix="In Resource, name an ARN that the action takes; `'*'` for actions that take no other.",
    requirement=("11.9",),
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html",
)

_API: Final = "execute-api:/"
"""How the policy of an API begins a resource (API Gateway Developer Guide, "Resource policy examples")."""


def check(template: Template) -> Iterator[Fault]:
    for document in documents(template):
        for statement in document.statements:
            yield from _faults(template, document, statement)


def _faults(template: Template, document: PolicyDocument, statement: Statement) -> Iterator[Fault]:
    actions = [action for action in statement.texts("Action") if action.value == "*" or known_actions(action.value)]
    if document.is_trust:
        for action in actions:
            if not takes(action.value, ARNS[ROLE]):
                yield Fault(action.path, f"{action.value} does not assume a role", "sts:AssumeRole")
        return
    arns = {}
    for entry in statement.entries("Resource"):
        text = resolve(template, entry.value)
        if _is_arn(template, text):
            arns[text] = entry
        elif not text.startswith(_API):
            yield Fault(entry.path, f"{text} is not an ARN", "!GetAtt or !Sub of the ARN")
    misplaced = [action for action in actions if arns and not any(takes(action.value, arn) for arn in arns)]
    for action in misplaced:
        yield Fault(action.path, f"{action.value} does nothing on {' or '.join(arns)}", _wanted(action))
    if len(misplaced) < len(actions):
        services = {form.split(":")[2] for action in actions for _, form in resource_types(action.value)}
        for arn, entry in arns.items():
            if not any(takes(action.value, arn) or _service(arn) in services for action in actions):
                yield Fault(entry.path, f"no action of the statement applies to {arn}", "remove it")


def _is_arn(template: Template, text: str) -> bool:
    """Tell whether a text is an ARN, or may come to one when the stack is deployed."""
    if text == "*" or split_arn(text):
        return True
    named = re.match(r"\$\{(\w+)\}", text)
    found = resource(template, named[1]) if named else None
    return is_late(text) and not (found and is_named(found))


def _service(arn: str) -> str:
    parts = split_arn(arn)
    return parts[2] if parts else ""


def _wanted(action: PlacedValue) -> str:
    kinds = sorted({kind for kind, _ in resource_types(action.value)})
    return f"grant it on a resource of the kind {' or '.join(kinds)}" if kinds else 'grant it on "*"'
