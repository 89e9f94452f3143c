from __future__ import annotations

from pathlib import Path

import pytest

from ceap.errors import UsageError
from ceap.policy.catalogue import Entry, load_catalogue
from ceap.policy.verdict import load_all_entries, load_all_rules

OWN = "rules:\n  OWN: {title: Own, why: Because., fix: Mend it.}\n"


def test_a_folder_of_ones_own_adds_its_entries_to_ours(tmp_path: Path) -> None:
    (tmp_path / "catalogue.yaml").write_text(OWN)
    (tmp_path / "own.guard").write_text("# Reference: https://own.example\nrule OWN { Resources exists }")
    entries = load_all_entries(load_all_rules([tmp_path]), [tmp_path])
    assert entries["OWN"] == Entry(title="Own", why="Because.", fix="Mend it.", source="https://own.example")
    assert entries["P41_PIPE"].property == 41
    assert entries["GEN01_FRESH"].title == "The files in generated/ are what the declarations generate"


def test_a_folder_needs_no_catalogue(tmp_path: Path) -> None:
    (tmp_path / "own.guard").write_text("rule OWN { Resources exists }")
    assert load_all_entries(load_all_rules([tmp_path]), [tmp_path])["OWN"].title == "OWN"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("rules:\n  OWN: {title: Own, why: Because.}\n", r"catalogue.yaml: not a catalogue: .*`fix`.*\[\.\.\.\]"),
        ("[", r"catalogue.yaml: not a catalogue: .*; write title, why and fix of each rule$"),
    ],
)
def test_a_catalogue_that_is_none_is_refused(content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "catalogue.yaml").write_text(content)
    with pytest.raises(UsageError, match=message):
        load_catalogue(tmp_path)
