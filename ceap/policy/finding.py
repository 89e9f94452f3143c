"""What a check finds."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from ceap.cfn.template import Template

_FIX: Final = " | fix: "
_SHOWN_MAX: Final = 80
"""How long a value may be, in characters, that a finding shows."""


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing wrong in one file; findings sort by file and line.

    `file` is the name by which messages call the file, `line` counts from 1, `rule` names the rule or check, `message`
    is `what is wrong | fix: what to set`, `path` is the place in the template (`/Resources/Queue/Properties/...`, empty
    when it is the whole), and `found` the value there, in JSON, where it is a short one.
    """

    file: str
    line: int
    rule: str
    message: str
    path: str = ""
    found: str = ""

    @property
    def what(self) -> str:
        return self.message.partition(_FIX)[0]

    @property
    def fix(self) -> str:
        return self.message.partition(_FIX)[2]

    def noted(self, note: str) -> Finding:
        """Return the finding with a note after what is wrong."""
        what, separator, fix = self.message.partition(_FIX)
        return msgspec.structs.replace(self, message=f"{what}; {note}{separator}{fix}")

    @property
    def text(self) -> str:
        """What is wrong, what was found, and the fix."""
        found = f" | found: {self.found}" if self.found else ""
        return f"{self.what}{found}{_FIX if self.fix else ''}{self.fix}"

    def at(self, text: str) -> str:
        """Return a text about the finding, as a line that says where."""
        place = f" [{self.path}]" if self.path else ""
        return f"{self.file}:{self.line}: {self.rule}: {text}{place}"

    def __str__(self) -> str:
        return self.at(self.text)


def finding_at(template: Template, rule: str, message: str, path: str = "") -> Finding:
    """Return a finding about a place in a template, with its line and the value that stands there."""
    found = _shown(template.value(path))
    return Finding(template.file, template.line(path), rule, message, template.written(path), found)


def _shown(value: Any) -> str:
    """Return what a finding shows of a value, in JSON: a scalar or an intrinsic, if short."""
    match value:
        case None | list():
            return ""
        case dict() if len(value) != 1 or not next(iter(value)).startswith(("Ref", "Fn::")):
            return ""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_MAX else ""
