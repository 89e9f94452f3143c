"""Every action in a policy exists: a misspelt action grants or denies nothing, without an error.

Source: Service Authorization Reference.
"""

from collections.abc import Iterator
from typing import Final

from ceap.cfn.template import Template
from ceap.iam.documents import documents
from ceap.iam.services import known_actions, load_service, spelt
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from templates.words import nearest

RULE: Final = "IAM01_ACTIONS_EXIST"
ENTRY: Final = Entry(
    title="Every action in a policy exists",
    why=(
        "A misspelt action grants or denies nothing: it shows only when a call is denied, or when a call "
        "succeeds that should be denied."
    ),
    fix="Write the action as in the Service Authorization Reference, e.g. `s3:GetObject`.",
    requirement=("11.9",),
    source="https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html",
)


def check(template: Template) -> Iterator[Fault]:
    for document in documents(template):
        for statement in document.statements:
            for action in statement.texts("Action") + statement.texts("NotAction"):
                if action.value not in ("*", "*:*") and not known_actions(action.value):
                    yield Fault(action.path, f"AWS has no action {action.value}", _cure(action.value))


def _cure(action: str) -> str:
    prefix, colon, name = action.partition(":")
    service = load_service(prefix)
    if service is None or not colon:
        return "write service:Action, e.g. s3:GetObject"
    near = nearest(name.lower(), service.actions)
    return (
        f"perhaps {prefix}:{spelt(prefix, near)}"
        if near
        else f"name one of {prefix}'s, see the Service Authorization Reference"
    )
