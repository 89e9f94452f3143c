"""A CloudFormation template as the checks see it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from ceap.cfn.forms import malformed, unify
from ceap.cfn.substitution import substitute
from ceap.errors import UsageError
from templates.document import DocumentError, json_lines, parse_document

SIZE_MAX: Final = 1_000_000
"""The largest template, in bytes, that CloudFormation takes at all, from S3 (CloudFormation quotas: 1 MB)."""

INLINE_MAX: Final = 51_200
"""The largest template, in bytes, that a call takes itself; a larger one comes from S3. Source: as above."""


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A template: `file` is how messages call it, `data` its content in the one form of `forms.py`.

    `definitions` holds the text of every state machine definition that is a plain string, by its path, with the tokens
    replaced whose values the template states; `written_definitions` has the texts as they stand. `lines` gives the
    line of every path, also inside those definitions when they stand in a literal block.
    """

    file: str
    text: str
    data: dict[str, Any]
    definitions: dict[str, str]
    written_definitions: dict[str, str]
    lines: dict[str, int]

    def line(self, path: str) -> int:
        """Return the line of a path, or of the nearest place around it."""
        return _line(self.lines, path)

    def value(self, path: str) -> Any:
        """Return the value at a path, also inside a definition; None where there is none."""
        value: Any = self.data
        for definition, text in self.definitions.items():
            if path.startswith(f"{definition}/"):
                value, path = json.loads(text), path.removeprefix(definition)
        for key in path.split("/")[1:]:
            match value:
                case dict():
                    value = value.get(key)
                case list() if key.isdecimal() and int(key) < len(value):
                    value = value[int(key)]
                case _:
                    return None
        return value

    def written(self, path: str) -> str:
        """Return a path of `data` as the file has it, where the one item of a list may stand without the list."""
        written = ""
        for key in path.split("/")[1:]:
            if not (key == "0" and written in self.lines and f"{written}/0" not in self.lines):
                written += f"/{key}"
        return written


def load_template(file: Path) -> Template:
    """Read a template; UsageError if it is missing, unreadable, too large, not text or not CloudFormation."""
    try:
        with file.open("rb") as stream:
            content = stream.read(SIZE_MAX + 1)
    except FileNotFoundError:
        raise UsageError(f"{file}: there is no such file; name a template, or run `make templates` first") from None
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}; name a readable template file") from None
    if len(content) > SIZE_MAX:
        raise UsageError(f"{file}: larger than {SIZE_MAX} bytes, which CloudFormation refuses; split the stack")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UsageError(f"{file}: not a text file (UTF-8); a template is YAML or JSON")
    return parse_template(text, str(file))


def parse_template(text: str, file: str) -> Template:
    """Return the template that a text holds, or raise UsageError; `file` is how messages call it."""
    if not text.strip():
        raise UsageError(f"{file}: the file is empty; name a CloudFormation template, or run `make templates`")
    try:
        document = parse_document(text)
    except DocumentError as error:
        raise UsageError(f"{file}:{error.line}: {error}") from None
    for path, fault in malformed(document.data):
        raise UsageError(f"{file}:{_line(document.lines, path)}: {fault}")
    data = unify(document.data)
    resources = data.get("Resources") if isinstance(data, dict) else None
    if not isinstance(resources, dict) or not resources:
        raise UsageError(f"{file}: not a CloudFormation template: it has no Resources; name another file")
    for name, resource in resources.items():
        # Guard skips every rule, silently, when a resource is a scalar; a list is Fn::ForEach
        if not isinstance(resource, dict | list):
            line = document.lines.get(f"/Resources/{name}", 1)
            raise UsageError(f"{file}:{line}: the resource {name} is not a mapping; give it a Type and Properties")
        if isinstance(resource, dict):
            resource.setdefault("Properties", {})  # or rules that read properties would end without a message
    written = find_definitions(resources)
    for path in written:
        properties = resources[path.split("/")[2]]["Properties"]
        properties["DefinitionString"] = substitute(
            properties["DefinitionString"], properties.get("DefinitionSubstitutions")
        )
    definitions = find_definitions(resources)
    lines = dict(document.lines)
    for path, definition in definitions.items():
        if path in document.blocks:
            begin = document.blocks[path]
            lines |= {path + inner: begin + line - 1 for inner, line in json_lines(definition).items() if inner}
    return Template(file=file, text=text, data=data, definitions=definitions, written_definitions=written, lines=lines)


def _line(lines: Mapping[str, int], path: str) -> int:
    while path not in lines and path:
        path = path.rpartition("/")[0]
    return lines.get(path, 1)


def find_definitions(resources: dict[str, Any]) -> dict[str, str]:
    """Return the text of every state machine definition that is a plain string, by its path in the template."""
    definitions = {}
    for name, resource in resources.items():
        match resource:
            case {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"DefinitionString": str(definition)}}:
                definitions[f"/Resources/{name}/Properties/DefinitionString"] = definition
    return definitions
