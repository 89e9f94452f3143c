"""docs/reference/conformance.md, written from the recordings: `python -m tests.local.conformance.page`."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Final

import msgspec

from tests.local.conformance.cases import (
    Case,
    Recordings,
    ServiceCase,
    ServiceRecordings,
    load_recordings,
    load_services,
)
from tests.local.conformance.used import recorded_calls, used_calls

PAGE: Final = Path(__file__).parents[3] / "docs/reference/conformance.md"

_TITLES: Final = {
    "calls": "Calls, lists and status changes",
    "definitions": "Definitions",
    "express": "EXPRESS",
    "jobs": "Glue jobs",
    "limits": "Names and sizes",
    "logs": "Logs, events and answers",
    "redrive": "Redrive",
    "tasks": "Tasks",
    "objects": "S3",
    "others": "Tables, functions, logs, events, metrics and stacks",
    "queues": "Queues",
}

_INTRODUCTION: Final = """\
# Conformance of the local engine

Where public projects recorded what AWS did, the local engine is held against it,
for what the generated templates, the handlers and the commands use.
`tests/local/conformance/` replays each recording below.
For Step Functions that is a small state machine of our own, the calls,
and the fields, events and log entries that AWS showed.
For the other services it is the calls, and of their answers the fields that ceap reads, or the error's code and text.
Expected values come from the recordings, never from the engine.
`make docs` writes this page from them.

- *agrees*: every recorded field, event and message is the same.
- *differs*: why stands below the table. A test fails when the engine begins to agree.

{agreeing} of {all} recorded behaviours agree.
Below them stand those that nobody recorded, and the calls that ceap makes.
"""


class Unrecorded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A behaviour that nobody recorded, and what the engine does."""

    behaviour: str
    engine: str


def conformance_page() -> str:
    """Return the page: a table for each file of recordings, and what was not recorded."""
    recordings: dict[str, Recordings | ServiceRecordings] = {**load_recordings(), **load_services()}
    cases: list[Case | ServiceCase] = [case for each in recordings.values() for case in each.cases]
    agreeing = sum(case.differs is None for case in cases)
    introduction = _INTRODUCTION.replace("{agreeing}", str(agreeing)).replace("{all}", str(len(cases)))
    sections = [_section(_TITLES[name], each) for name, each in recordings.items()]
    return "\n".join([introduction, *sections, _unrecorded(), _calls()])


def _section(title: str, recordings: Recordings | ServiceRecordings) -> str:
    source = recordings.source
    link = f"[{source.project}](https://github.com/{source.project}/tree/{source.revision}/{source.folder})"
    lines = [
        f"## {title}",
        "",
        f"Source: {link}{',' if source.note else ''}",
        *textwrap.wrap(source.note or "", 118),
        "",
        "| behaviour | verdict | recorded as |",
        "|---|---|---|",
        *(f"| {case.behaviour} | {_verdict(case)} | {_recorded(case)} |" for case in recordings.cases),
        "",
    ]
    differing = [case for case in recordings.cases if case.differs]
    for case in differing:
        lines += textwrap.wrap(
            f"- {case.behaviour}: {case.differs}", 118, subsequent_indent="  ", break_on_hyphens=False
        )
    return "\n".join([*lines, ""] if differing else lines)


def _verdict(case: Case | ServiceCase) -> str:
    return "agrees" if case.differs is None else "differs"


def _recorded(case: Case | ServiceCase) -> str:
    return f"`{case.recorded.strip()}`"


def _unrecorded() -> str:
    text = (Path(__file__).parent / "not_recorded.yaml").read_bytes()
    rows = msgspec.yaml.decode(text, type=list[Unrecorded])
    table = ["## Not recorded", "", "| behaviour | the engine |", "|---|---|"]
    return "\n".join([*table, *(f"| {row.behaviour} | {row.engine} |" for row in rows), ""])


def _calls() -> str:
    """Return the calls of AWS that the sources make, by service: those in a recording above, and the others."""
    recorded, rows = recorded_calls(), []
    for service, calls in used_calls().items():
        known = sorted(calls & recorded[service])
        rows.append(
            f"| {service} | {', '.join(known) or '-'} | {', '.join(sorted(calls - recorded[service])) or '-'} |"
        )
    table = ["## Calls that ceap makes", "", "| service | in a recording above | in none |", "|---|---|---|"]
    return "\n".join([*table, *rows, ""])


if __name__ == "__main__":
    PAGE.write_text(conformance_page(), encoding="utf-8")
