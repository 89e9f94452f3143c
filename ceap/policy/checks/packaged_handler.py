"""A function that runs the package's code names a handler that the package holds.

With another name the first message fails. Source: docs/reference/package.md; AWS::Lambda::Function Handler.
"""

from __future__ import annotations

from typing import Final

from ceap.cfn.lookup import FUNCTION, at, handler_of, resources, text
from ceap.cfn.template import Template
from ceap.policy.finding import Finding, finding_at
from templates import discovery, naming

RULE: Final = "WIRE07_PACKAGED_HANDLER"

_KEY: Final = {"Ref": naming.HANDLERS_KEY_PARAMETER}
"""Where the package lies: the code is ours, whatever Handler says."""


def check(template: Template) -> list[Finding]:
    findings = []
    for function in resources(template, FUNCTION):
        handler = text(function.properties.get("Handler", ""))
        if handler is None or handler_of(function) is not None:
            continue
        if handler.startswith("handlers.") or at(function.properties, "Code", "S3Key") == _KEY:
            wrong = f"handlers/ holds no {handler}" if handler else "no handler is named"
            cure = f"fix: handlers.NAME.handler, NAME one of {', '.join(discovery.handler_names())}"
            findings.append(finding_at(template, RULE, f"[WIRE07] {wrong} | {cure}", function.path("Handler")))
    return findings
