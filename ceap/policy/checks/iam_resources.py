"""Every action of a policy applies to a resource of its statement; on any other it grants nothing, without an error.

A resource is also wrong if it is not an ARN, or if none of the actions is of its service. In a trust policy the
resource is the role. Source: Service Authorization Reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ceap.cfn.lookup import ROLE, resource
from ceap.cfn.template import Template
from ceap.iam.arn import ARNS, is_late, is_named, resolve, split_arn
from ceap.iam.documents import PlacedValue, PolicyDocument, Statement, documents
from ceap.iam.services import known_actions, resource_types, takes
from ceap.policy.finding import Finding, finding_at

RULE: Final = "IAM02_ACTIONS_TAKE_RESOURCES"

_API: Final = "execute-api:/"
"""How the policy of an API begins a resource (API Gateway Developer Guide, "Resource policy examples")."""


def check(template: Template) -> list[Finding]:
    return [
        finding_at(template, RULE, f"[IAM02] {fault}", path)
        for document in documents(template)
        for statement in document.statements
        for path, fault in _faults(template, document, statement)
    ]


def _faults(template: Template, document: PolicyDocument, statement: Statement) -> Iterator[tuple[str, str]]:
    actions = [action for action in statement.texts("Action") if action.value == "*" or known_actions(action.value)]
    if document.is_trust:
        for action in actions:
            if not takes(action.value, ARNS[ROLE]):
                yield action.path, f"{action.value} does not assume a role | fix: sts:AssumeRole"
        return
    arns = {}
    for entry in statement.entries("Resource"):
        text = resolve(template, entry.value)
        if _is_arn(template, text):
            arns[text] = entry
        elif not text.startswith(_API):
            yield entry.path, f"{text} is not an ARN | fix: !GetAtt or !Sub of the ARN"
    misplaced = [action for action in actions if arns and not any(takes(action.value, arn) for arn in arns)]
    for action in misplaced:
        yield action.path, f"{action.value} does nothing on {' or '.join(arns)} | fix: {_wanted(action)}"
    if len(misplaced) < len(actions):
        services = {form.split(":")[2] for action in actions for _, form in resource_types(action.value)}
        for arn, entry in arns.items():
            if not any(takes(action.value, arn) or _service(arn) in services for action in actions):
                yield entry.path, f"no action of the statement applies to {arn} | fix: remove it"


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
