"""No dynamic reference stands where the value is judged: CloudFormation replaces it after that.

`{{resolve:secretsmanager:...}}` and `{{resolve:ssm-secure:...}}` may give a secret its value; where IAM, a definition
or any other property reads it, it may be anything, and change without a change of the template.
Source: CloudFormation User Guide, "Using dynamic references".
"""

import re
from collections.abc import Iterator
from typing import Final

from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from templates.document import walk_scalars

RULE: Final = "CFN07_NO_DYNAMIC_REFERENCE"
ENTRY: Final = Entry(
    title="No dynamic reference stands where its value is judged",
    why=(
        "CloudFormation replaces `{{resolve:...}}` after the check: a policy or a definition may become "
        "anything, without a change of the template."
    ),
    fix=(
        "Write the value, or use a Parameter with AllowedValues. A handler reads a secret or a parameter itself: "
        "name it in `secrets` or `parameters` of its NEEDS. A secret may stay a reference to Secrets Manager in a "
        "property for secrets."
    ),
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html",
)

_REFERENCE: Final = re.compile(r"\{\{\s*resolve:\s*([\w-]*)")
_SECRET: Final = re.compile(r"(?i)(password|secret|token|credential|api_?key|user_?name)\w*$")
_SECRET_STORES: Final = ("secretsmanager", "ssm-secure")
_JOINED: Final = ("/Fn::Join/", "/Fn::Sub")
"""Functions whose result may hold a reference that none of their texts holds as a whole."""

_WHAT: Final = "CloudFormation replaces a dynamic reference after the template was judged"
_FIX: Final = "write the value, or a Parameter with AllowedValues"
_FIX_OF_FUNCTION: Final = "name it in secrets or parameters of the handler's NEEDS, and let the handler read it"


def check(template: Template) -> Iterator[Fault]:
    for path, value in walk_scalars({key: below for key, below in template.data.items() if key != "Metadata"}):
        if isinstance(value, str) and "{{" in value and _is_judged(path, value):
            yield Fault(path, _WHAT, _FIX_OF_FUNCTION if "/Environment/Variables/" in path else _FIX)


def _is_judged(path: str, text: str) -> bool:
    reference = _REFERENCE.search(text)
    if reference is None:
        return any(function in path for function in _JOINED)
    name = next((key for key in reversed(path.split("/")) if not key.isdecimal() and not key.startswith("Fn::")), "")
    return not (reference[1] in _SECRET_STORES and _SECRET.search(name) and "Environment" not in path)
