"""Every token of a definition is a key of its DefinitionSubstitutions, and every key is a token.

A token without a key stays in the definition as text. A key without a token has no effect, and cfn-lint does not
report it. Source: AWS::StepFunctions::StateMachine DefinitionSubstitutions.
"""

from __future__ import annotations

from typing import Any, Final

from ceap.cfn.document import DocumentError, parse_json, walk_scalars
from ceap.cfn.substitution import TOKEN
from ceap.cfn.template import Template
from ceap.policy.finding import Finding, finding_at

RULE: Final = "ASL05TOKENS_SUBSTITUTED"


def check(template: Template) -> list[Finding]:
    findings = []
    for path, definition in template.written_definitions.items():
        machine = path.split("/")[2]
        keys = template.data["Resources"][machine]["Properties"].get("DefinitionSubstitutions", {})
        if not isinstance(keys, dict) or any(key.startswith("Fn::") for key in keys):
            continue  # an intrinsic: its keys are known only when the stack is deployed
        tokens = _tokens(definition)
        for token in sorted(tokens.keys() - keys.keys()):
            message = f"[ASL05] nothing replaces ${{{token}}} | fix: add {token} to DefinitionSubstitutions"
            findings.append(finding_at(template, RULE, message, path + tokens[token]))
        for key in sorted(keys.keys() - tokens.keys()):
            message = f"[ASL05] the definition holds no ${{{key}}} | fix: remove {key} from DefinitionSubstitutions"
            place = path.removesuffix("DefinitionString") + f"DefinitionSubstitutions/{key}"
            findings.append(finding_at(template, RULE, message, place))
    return findings


def _tokens(definition: str) -> dict[str, str]:
    """Return each token with its first path inside the definition; "" if no value contains it."""
    tokens = dict.fromkeys(TOKEN.findall(definition), "")
    try:
        value: Any = parse_json(definition)
    except (ValueError, DocumentError):
        return tokens
    for path, text in walk_scalars(value):
        for token in TOKEN.findall(text) if isinstance(text, str) else ():
            tokens[token] = tokens.get(token) or path
    return tokens
