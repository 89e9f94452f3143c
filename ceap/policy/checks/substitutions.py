"""Every token of a definition is a key of its DefinitionSubstitutions, and every key is a token.

A token without a key stays in the definition as text. A key without a token has no effect, and cfn-lint does not
report it. Source: AWS::StepFunctions::StateMachine DefinitionSubstitutions.
"""

from collections.abc import Iterator
from typing import Any, Final

from ceap.cfn.substitution import TOKEN
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from templates.document import DocumentError, parse_json, walk_scalars

RULE: Final = "ASL05_TOKENS_SUBSTITUTED"
ENTRY: Final = Entry(
    title="Every ${Token} of a definition is a key of its DefinitionSubstitutions, and every key is a token",
    why=(
        "A token without a key stays in the definition as text. A key without a token has no effect, and "
        "cfn-lint does not report it."
    ),
    fix="Add the missing key to `DefinitionSubstitutions`, or remove the extra one.",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-stepfunctions-statemachine.html",
)


def check(template: Template) -> Iterator[Fault]:
    for path, definition in template.written_definitions.items():
        machine = path.split("/")[2]
        keys = template.data["Resources"][machine]["Properties"].get("DefinitionSubstitutions", {})
        if not isinstance(keys, dict) or any(key.startswith("Fn::") for key in keys):
            continue  # an intrinsic: its keys are known only when the stack is deployed
        tokens = _tokens(definition)
        for token in sorted(tokens.keys() - keys.keys()):
            what = f"nothing replaces ${{{token}}}"
            yield Fault(path + tokens[token], what, f"add {token} to DefinitionSubstitutions")
        for key in sorted(keys.keys() - tokens.keys()):
            place = path.removesuffix("DefinitionString") + f"DefinitionSubstitutions/{key}"
            yield Fault(place, f"the definition holds no ${{{key}}}", f"remove {key} from DefinitionSubstitutions")


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
