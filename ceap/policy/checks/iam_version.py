"""The version of a policy is 2012-10-17: under the older one, which is the default, variables are plain text.

Source: IAM User Guide, "IAM JSON policy elements: Version".
"""

from collections.abc import Iterator
from typing import Final

from ceap.cfn.template import Template
from ceap.iam.arn import resolve
from ceap.iam.documents import PolicyDocument, documents
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from templates.document import walk_scalars

RULE: Final = "IAM04_POLICY_VERSION"
ENTRY: Final = Entry(
    title="The version of a policy is 2012-10-17",
    why="Without it a policy has the older version, which reads ${aws:username} and all other variables as plain text.",
    fix="Set `Version: '2012-10-17'`; a policy without variables may leave it out.",
    requirement=("11.9",),
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html",
)
VERSION: Final = "2012-10-17"


def check(template: Template) -> Iterator[Fault]:
    for document in documents(template):
        if "Version" in document.body:
            stated = document.body["Version"]
            fault = "" if stated == VERSION else f"{resolve(template, stated)} is not the current policy version"
            place = f"{document.path}/Version"
        else:
            fault = "the policy states no version, so its variables are plain text" if _has_variable(document) else ""
            place = document.path
        if fault:
            yield Fault(place, fault, f"Version: '{VERSION}'")


def _has_variable(document: PolicyDocument) -> bool:
    """Tell whether a policy has a variable of IAM: `${aws:username}`, in `Fn::Sub` `${!aws:username}`."""
    return any(
        "${!" in value or ("${" in value and "/Fn::Sub" not in path)
        for path, value in walk_scalars(document.body)
        if isinstance(value, str)
    )
