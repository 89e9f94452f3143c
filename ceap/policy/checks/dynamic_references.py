"""No dynamic reference stands where the value is judged: CloudFormation replaces it after that.

`{{resolve:secretsmanager:...}}` and `{{resolve:ssm-secure:...}}` may give a secret its value; where IAM, a definition
or any other property reads it, it may be anything, and change without a change of the template.
Source: CloudFormation User Guide, "Using dynamic references".
"""

from __future__ import annotations

import re
from typing import Final

from ceap.cfn.document import walk_scalars
from ceap.cfn.template import Template
from ceap.policy.finding import Finding, finding_at

RULE: Final = "CFN07_NO_DYNAMIC_REFERENCE"

_REFERENCE: Final = re.compile(r"\{\{\s*resolve:\s*([\w-]*)")
_SECRET: Final = re.compile(r"(?i)(password|secret|token|credential|api_?key|user_?name)\w*$")
_SECRET_STORES: Final = ("secretsmanager", "ssm-secure")
_JOINED: Final = ("/Fn::Join/", "/Fn::Sub")
"""Functions whose result may hold a reference that none of their texts holds as a whole."""

_WHAT: Final = "CloudFormation replaces a dynamic reference after the template was judged"
_FIX: Final = "write the value, or a Parameter with AllowedValues"


def check(template: Template) -> list[Finding]:
    return [
        finding_at(template, RULE, f"[CFN07] {_WHAT} | fix: {_FIX}", path)
        for path, value in walk_scalars({key: below for key, below in template.data.items() if key != "Metadata"})
        if isinstance(value, str) and "{{" in value and _is_judged(path, value)
    ]


def _is_judged(path: str, text: str) -> bool:
    reference = _REFERENCE.search(text)
    if reference is None:
        return any(function in path for function in _JOINED)
    name = next((key for key in reversed(path.split("/")) if not key.isdecimal() and not key.startswith("Fn::")), "")
    return not (reference[1] in _SECRET_STORES and _SECRET.search(name) and "Environment" not in path)
