"""Reading resources of a team's own: a fragment of a CloudFormation template, which a declaration names."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from templates import words
from templates.document import DocumentError, parse_document
from templates.errors import ConfigError
from templates.words import shown

SECTIONS: Final = ("Parameters", "Mappings", "Conditions", "Resources", "Outputs")

_LOGICAL_ID: Final = re.compile(r"[A-Za-z0-9]{1,255}")


class Fragment(msgspec.Struct, frozen=True):
    """The sections of a file, and the line of every path in it, e.g. `/Resources/Uploads`."""

    file: str
    sections: dict[str, dict[str, Any]]
    lines: dict[str, int]

    def error(self, path: str, text: str) -> ConfigError:
        """Return the error that says file, line and place before the text."""
        above = path
        while above not in self.lines and above:
            above = above.rpartition("/")[0]
        where = " ".join(filter(None, (f"{self.file}:{self.lines.get(above, 1)}:", path[1:].replace("/", "."))))
        return ConfigError(f"{where} {text}")


def load_fragment(path: Path) -> Fragment:
    """Read a fragment; ConfigError if it cannot be read, or holds what is none of a template's five sections."""
    try:
        document = parse_document(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not a text file (UTF-8); write YAML or JSON") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; name a file beside the declaration") from None
    except DocumentError as error:
        raise ConfigError(f"{path}:{error.line}: {error}") from None
    sections = document.data if isinstance(document.data, dict) else {}
    fragment = Fragment(str(path), sections, document.lines)
    for place, text in _problems(document.data):
        raise fragment.error(place, text)
    return fragment


def refuse_clashes(fragment: Fragment, template: Mapping[str, Any], declaration: str) -> None:
    """Raise ConfigError if an entry has the name of one in the template that ceap makes of a declaration."""
    for section, entries in fragment.sections.items():
        for name in entries:
            if (theirs := template.get(section, {}).get(name)) is not None:
                kind = f", an {theirs['Type']}" if section == "Resources" else ""
                cure = f"; `overrides` of {declaration} changes it" if section == "Resources" else ""
                said = f"is also the name of ceap's own {name}{kind}, for {declaration}; rename yours{cure}"
                raise fragment.error(f"/{section}/{name}", said)


def _problems(data: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(data, dict) or not data:
        yield "", f"is not a fragment of a template; give it {', '.join(SECTIONS)}, or some of them"
        return
    for section, entries in data.items():
        if section not in SECTIONS:
            yield f"/{section}", f"is no section of a fragment; {words.allowed(str(section), SECTIONS)}"
        elif not isinstance(entries, dict):
            yield f"/{section}", f"is {shown(entries)}; write a mapping from logical ids"
        else:
            yield from _entry_problems(section, entries)


def _entry_problems(section: str, entries: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, body in entries.items():
        place = f"/{section}/{name}"
        if not _LOGICAL_ID.fullmatch(name):
            yield place, "is no logical id; write letters and digits alone"
        for path in _nulls(body, place):
            yield path, "is null, which CloudFormation refuses; write a value or remove the key"
        if not isinstance(body, dict):
            yield place, f"is {shown(body)}; write a mapping"
        elif section == "Resources":
            yield from _resource_problems(place, body)


def _resource_problems(place: str, body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if not isinstance(body.get("Type"), str):
        yield f"{place}/Type", "is missing: add it, e.g. AWS::S3::Bucket"
    metadata = body.get("Metadata", {})
    for path, value in (("", metadata), ("/ceap", metadata.get("ceap", {}) if isinstance(metadata, dict) else {})):
        if not isinstance(value, dict):
            yield f"{place}/Metadata{path}", f"is {shown(value)}; write a mapping"


def _nulls(value: Any, place: str) -> Iterator[str]:
    if value is None:
        yield place
    elif isinstance(value, dict | list):
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _nulls(below, f"{place}/{key}")
