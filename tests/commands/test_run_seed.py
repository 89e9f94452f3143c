"""`ceap run` on data: what a seed gives to the stages, and what a wrong one is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ceap.cli import main

DECLARATION = b"""\
name: express
type: EXPRESS
steps:
  - stage: TakeStage
    handler: take
    settings: {source_bucket: my-exports}
  - stage: KeepStage
    handler: keep
"""
SOURCE = json.dumps({"source": {"kind": "s3", "bucket": "my-exports", "prefix": "day/"}}).encode()
ROWS = b'{"id": "r1"}\n{"id": "r2"}\n'
NEWER = b'{"PK": "r2", "SK": "RECORD", "version": 2}\n'
Captured = pytest.CaptureFixture[str]


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write a project with further files; return its declaration."""
    for name, content in {"messages/express.json": SOURCE, "express.yaml": DECLARATION, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder / "express.yaml"


def run(capsys: Captured, declaration: Path, *words: str) -> tuple[int, dict[str, Any], str]:
    """Return the exit code, the report and what was told on the way."""
    code = main(["run", str(declaration), "--json", *words])
    out, told = capsys.readouterr()
    return code, json.loads(out), told


def test_the_fixtures_of_a_workflow_fill_its_source_bucket_and_tables(capsys: Captured, tmp_path: Path) -> None:
    seed = {"s3/my-exports/day/1.jsonl": ROWS, "tables/records.jsonl": NEWER}
    declaration = write(tmp_path, {f"fixtures/express/{name}": content for name, content in seed.items()})
    code, report, told = run(capsys, declaration)
    [execution] = report["executions"]
    assert (code, [(stage["recordsIn"], stage["recordsOut"]) for stage in execution["stages"]]) == (0, [(2, 2), (2, 1)])
    fixtures = tmp_path / "fixtures" / "express"
    assert f"seed {fixtures}: bucket my-exports with 1 object, table records with 1 item\n" in told


def test_another_seed_takes_the_place_of_the_fixtures(capsys: Captured, tmp_path: Path) -> None:
    declaration = write(tmp_path, {"fixtures/express/wrong": b"", "other/s3/my-exports/day/1.jsonl": ROWS})
    code, report, _ = run(capsys, declaration, "--seed", str(tmp_path / "other"))
    [execution] = report["executions"]
    assert (code, [stage["recordsOut"] for stage in execution["stages"]]) == (0, [2, 2])


def test_a_source_bucket_is_there_without_a_seed_and_lacks_the_objects(capsys: Captured, tmp_path: Path) -> None:
    code, report, told = run(capsys, write(tmp_path, {}))
    assert code == 1
    assert "PermanentStageError: there is no object under s3://my-exports/day/" in report["executions"][0]["error"]
    assert "seed: bucket my-exports with 0 objects\n" in told


def test_a_wrong_seed_is_refused_before_anything_is_deployed(capsys: Captured, tmp_path: Path) -> None:
    declaration = write(tmp_path, {"fixtures/express/tables/records.jsonl": NEWER + b'{"PK": "r3"}\n'})
    assert main(["run", str(declaration)]) == 2
    out, told = capsys.readouterr()
    place = tmp_path / "fixtures" / "express" / "tables" / "records.jsonl"
    assert (out, told) == ("", f"ceap: {place}:2: lacks SK, of the key of table records; add it\n")


def test_a_seed_that_is_not_there_is_refused(capsys: Captured, tmp_path: Path) -> None:
    declaration = write(tmp_path, {})
    assert main(["run", str(declaration), "--seed", str(tmp_path / "none")]) == 2
    out, told = capsys.readouterr()
    place = tmp_path / "none"
    cure = "the seed's folder cannot be read: No such file or directory; make it a folder"
    assert (out, told) == ("", f"ceap: {place}: {cure}\n")
