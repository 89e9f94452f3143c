"""Waivers: findings that somebody accepts, for a reason and perhaps for a time.

They apply to findings, after every rule was evaluated, so that a waived resource changes no other verdict.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec

from ceap.cfn.lookup import FUNCTION
from ceap.cfn.template import Template
from ceap.errors import UsageError
from ceap.policy.finding import Finding
from templates.document import DocumentError, parse_document
from templates.naming import NAMING_KEY
from templates.own_resources import MARK
from templates.words import allowed

LINT: Final = re.compile(r"[EWI]\d{4}")
"""What ids of cfn-lint look like."""

_NOT_JUDGED: Final = re.compile(r"GEN\d\d_.*|ASL04_.*|CFN04_.*|E0\d{3}")
"""Findings that say that something could not be judged, or is not fresh."""

_KEYS: Final = ("rule", "reason", "expires")
_FILE_KEYS: Final = (*_KEYS, "template", "resource", "path")


class Waiver(msgspec.Struct, frozen=True, kw_only=True):
    """One waiver, at `file:line`.

    `template` is the resolved path of the file that it is about, `place` the path in it at and below which findings are
    waived, empty for those that point at nothing in it, `expires` the last day, in UTC, on which the waiver counts.
    """

    file: str
    line: int
    rule: str
    template: Path
    place: str
    reason: str
    expires: date | None = None

    @property
    def is_in_source(self) -> bool:
        return Path(self.file).resolve() == self.template

    def covers(self, finding: Finding) -> bool:
        if finding.rule != self.rule or Path(finding.file).resolve() != self.template:
            return False
        if not self.place:
            return finding.path.count("/") < 2
        return f"{finding.path}/".startswith(f"{self.place}/")


class Waived(msgspec.Struct, frozen=True):
    """A finding that does not count, and why."""

    finding: Finding
    waiver: Waiver


class Applied(msgspec.Struct, frozen=True):
    """Findings that count, findings that are waived, and waivers that match none."""

    findings: list[Finding]
    waived: list[Waived]
    unused: list[Waiver]


def apply_waivers(findings: Iterable[Finding], waivers: Sequence[Waiver], today: date) -> Applied:
    """Return which findings count; a finding whose waiver has expired does, and says so."""
    kept: list[Finding] = []
    waived: list[Waived] = []
    used: set[Waiver] = set()
    for finding in findings:
        covering = [waiver for waiver in waivers if waiver.covers(finding)]
        used.update(covering)
        in_force = [waiver for waiver in covering if waiver.expires is None or today <= waiver.expires]
        if in_force:
            waived.append(Waived(finding, in_force[0]))
        elif covering:
            expired = covering[0]
            kept.append(finding.noted(f"its waiver ({expired.file}:{expired.line}) expired on {expired.expires}"))
        else:
            kept.append(finding)
    return Applied(kept, waived, [waiver for waiver in waivers if waiver not in used])


def read_waivers(template: Template, rules: Collection[str]) -> list[Waiver]:
    """Return the waivers in the Metadata of a template's resources; `rules` are the ids that a waiver may name.

    Raises:
        UsageError: a waiver is malformed, or its rule is unknown or cannot be waived.
    """
    source = _Source(template.file, template.lines, rules)
    waivers = []
    for name, resource in template.data["Resources"].items():
        metadata = resource.get("Metadata") if isinstance(resource, dict) else None
        if isinstance(metadata, dict) and "ceap" in metadata:
            place, given = f"/Resources/{name}", metadata["ceap"]
            if isinstance(given, dict):
                left = {key: value for key, value in given.items() if not _is_said_beside(resource, key, value)}
                given = given if left == given else {"waivers": []} | left
            for path, item in source.items(given, f"{place}/Metadata/ceap"):
                source.check_keys(item, path, _KEYS)
                waivers.append(source.waiver(item, path, Path(template.file).resolve(), place))
    return waivers


def _is_said_beside(resource: dict[str, Any], key: str, value: Any) -> bool:
    """Tell whether something in the Metadata is no waiver: the mark of a team's own resource, or a function's naming.

    P01 judges that naming. On any other resource it means nothing, so it is refused there.
    """
    return (key == NAMING_KEY and resource.get("Type") == FUNCTION) or (key == MARK and value is True)


def load_waivers(file: Path, rules: Collection[str]) -> list[Waiver]:
    """Read a file of waivers; `rules` are the ids that a waiver may name.

    Raises:
        UsageError: the file cannot be read, a waiver is malformed, or its template or rule does not exist.
    """
    try:
        document = parse_document(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}; name a file of waivers in ceap.toml") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file}: not a text file (UTF-8); waivers are YAML") from None
    except DocumentError as error:
        raise UsageError(f"{file}:{error.line}: {error}") from None
    source = _Source(str(file), document.lines, rules)
    waivers = []
    for path, item in source.items(document.data, ""):
        source.check_keys(item, path, _FILE_KEYS)
        template = file.parent / source.text(item, path, "template")
        if not template.is_file():
            raise source.error(
                f"{path}/template", f"there is no template {item['template']}; correct the path, or remove the waiver"
            )
        waivers.append(source.waiver(item, path, template.resolve(), _place(source, item, path)))
    return waivers


def _place(source: _Source, item: dict[str, Any], path: str) -> str:
    if "resource" in item and "path" in item:
        raise source.error(path, "has both a resource and a path; keep one of them")
    if "resource" in item:
        return f"/Resources/{source.text(item, path, 'resource')}"
    place = source.text(item, path, "path") if "path" in item else ""
    if place and not re.fullmatch(r"(/[^/]+)+", place):
        raise source.error(f"{path}/path", f"the path is {place!r}; write it as findings do, /Resources/Queue/...")
    return place


class _Source(msgspec.Struct, frozen=True):
    """A file with waivers in it: `lines` by path, and the rules that they may name."""

    file: str
    lines: Mapping[str, int]
    rules: Collection[str]

    def line(self, path: str) -> int:
        return self.lines.get(path, 1)

    def error(self, path: str, text: str) -> UsageError:
        return UsageError(f"{self.file}:{self.line(path)}: waiver: {text}")

    def items(self, value: Any, path: str) -> list[tuple[str, dict[str, Any]]]:
        """Return path and content of each waiver of `{waivers: [{rule: ..., reason: ...}]}`."""
        items = value.get("waivers") if isinstance(value, dict) and value.keys() == {"waivers"} else None
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise self.error(path, "must be a mapping with one key, waivers: a list of {rule: ..., reason: ...}")
        return [(f"{path}/waivers/{index}", item) for index, item in enumerate(items)]

    def check_keys(self, item: dict[str, Any], path: str, keys: Sequence[str]) -> None:
        for key in item:
            if key not in keys:
                raise self.error(f"{path}/{key}", f"there is no key {key!r}; {allowed(key, sorted(keys))}")

    def text(self, item: dict[str, Any], path: str, key: str) -> str:
        value = item.get(key)
        if not isinstance(value, str) or not value.strip():
            where = f"{path}/{key}" if key in item else path
            fault = f"{key} is {value!r}; it must be a text" if key in item else f"has no {key}; add it"
            raise self.error(where, fault)
        return value.strip()

    def waiver(self, item: dict[str, Any], path: str, template: Path, place: str) -> Waiver:
        rule = self.text(item, path, "rule")
        if _NOT_JUDGED.fullmatch(rule):
            raise self.error(f"{path}/rule", f"{rule} cannot be waived: it means that nothing was judged; correct it")
        if rule not in self.rules and not LINT.fullmatch(rule):
            raise self.error(f"{path}/rule", f"there is no rule {rule}; {allowed(rule, sorted(self.rules))}")
        return Waiver(
            file=self.file,
            line=self.line(path),
            rule=rule,
            template=template,
            place=place,
            reason=" ".join(self.text(item, path, "reason").split()),
            expires=self._date(item, path),
        )

    def _date(self, item: dict[str, Any], path: str) -> date | None:
        if "expires" not in item:
            return None
        value = item["expires"]
        try:
            if re.fullmatch(r"\d{4}-\d\d-\d\d", str(value), re.ASCII):
                return date.fromisoformat(str(value))
        except ValueError:
            pass
        raise self.error(f"{path}/expires", f"expires is {value!r}; it must be a date, e.g. 2027-01-31")
