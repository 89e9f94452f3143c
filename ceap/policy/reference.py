"""docs/reference/rules.md, written from the catalogue: `python -m ceap.policy.reference`."""

import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ceap.policy.catalogue import Entry
from ceap.policy.checks import load_checks
from ceap.policy.freshness import ENTRIES
from ceap.policy.verdict import GUARD_RULES, load_all_entries, load_all_rules

ROOT: Final = GUARD_RULES.parent
PAGE: Final = ROOT / "docs/reference/rules.md"

_WRAPPER: Final = textwrap.TextWrapper(width=118, break_long_words=False, break_on_hyphens=False)

_INTRODUCTION: Final = """\
# Rules

What [`ceap check`](check.md) demands of a template, why, and how to fix what it finds. `make docs` writes this page
from `guard_rules/catalogue.yaml`, the `Reference` of each rule file and the `ENTRY` of each check: edit those.

A fix names what to set in the template. Do not edit a generated template: change its declaration, e.g. `overrides`, and
run `make templates`.

On each kind of generated template a rule is expected to PASS where it applies, and to SKIP where it does not.
"""


def reference_page() -> str:
    """Return the page: a table of all rules and checks, then a section on each."""
    files, entries = _files(), load_all_entries(load_all_rules())
    rules, checks = (
        {rule: entry for rule, entry in sorted(entries.items()) if files[rule].endswith(ending)}
        for ending in (".guard", ".py")
    )
    return "\n".join(
        [
            _INTRODUCTION,
            *_table("Guard rules", rules),
            *_table("Checks in Python", checks),
            *(line for rule, entry in (*rules.items(), *checks.items()) for line in _section(rule, entry, files[rule])),
        ]
    )


def _files() -> dict[str, str]:
    """Return the file of each rule and check, relative to the project."""
    files = {rule: Path(file.file) for file in load_all_rules() for rule in file.rules}
    modules = {check.rule: check.module for check in load_checks()}
    modules |= dict.fromkeys(ENTRIES, "ceap.policy.freshness")
    sources = {rule: f"{module.replace('.', '/')}.py" for rule, module in modules.items()}
    return {rule: file.relative_to(ROOT).as_posix() for rule, file in files.items()} | sources


def _table(title: str, entries: Mapping[str, Entry]) -> list[str]:
    rows = [f"| [{rule}](#{rule.lower()}) | {entry.title} |" for rule, entry in entries.items()]
    return [f"## {title}", "", "| id | what must hold |", "|---|---|", *rows, ""]


def _section(rule: str, entry: Entry, file: str) -> list[str]:
    facts = [f"[`{file}`](../../{file})"]
    if entry.property:
        numbers = ", ".join(map(str, (entry.property, *entry.shares)))
        facts.append(f"[property](requirements.md#properties) {numbers}")
    if entry.requirement:
        facts.append(f"[requirement](requirements.md#requirements) {', '.join(entry.requirement)}")
    if entry.source:
        facts.append(f"source: {_link(entry.source)}")
    if entry.expect:
        facts.append(f"expected: {', '.join(f'{kind} {verdict}' for kind, verdict in entry.expect.items())}")
    return [
        f"### {rule}",
        "",
        f"{entry.title}.",
        "",
        *_item(f"**Why.** {entry.why}"),
        *_item(f"**Fix.** {entry.fix}"),
        "- " + ";\n  ".join(facts),
        "",
    ]


def _item(text: str) -> list[str]:
    """Return an item of a list, a sentence a line; code stays on one if it fits."""
    kept = re.sub(r"`[^`]{,110}`", lambda code: code[0].replace(" ", "\0"), text)
    lines = [line for sentence in re.split(r"(?<=[.:]) (?=[A-Z`])", kept) for line in _WRAPPER.wrap(sentence)]
    return [f"{'  ' if number else '- '}{line}".replace("\0", " ") for number, line in enumerate(lines)]


def _link(source: str) -> str:
    """Return a link to a page, from this one's folder if it is a page of the project."""
    return f"<{source}>" if source.startswith("https://") else f"[{source}](../../{source})"


if __name__ == "__main__":
    PAGE.write_text(reference_page(), encoding="utf-8")
