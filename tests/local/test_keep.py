"""Keeping a run: one folder each, complete or not there, and nothing else is touched."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ceap.errors import UsageError
from ceap.local import keep
from ceap.local.engine import Engine
from ceap.local.keep import claim_folder, keep_run, read_tables
from ceap.local.runner import Remains
from handlers.runtime.needs import Table
from tests.local.test_run_report import report

NAME = "2026-11-29T105503Z"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep, "now", lambda: datetime(2026, 11, 29, 10, 55, 3, tzinfo=UTC))


def kept(parent: Path, objects: dict[str, bytes] | None = None, logs: dict[str, bytes] | None = None) -> str:
    """Keep a run and return the line that says so."""
    remains = Remains([], objects or {}, [], [], ["a letter"], ["an alert"], [], 1)
    with claim_folder(parent) as folder:
        assert folder
        paths = {key: folder.paths.assign(key) for key in remains.objects}
        return keep_run(folder, remains, paths=paths, tables={}, logs=logs or {}, report=report(None))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_each_run_has_a_folder_of_its_own_and_the_newest_is_called_latest(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    lines = [kept(tmp_path, {"a": b"1"}), kept(tmp_path, {"a": b"2", "../a": b"3"}), kept(tmp_path)]
    assert names(tmp_path) == [NAME, f"{NAME}-02", f"{NAME}-03", "latest", "notes.txt"]
    assert (tmp_path / "latest").readlink() == Path(f"{NAME}-03")
    assert lines == [
        f"kept 1 object, 1 dead letter, 1 alert in {tmp_path / NAME}; {tmp_path / 'latest'} leads there",
        f"kept 2 objects, 1 dead letter, 1 alert (names.json tells 1 key) in {tmp_path / NAME}-02; "
        f"{tmp_path / 'latest'} leads there",
        f"kept 1 dead letter, 1 alert in {tmp_path / NAME}-03; {tmp_path / 'latest'} leads there",
    ]
    assert {path.name: path.read_text() for path in (tmp_path / NAME).iterdir() if path.name != "report.json"} == {
        "a": "1",
        "alerts.jsonl": '{"message":"an alert"}\n',
        "dead-letters.jsonl": '{"body":"a letter"}\n',
        "events.jsonl": "",
    }
    assert (tmp_path / f"{NAME}-02" / "names.json").read_text() == '{\n  "other-objects/1-a": "../a"\n}'


def test_a_log_whose_path_leads_elsewhere_stays_in_the_folder(tmp_path: Path) -> None:
    kept(tmp_path / "runs", logs={"executions/e/logs/A.log": b"1", "executions/../../../logs/A.log": b"2"})
    logs = {
        path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*log") if path.is_file()
    }
    assert logs == {
        f"runs/{NAME}/executions/e/logs/A.log": "1",
        f"runs/{NAME}/other-objects/1-executions-logs-A-log": "2",
    }


def test_without_links_a_file_names_the_latest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "symlink", refuse)
    kept(tmp_path)
    kept(tmp_path)
    assert (tmp_path / "latest").read_text() == f"{NAME}-02\n"
    assert names(tmp_path) == [NAME, f"{NAME}-02", "latest"]


def test_a_run_that_is_interrupted_leaves_what_was_there(tmp_path: Path) -> None:
    kept(tmp_path)
    with suppress(KeyboardInterrupt), claim_folder(tmp_path) as folder:
        assert folder
        folder.write("a/b", b"half")
        raise KeyboardInterrupt
    assert names(tmp_path) == [NAME, "latest"]
    assert (tmp_path / "latest").readlink() == Path(NAME)


def test_two_runs_of_one_moment_do_not_share_a_folder(tmp_path: Path) -> None:
    with claim_folder(tmp_path) as one, claim_folder(tmp_path) as other:
        assert one
        assert other
        assert (one.path.name, other.path.name) == (NAME, f"{NAME}-02")


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_what_somebody_else_calls_latest_is_not_replaced(tmp_path: Path, kind: str) -> None:
    latest = tmp_path / "latest"
    match kind:
        case "folder":
            latest.mkdir()
        case "file":
            latest.write_text("mine")
        case _:
            latest.symlink_to("mine")
    message = f"--keep {tmp_path}: {latest} is not the newest run; rename it, or name another folder"
    with pytest.raises(UsageError) as refusal, claim_folder(tmp_path):
        pass
    assert (str(refusal.value), names(tmp_path)) == (message, ["latest"])


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    message = "file/kept: cannot be used: Not a directory; name another folder"
    with pytest.raises(UsageError, match=message), claim_folder(tmp_path / "file" / "kept"):
        pass


def test_items_are_plain_values_in_the_order_of_their_keys(engine: Engine) -> None:
    client = engine.client("dynamodb")
    definitions = [{"AttributeName": name, "AttributeType": "S"} for name in ("p", "s")]
    schema = [{"AttributeName": "p", "KeyType": "HASH"}, {"AttributeName": "s", "KeyType": "RANGE"}]
    for name in ("full", "empty"):
        client.create_table(
            TableName=name, AttributeDefinitions=definitions, KeySchema=schema, BillingMode="PAY_PER_REQUEST"
        )
    values = {
        "number": {"N": "1.50"},
        "list": {"L": [{"NULL": True}, {"BOOL": True}]},
        "map": {"M": {"text": {"S": "ü"}}},
        "numbers": {"NS": ["10", "9"]},
        "bytes": {"B": b"\x00"},
    }
    for keys in ("b1", "a2", "a1"):
        client.put_item(TableName="full", Item={"p": {"S": keys[0]}, "s": {"S": keys[1]}, **values})
    tables = [Table(name=name, partition_key="p", sort_key="s") for name in ("empty", "full")]
    found = read_tables(tables, engine.client, {"FullTableName": "full", "EmptyTableName": "empty"})
    assert list(found) == ["full"]
    assert keep._lines(found["full"]).decode().splitlines() == [
        f'{{"p":"{p}","s":"{s}","number":1.50,"list":[null,true],"map":{{"text":"ü"}},"numbers":[9,10],"bytes":"AA=="}}'
        for p, s in ("a1", "a2", "b1")
    ]
