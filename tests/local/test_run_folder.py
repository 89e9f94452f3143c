"""The paths of a kept run: each object has its own, inside the folder, on every file system."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ceap.local import run_folder
from ceap.local.run_folder import SafePaths, find_objects, resolve_latest

LONG = "x" * 255
PLAIN = [
    "executions/e1/A/output.json",
    "executions/e1/A/part-1 (2).json",
    "a/b",
    "A=1/b_@,+.c",
    "executions/e1/logs.txt",
]
ODD = [
    "a/b/c",
    "A/b",
    "a/B",
    "../up",
    "/root",
    "a//b",
    "a/",
    "./a",
    "nul",
    "a/aux.txt",
    "a./b",
    "a /b",
    "a\0b",
    "a\\b",
    "ä",
    "\ud800",
]
ODD += [".hidden", "a:b", "a\nb", LONG, "/".join(["d"] * 400), "Executions/e1/A/output.json", "executions"]
OURS = ["tables", "Tables/t.jsonl", "report.json", "NAMES.json/x", "other-objects/1-a", "executions/e2/Logs/A.log"]


@pytest.mark.parametrize("key", PLAIN)
def test_an_object_lies_where_its_key_says(key: str) -> None:
    paths = SafePaths()
    assert (paths.assign(key), paths.keys) == (key, {})


@pytest.mark.parametrize("key", [*ODD, *OURS])
def test_an_object_whose_key_is_no_path_for_it_is_numbered_and_named(key: str) -> None:
    paths = SafePaths()
    paths.assign("a/b")
    path = paths.assign(key)
    assert path.startswith("other-objects/1")
    assert paths.keys == {path: key}


def test_a_numbered_path_shows_what_it_can_of_the_key() -> None:
    assert SafePaths().assign("../../etc/passwd") == "other-objects/1-etc-passwd"


def test_a_file_of_the_run_has_its_path_and_is_no_object() -> None:
    assert SafePaths().assign_own("executions/e1/logs/A.log") == "executions/e1/logs/A.log"
    assert SafePaths().assign_own("executions/../logs/A.log") == "other-objects/1-executions-logs-A-log"


SEGMENTS = st.sampled_from(["a", "A", "b", "executions", "e1", "logs", "tables", "..", ".", "", "con", "a.", "ä", LONG])
KEYS = st.one_of(
    st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join),
    st.text(min_size=1, max_size=20),
    st.sampled_from([*PLAIN, *ODD, *OURS]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(keys=st.sets(KEYS.filter(bool), max_size=12))
def test_all_keys_have_distinct_paths_in_the_folder_and_are_found_again(
    keys: set[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("run")
    paths = SafePaths()
    placed = {key: paths.assign(key) for key in sorted(keys)}
    lower = {path.lower() for path in placed.values()}
    assert len(lower) == len(keys)
    assert not any(str(parent) in lower for path in lower for parent in PurePosixPath(path).parents)
    for key, path in placed.items():
        file = folder / path
        assert folder in file.resolve().parents
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(ascii(key))
    (folder / run_folder.NAMES).write_text(json.dumps(paths.keys))
    assert {key: file.read_text() for key, file in find_objects(folder).items()} == {key: ascii(key) for key in keys}


def test_files_that_are_no_objects_are_not_found(tmp_path: Path) -> None:
    for path in ("report.json", "tables/t.jsonl", "executions/e1/logs/A.log", "executions/e1/A/output.json"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    assert list(find_objects(tmp_path)) == ["executions/e1/A/output.json"]


def test_the_newest_is_found_by_a_link_or_a_file(tmp_path: Path) -> None:
    latest = tmp_path / "latest"
    for target, found in (("2026-11-29T105503Z", "2026-11-29T105503Z"), ("../2026-11-29T105503Z", "latest")):
        latest.symlink_to(target)
        assert resolve_latest(latest) == tmp_path / found
        assert resolve_latest(latest / "executions" / "e1") == tmp_path / found / "executions" / "e1"
        latest.unlink()
    latest.write_text("2026-11-29T105503Z-02\n")
    assert resolve_latest(latest) == tmp_path / "2026-11-29T105503Z-02"
    latest.write_text("../elsewhere")
    assert resolve_latest(latest) == latest
    assert resolve_latest(tmp_path) == tmp_path
