"""A state machine's definition is a JSON object.

Otherwise Guard's json_parse stops the whole rule file, and reports neither where nor why.
"""

from __future__ import annotations

import json
from typing import Final

from ceap.cfn.document import DocumentError, parse_json
from ceap.cfn.template import Template
from ceap.policy.finding import Finding, finding_at

RULE: Final = "ASL04_DEFINITION_IS_JSON"


def check(template: Template) -> list[Finding]:
    findings = []
    for path, definition in template.definitions.items():
        if fault := _fault(definition):
            message = f"[ASL04] {fault}, so no Guard rule was evaluated | fix: write one JSON object"
            findings.append(finding_at(template, RULE, message, path))
    return findings


def _fault(definition: str) -> str:
    try:
        value = parse_json(definition)
    except json.JSONDecodeError as error:
        return f"the definition is not JSON: {error.msg} in its line {error.lineno}, column {error.colno}"
    except DocumentError as error:
        return f"the definition is not valid: {error}"
    return "" if isinstance(value, dict) else "the definition is not a JSON object"
