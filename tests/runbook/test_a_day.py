"""An operator's day: its files are written, its 200 messages sent, its commands typed, and every message counted."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.pages import STEP, Varying, commands, normal
from tests.runbook.support import A_DAY, Place, place

UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
VARYING: Final[tuple[Varying, ...]] = (
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"), "TIME"),
    (re.compile(r"\b\d\d:\d\d:\d\d(\.\d{3})?\b"), "CLOCK"),
    (re.compile(r"\d\d/\d\d/\d\d TIME"), "TIME"),
    (re.compile(r"\b\d+(\.\d+)? (s|m|h)\b( \d+ (s|m|h)\b)*"), "AGE"),
    (re.compile(r"\b\d+ bytes"), "SIZE"),
    (re.compile(r"revision [0-9a-f]{12}( with changes)?"), "REVISION"),
    (re.compile(r"account \d{12}"), "ACCOUNT"),
)

LATER: Final = ("## In the morning", "## The evening")
"""The headings before which hours pass."""


class Ids:
    """The ids of this run by those of the page."""

    def __init__(self) -> None:
        self._of_page: dict[str, str] = {}

    def put_into(self, text: str) -> str:
        return UUID.sub(lambda found: self._of_page[found[0]], text)

    def compare(self, command: str, expected: str, shown: str) -> None:
        """Require that a command showed what the page does, and learn the ids; `...` stands for any lines."""
        told, new = normal(shown, VARYING), dict[str, str]()
        page = normal(expected, VARYING).splitlines()
        lines = [r"(?:.*\n)*?" if line == "..." else self._pattern(line, new) + r"\n" for line in page]
        found = re.fullmatch("".join(lines), told)
        assert found, f"$ {command}\n{shown}"
        self._of_page |= {page: found[name] for page, name in new.items()}

    def _pattern(self, line: str, new: dict[str, str]) -> str:
        pattern, at = "", 0
        for found in UUID.finditer(line):
            pattern, at = pattern + re.escape(line[at : found.start()]), found.end()
            if known := self._of_page.get(found[0]):
                pattern += re.escape(known)
            elif found[0] in new:
                pattern += f"(?P={new[found[0]]})"
            else:
                new[found[0]] = f"id{len(new)}"
                pattern += f"(?P<{new[found[0]]}>{UUID.pattern})"
        return pattern + re.escape(line[at:])


def test_a_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with place(tmp_path) as at:
        ids, at_end = Ids(), 0
        for step in STEP.finditer(A_DAY):
            if any(A_DAY.rfind(heading, at_end, step.start()) >= 0 for heading in LATER):
                at.later(6)
            at_end = step.end()
            match step["verb"]:
                case "Save as":
                    at.write(step["path"], step["body"])
                case "Change":
                    at.change(step["path"], step["body"])
                case _:
                    for command, expected in commands(step["console"]):
                        ids.compare(command, expected, at.type(ids.put_into(command), capsys).printed)
        all_is_accounted_for(at)


def all_is_accounted_for(at: Place) -> None:
    """Look, without a command of ceap, at what became of 200 messages of 3 records each."""
    runs = Counter(
        (run.machine.rpartition(":")[2], run.status, run.redrives, "-replay-" in run.name)
        for run in at.engine.executions
    )
    assert runs == {
        ("ceap-orders-dev", "SUCCEEDED", 0, False): 100,
        ("ceap-orders-dev", "SUCCEEDED", 1, False): 12,  # redriven after PriceStage had learnt of francs
        ("ceap-orders-dev", "FAILED", 0, False): 8,  # each replayed with the new DiscountStage
        ("ceap-orders-dev", "SUCCEEDED", 0, True): 8,
        ("ceap-clicks-dev", "SUCCEEDED", 0, False): 80,
        ("ceap-clicks-dev", "FAILED", 0, False): 30,  # 10 messages, three receives each
    }
    for queue in ("orders", "clicks"):
        assert at.waiting(f"ceap-{queue}-dev-queue") == at.waiting(f"ceap-{queue}-dev-dead-letter-queue") == 0
    ids = [f"{number}-{n}" for number in range(120) for n in (1, 2, 3)]
    booked = {key: int(item["cents"]["N"]) for key, item in at.items("ceap-booked-orders-dev").items()}
    special = {f"{n}-3": 1050 for n in range(100, 112)} | {f"{n}-3": 900 for n in range(112, 120)}
    assert booked == {key: special.get(key, 1000) for key in ids}
    counted = {key: item["country"]["S"] for key, item in at.items("ceap-counted-clicks-dev").items()}
    assert counted == dict.fromkeys(ids[:240], "AT") | {f"{number}-3": "UNKNOWN" for number in range(70, 80)}
