"""The JSON Schema of a declaration, from the model, for editors."""

import json
from typing import Any

import msgspec

from templates import discovery
from templates.model import STEP_CLASSES, Declaration


def schema_text() -> str:
    """Return the schema as indented JSON that ends in a line feed.

    It says what editors can: keys, types and ranges; what depends on several values, `ceap synth` checks.
    """
    (_, *steps), components = msgspec.json.schema_components(
        [Declaration, *STEP_CLASSES.values()], ref_template="#/$defs/{name}"
    )
    top: dict[str, Any] = components.pop("Declaration")
    components["LambdaStep"]["properties"]["handler"]["enum"] = list(discovery.handler_names())
    del components["LegacyStep"]["properties"]["handler"]  # not for a declaration to choose
    top["properties"]["steps"] = {
        "type": "array",
        "minItems": 1,
        "description": "the stages, in order; each reads what the one before wrote",
        "items": {"anyOf": steps},
    }
    top["required"] = [*top["required"], "steps"]
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ceap workflow declaration",
        **{key: value for key, value in top.items() if key not in ("title", "description")},
        "$defs": components,
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
