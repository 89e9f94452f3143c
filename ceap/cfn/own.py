"""What of a workflow's template is a team's own: resources and other entries that the generator marked as such."""

from typing import Any

import msgspec

from ceap.cfn.lookup import Resource, at, items
from ceap.cfn.template import Template
from templates.fragment import SECTIONS
from templates.own_resources import MARK


def own_entries(template: dict[str, Any]) -> dict[str, set[str]]:
    """Return the names of a template's own entries, by their section."""
    listed = at(template, "Metadata", "ceap", MARK)
    own = {section: {name for name in items(at(listed, section)) if isinstance(name, str)} for section in SECTIONS}
    resources = at(template, "Resources")
    named = resources.items() if isinstance(resources, dict) else ()
    return own | {"Resources": {name for name, body in named if at(body, "Metadata", "ceap", MARK) is True}}


def is_own(template: Template, resource: Resource) -> bool:
    """Tell whether a resource is marked as a team's own."""
    return at(template.data["Resources"], resource.logical_id, "Metadata", "ceap", MARK) is True


def without_own(template: Template) -> Template:
    """Return a template without its own entries: what ceap makes of the declaration."""
    own = own_entries(template.data)
    if not any(own.values()):
        return template
    kept = {
        section: {name: body for name, body in entries.items() if name not in own[section]}
        for section, entries in template.data.items()
        if section in own and isinstance(entries, dict)
    }
    data = {section: entries for section, entries in (template.data | kept).items() if entries or section not in own}
    definitions, written = (
        {path: text for path, text in texts.items() if path.split("/")[2] not in own["Resources"]}
        for texts in (template.definitions, template.written_definitions)
    )
    return msgspec.structs.replace(template, data=data, definitions=definitions, written_definitions=written)
