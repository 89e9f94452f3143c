"""What a check finds."""

import json
import re
from typing import Any, Final

import msgspec

from ceap.cfn.template import Template

_SHOWN_MAX: Final = 80
"""How long a value may be, in characters, that a finding shows."""

_SECRET: Final = re.compile("(?i)/Variables/[^/]*(PASSWORD|SECRET|TOKEN|PRIVATE_?KEY|API_?KEY)$")
"""The place of what SEC09_FUNCTION_RUNS takes for a secret, which no report shows."""


class Fault(msgspec.Struct, frozen=True):
    """What a check says is wrong at a place in a template (`/Resources/Queue/Properties/...`), and what to set."""

    place: str
    what: str
    fix: str


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing wrong in one file; findings sort by file and line.

    `file` is the name by which messages call the file, `line` counts from 1, `rule` names the rule or check, `what` is
    wrong, and `fix` is what to set. `path` is the place in the template, empty when it is the whole, and `found` the
    value there, in JSON, where it is a short one. `source` is the page that the rule rests on.
    """

    file: str
    line: int
    rule: str
    what: str
    fix: str = ""
    path: str = ""
    found: str = ""
    source: str = ""

    def noted(self, note: str) -> "Finding":
        """Return the finding with a note after what is wrong."""
        return msgspec.structs.replace(self, what=f"{self.what}; {note}")

    @property
    def text(self) -> str:
        """What is wrong, what was found, and the fix."""
        parts = (self.what, self.found and f"found: {self.found}", self.fix and f"fix: {self.fix}")
        return " | ".join(filter(None, parts))

    def at(self, text: str) -> str:
        """Return a text about the finding, as a line that says where."""
        place = f" [{self.path}]" if self.path else ""
        return f"{self.file}:{self.line}: {self.rule}: {text}{place}"

    def __str__(self) -> str:
        return self.at(self.text)


def finding_at(template: Template, rule: str, fault: Fault, source: str = "") -> Finding:
    """Return the finding for a fault in a template, with its line and the value that stands there."""
    return Finding(
        file=template.file,
        line=template.line(fault.place),
        rule=rule,
        what=fault.what,
        fix=fault.fix,
        path=template.written(fault.place),
        found="" if _SECRET.search(fault.place) else _shown(template.value(fault.place)),
        source=source,
    )


def _shown(value: Any) -> str:
    """Return what a finding shows of a value, in JSON: a scalar or an intrinsic, if short."""
    match value:
        case None | list():
            return ""
        case dict() if len(value) != 1 or not next(iter(value)).startswith(("Ref", "Fn::")):
            return ""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_MAX else ""
