"""Every action in a policy exists: a misspelt action grants or denies nothing, without an error.

Source: Service Authorization Reference.
"""

from __future__ import annotations

from typing import Final

from ceap.cfn.template import Template
from ceap.iam.documents import documents
from ceap.iam.services import known_actions, load_service
from ceap.policy.finding import Finding, finding_at
from templates.words import nearest

RULE: Final = "IAM01_ACTIONS_EXIST"


def check(template: Template) -> list[Finding]:
    findings = []
    for document in documents(template):
        for statement in document.statements:
            for action in statement.texts("Action") + statement.texts("NotAction"):
                if action.value not in ("*", "*:*") and not known_actions(action.value):
                    message = f"[IAM01] AWS has no action {action.value} | fix: {_cure(action.value)}"
                    findings.append(finding_at(template, RULE, message, action.path))
    return findings


def _cure(action: str) -> str:
    prefix, colon, name = action.partition(":")
    service = load_service(prefix)
    if service is None or not colon:
        return "write service:Action, e.g. s3:GetObject"
    near = nearest(name.lower(), service.actions)
    return f"perhaps {prefix}:{near}" if near else f"name one of {prefix}'s, see the Service Authorization Reference"
