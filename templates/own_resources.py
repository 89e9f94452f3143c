"""Resources of a team's own in a workflow's template.

They are marked there, so that whoever judges or runs it can tell them from those of ceap: each resource in its
`Metadata`, entries of other sections in the template's.
"""

from typing import Any, Final

from templates.fragment import Fragment
from templates.interface import METADATA_KEY

MARK: Final = "own"
"""The key below `Metadata: {ceap: ...}`; `true` in a resource, the entries by their section in a template."""

_GROUP: Final = "Resources of your own"


def add_fragment(template: dict[str, Any], fragment: Fragment) -> None:
    """Add a fragment's entries to a template, marked."""
    marked = {name: _marked(body) for name, body in fragment.sections.get("Resources", {}).items()}
    others = {key: value for key, value in fragment.sections.items() if key != "Resources" and value}
    for section, entries in {**others, "Resources": marked}.items():
        template[section] = template.get(section, {}) | entries
    if others:
        template["Metadata"]["ceap"] = {MARK: {section: list(entries) for section, entries in others.items()}}
    if parameters := list(fragment.sections.get("Parameters", {})):
        group = {"Label": {"default": _GROUP}, "Parameters": parameters}
        template["Metadata"][METADATA_KEY]["ParameterGroups"].append(group)


def _marked(resource: dict[str, Any]) -> dict[str, Any]:
    metadata = resource.get("Metadata", {})
    return resource | {"Metadata": metadata | {"ceap": metadata.get("ceap", {}) | {MARK: True}}}
