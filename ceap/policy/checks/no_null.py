"""A template contains no null: CloudFormation refuses it, and cfn-lint does not report it.

Source: aws/serverless-application-model#1618, "null values are not allowed in templates".
"""

from __future__ import annotations

from typing import Final

from ceap.cfn.document import walk_scalars
from ceap.cfn.template import Template
from ceap.policy.finding import Finding, finding_at

RULE: Final = "CFN01_NO_NULL"


def check(template: Template) -> list[Finding]:
    message = "[CFN01] the value is null, which CloudFormation refuses | fix: give it a value or remove the key"
    return [finding_at(template, RULE, message, path) for path, value in walk_scalars(template.data) if value is None]
