"""The tags of a stack, which CloudFormation gives to every resource that takes tags.

Source: CloudFormation User Guide, "Resource tag".
"""

from collections.abc import Mapping
from typing import Any

from templates.resource_schemas import load_schema


def with_tags(resource_type: str, properties: Mapping[str, Any], tags: Mapping[str, str]) -> Mapping[str, Any]:
    """Return the properties of a resource with the tags of its stack, over which its own go."""
    schema = load_schema(resource_type) if tags else None
    if schema is None or schema.tag_property is None:
        return properties
    [name] = schema.tag_property
    own = properties.get(name) or []
    if isinstance(own, Mapping) or not schema.has_tag_list:
        return {**properties, name: {**tags, **dict(own)}}
    named = {tag["Key"] for tag in own}
    added = [{"Key": key, "Value": value} for key, value in tags.items() if key not in named]
    return {**properties, name: [*own, *added]}
