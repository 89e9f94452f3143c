"""The text of a template's values: names and ARNs, in whatever form they are written."""

import json
import re
from typing import Any, Final

from ceap.cfn import lookup
from ceap.cfn.lookup import Resource
from ceap.cfn.template import Template

_LOCAL: Final = "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:%s{}"

# Ref returns the name; for a queue the URL, and for these the ARN.
_REF_IS_ARN: Final = {lookup.MACHINE, lookup.TOPIC}

# Source: Service Authorization Reference, "Resource types defined by ..."; {} stands for the name.
ARNS: Final = {
    lookup.ALARM: _LOCAL % ("cloudwatch", "alarm:"),
    lookup.TABLE: _LOCAL % ("dynamodb", "table/"),
    "AWS::Events::EventBus": _LOCAL % ("events", "event-bus/"),
    lookup.EVENT_RULE: _LOCAL % ("events", "rule/"),
    "AWS::KMS::Key": _LOCAL % ("kms", "key/"),
    lookup.LOG_GROUP: _LOCAL % ("logs", "log-group:") + ":*",
    lookup.BUCKET: "arn:${AWS::Partition}:s3:::{}",
    lookup.FUNCTION: _LOCAL % ("lambda", "function:"),
    lookup.MACHINE: _LOCAL % ("states", "stateMachine:"),
    lookup.PIPE: _LOCAL % ("pipes", "pipe/"),
    lookup.QUEUE: _LOCAL % ("sqs", ""),
    lookup.ROLE: "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/{}",
    lookup.TOPIC: _LOCAL % ("sns", ""),
}

_COLON: Final = re.compile(r":(?![^{}]*\})")


def resolve(template: Template, value: Any, seen: frozenset[str] = frozenset()) -> str:
    """Return the text of a value, with `${...}` for each part that is known only at deployment.

    A reference to a resource becomes its name or ARN, so that each form of an ARN gives the same text. A `${...}`
    outside `Fn::Sub` becomes `$${...}`: it is a variable of IAM, or a Sub was forgotten. `seen` are the resources whose
    names are being resolved.
    """
    match value:
        case str():
            return value.replace("${", "$${")
        case bool() | int() | float():
            return json.dumps(value)
        case {"Fn::Sub": str(text)}:
            return _substituted(template, text, {}, seen)
        case {"Fn::Sub": [str(text), dict(variables)]}:
            return _substituted(template, text, variables, seen)
        case {"Fn::Join": [str(delimiter), list(parts)]}:
            return delimiter.join(resolve(template, part, seen) for part in parts)
    target = lookup.reference(value)
    return _referred(template, ".".join(filter(None, target)), seen) if target else _token(value)


def _substituted(template: Template, text: str, variables: dict[str, Any], seen: frozenset[str]) -> str:
    def value(found: re.Match[str]) -> str:
        name = found[2].strip()
        if found[1]:  # ${!x} is how Fn::Sub writes the text ${x}
            return f"$${{{name}}}"
        return resolve(template, variables[name], seen) if name in variables else _referred(template, name, seen)

    return lookup.SUB_VARIABLE.sub(value, text)


def _token(value: Any) -> str:
    name = lookup.imported(value)
    is_filled = isinstance(lookup.at(value, "Fn::ImportValue"), dict) and "${" in (name or "")
    kind = "import" if is_filled else "import by the letter"
    text = f"{kind} {re.sub(r'[${}]', '', name)}" if name else json.dumps(value, sort_keys=True)
    return "${" + re.sub(r"[^\w.-]+", " ", text).strip() + "}"


def _referred(template: Template, target: str, seen: frozenset[str]) -> str:
    logical_id, _, attribute = target.partition(".")
    found = lookup.resource(template, logical_id)
    if found is None or logical_id in seen or not is_named(found):
        return f"${{{target}}}"
    value = found.properties.get(lookup.NAME_PROPERTY.get(found.type, ""))
    name = f"${{{logical_id}}}" if value is None else resolve(template, value, seen | {logical_id})
    if attribute in ("Arn", "TopicArn") or (not attribute and found.type in _REF_IS_ARN):
        return ARNS[found.type].replace("{}", name) if found.type in ARNS else f"${{{target}}}"
    if not attribute and found.type == lookup.QUEUE:
        return f"https://sqs.${{AWS::Region}}.${{AWS::URLSuffix}}/${{AWS::AccountId}}/{name}"
    return f"${{{target}}}" if attribute else name


def is_named(resource: Resource) -> bool:
    """Tell whether the result of a reference to a resource is known."""
    return resource.type in ARNS or resource.type in lookup.NAME_PROPERTY


def is_late(text: str) -> bool:
    """Tell whether a text begins with a token or a dynamic reference, which CloudFormation fills in at deployment."""
    return text.startswith(("${", "{{resolve:"))


def split_arn(text: str) -> list[str] | None:
    """Return the six parts of an ARN; None for another text."""
    parts = _COLON.split(text, maxsplit=5)
    return parts if len(parts) == 6 and parts[0] == "arn" else None
