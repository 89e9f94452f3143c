"""`ceap run` and `ceap invoke` on a workflow with placeholders, variables, a VPC, tags and a permissions boundary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ceap.cli import main

DECLARATION = """\
name: governed
type: EXPRESS
tags: {Team: data, Stage: '${Environment}'}
vpc: true
permissions_boundary: true
log_retention_days: {value: 90, reason: The audit keeps logs for ninety days}
steps:
  - stage: TellsStage
    handler: tells
    settings: {source_bucket: 'acme-${Environment}-${AWS::Region}', literal: '${x}'}
    environment: {VENDOR_URL: 'https://${Environment}.example', VENDOR_LEVEL: '3'}
    ephemeral_storage_mb: 1024
"""
HANDLER = """\
import os

import msgspec

from handlers.runtime.needs import BucketName, Needs
from handlers.runtime.stage import WorkflowLambdaHandler


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    source_bucket: BucketName
    literal: str


NEEDS = Needs(settings=Settings, bucket_setting="source_bucket")


class TellsStage(WorkflowLambdaHandler):
    def process_data(self, records, stage):
        found = {name: value for name, value in os.environ.items() if name.startswith("VENDOR_")}
        for record in records:
            yield {**record, **found, "bucket": stage.settings.source_bucket, "literal": stage.settings.literal}


handler = TellsStage(NEEDS)
"""
BUCKET = "acme-local-us-east-1"
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def declaration(tmp_path: Path, own_handlers: Path) -> Path:
    """A project whose stage tells what it finds in its environment."""
    (own_handlers / "tells.py").write_text(HANDLER, encoding="utf-8")
    (tmp_path / "messages").mkdir()
    message = {"source": {"kind": "s3", "bucket": BUCKET, "key": "1.jsonl"}}
    (tmp_path / "messages" / "governed.json").write_text(json.dumps(message), encoding="utf-8")
    (tmp_path / "governed.yaml").write_text(DECLARATION, encoding="utf-8")
    return tmp_path / "governed.yaml"


def plant(declaration: Path, record: str) -> None:
    place = declaration.parent / "fixtures" / "governed" / "s3" / BUCKET
    place.mkdir(parents=True)
    (place / "1.jsonl").write_text(record + "\n", encoding="utf-8")


def record_of(document: dict[str, Any]) -> dict[str, Any]:
    [record] = document["data"]
    found: dict[str, Any] = record
    return found


def test_a_run_fills_placeholders_in_and_reads_the_bucket_of_its_environment(
    capsys: Captured, tmp_path: Path, declaration: Path
) -> None:
    plant(declaration, '{"id": "r1"}')
    assert main(["run", str(declaration), "--json", "--keep", str(tmp_path / "kept")]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [execution["status"] for execution in report["executions"]] == ["SUCCEEDED"]
    [output] = (tmp_path / "kept").rglob("output.json")
    assert record_of(json.loads(output.read_text(encoding="utf-8"))) == {
        "id": "r1",
        "VENDOR_URL": "https://local.example",
        "VENDOR_LEVEL": "3",
        "bucket": BUCKET,
        "literal": "${x}",
    }


def test_a_file_for_invoke_becomes_an_object_of_the_bucket_of_the_environment(
    capsys: Captured, tmp_path: Path, declaration: Path
) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id": "r2"}\n', encoding="utf-8")
    code = main(["invoke", str(declaration), "TellsStage", "--input", str(tmp_path / "rows.jsonl"), "--json"])
    stage = json.loads(capsys.readouterr().out)["stage"]
    assert (code, stage["recordsIn"], stage["recordsOut"]) == (0, 1, 1)
