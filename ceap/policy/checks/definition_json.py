"""A state machine's definition is a JSON object.

Otherwise Guard's json_parse stops the whole rule file, and reports neither where nor why.
"""

import json
from collections.abc import Iterator
from typing import Final

from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from templates.document import DocumentError, parse_json

RULE: Final = "ASL04_DEFINITION_IS_JSON"
ENTRY: Final = Entry(
    title="The definition is one JSON object",
    why="Guard stops at a definition that is not JSON and reports neither where nor why.",
    fix="Correct `DefinitionString` at the line and column that the finding names.",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-stepfunctions-statemachine.html",
)


def check(template: Template) -> Iterator[Fault]:
    for path, definition in template.definitions.items():
        if fault := _fault(definition):
            yield Fault(path, f"{fault}, so no Guard rule was evaluated", "write one JSON object")


def _fault(definition: str) -> str:
    try:
        value = parse_json(definition)
    except json.JSONDecodeError as error:
        return f"the definition is not JSON: {error.msg} in its line {error.lineno}, column {error.colno}"
    except DocumentError as error:
        return f"the definition is not valid: {error}"
    return "" if isinstance(value, dict) else "the definition is not a JSON object"
