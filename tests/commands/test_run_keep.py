"""`ceap run --keep`: what is kept of a run, what is said of it, and how a later run takes its tables."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ceap.cli import main
from tests.local.support import STAGES
from tests.reference import EXPRESS

RUN = ["run", str(EXPRESS)]
TABLES = ("ratings", "records", "told")
Captured = pytest.CaptureFixture[str]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_run_is_kept_whole_and_its_tables_are_the_seed_of_another(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*RUN, "--json", "--keep", "new/kept"]) == 0
    out, told = capsys.readouterr()
    latest = tmp_path / "new" / "kept" / "latest"
    folder = Path("new/kept") / latest.readlink()
    report = json.loads(out)
    prefix = f"executions/{report['executions'][0]['executionId']}"
    assert f"\nkept 7 objects, 3 tables, 4 events, 5 logs in {folder}; new/kept/latest leads there\n" in told
    assert {path.relative_to(latest).as_posix() for path in latest.rglob("*") if path.is_file()} == {
        *("report.json", "events.jsonl", "dead-letters.jsonl", "alerts.jsonl"),
        *(f"tables/{name}.jsonl" for name in TABLES),
        *(f"{prefix}/{stage}/output.json" for stage in STAGES),
        *(f"{prefix}/{stage}/rejected.jsonl" for stage in ("TakeStage", "SiftStage")),
        *(f"{prefix}/logs/{stage}.log" for stage in STAGES),
    }
    assert (latest / "report.json").read_text(encoding="utf-8") == out
    assert report["kept"] == str(folder)
    assert [stage["object"] for stage in report["executions"][0]["stages"]] == [
        f"{prefix}/{stage}/output.json" for stage in STAGES
    ]
    records = lines(latest / "tables" / "records.jsonl")
    assert [record["PK"] for record in records] == sorted(record["PK"] for record in records)
    assert len(records) == len(lines(latest / "events.jsonl")) == 4

    assert main([*RUN, "--seed", "new/kept/latest", "--keep", "new/kept"]) == 0
    out, told = capsys.readouterr()
    tables = ", ".join(f"table {name} with 4 items" for name in TABLES)
    assert f"\nseed {folder}, an earlier run: {tables}\n" in told
    assert len(list((tmp_path / "new" / "kept").iterdir())) == 3
    assert latest.readlink().name != folder.name
    shown = re.findall(r"new/kept/\S+", out)
    assert [(Path(path).parent.name, Path(path).is_file()) for path in shown] == [(stage, True) for stage in STAGES]


def test_dead_letters_are_kept_with_their_bodies(capsys: Captured, tmp_path: Path) -> None:
    message = tmp_path / "message.json"
    message.write_text('{"source": {"kind": "none"}}\n', encoding="utf-8")
    assert main([*RUN, "--message", str(message), "--keep", str(tmp_path / "kept")]) == 1
    assert lines(tmp_path / "kept/latest/dead-letters.jsonl") == [{"body": message.read_text(encoding="utf-8")}]
    assert not (tmp_path / "kept/latest/tables").exists()


def test_a_run_that_is_refused_leaves_no_run_in_the_folder(capsys: Captured, tmp_path: Path) -> None:
    declaration = tmp_path / "express.yaml"
    overrides = b"\noverrides:\n  Pipe:\n    Enrichment: arn:aws:lambda:us-east-1:123456789012:function:other\n"
    declaration.write_bytes(EXPRESS.read_bytes() + overrides)
    message = EXPRESS.parent / "messages" / "express.json"
    assert main(["run", str(declaration), "--message", str(message), "--keep", str(tmp_path / "kept")]) == 2
    assert list((tmp_path / "kept").iterdir()) == []
