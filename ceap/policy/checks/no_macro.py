"""No custom macro and no AWS::Include changes the template: what they write was not judged.

Source: CloudFormation User Guide, "Template macros" and "AWS::Include transform".
"""

from __future__ import annotations

from typing import Final

from ceap.cfn.document import walk_scalars
from ceap.cfn.lookup import at, items
from ceap.cfn.template import Template
from ceap.policy.finding import Finding, finding_at

RULE: Final = "CFN04_NO_MACRO"

_INCLUDE: Final = "AWS::Include"


def check(template: Template) -> list[Finding]:
    named = [(f"/Transform/{index}", item) for index, item in enumerate(items(template.data.get("Transform")))]
    used = [(path, at(item, "Name") if isinstance(item, dict) else item) for path, item in named]
    used += [(path, value) for path, value in walk_scalars(template.data) if path.endswith("/Fn::Transform/Name")]
    return [
        finding_at(
            template,
            RULE,
            f"[CFN04] {name} changes the template after it was judged | fix: write out what it makes",
            path,
        )
        for path, name in used
        if isinstance(name, str) and (name == _INCLUDE or not name.startswith("AWS::"))
    ]
