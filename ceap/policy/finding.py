"""What a check finds."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing wrong in one file; findings sort by file and line.

    `file` is the name by which messages call the file, `line` counts from 1, `rule` names the rule or check, `path` is
    the place in the template (`/Resources/Queue/Properties/...`, empty when it is the whole).
    """

    file: str
    line: int
    rule: str
    message: str
    path: str = ""

    def __str__(self) -> str:
        place = f" [{self.path}]" if self.path else ""
        return f"{self.file}:{self.line}: {self.rule}: {self.message}{place}"
