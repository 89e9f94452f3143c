"""`ceap run` without a message on a workflow with triggers: they send theirs, as they would on AWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ceap.cli import main
from ceap.local.engine import Engine

Captured = pytest.CaptureFixture[str]
STEPS = """\
name: tried
type: EXPRESS
steps:
  - stage: TakeStage
    handler: take
    settings: {source_bucket: my-exports}
"""
SCHEDULE = (
    "schedule: {expression: rate(1 hour), message: {source: {kind: inline, records: [{id: s1}, {id: s2}, {id: s3}]}}}\n"
)
OBJECTS = "s3_events: {prefix: orders/, suffix: .csv}\n"
QUOTED = 'say "hé" a+b.csv'


def write(folder: Path, triggers: str, *keys: str) -> Path:
    """Write a workflow with triggers and objects, each with one record; return its declaration."""
    for key in keys:
        path = folder / "fixtures" / "tried" / "s3" / "my-exports" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("id\no1\n", encoding="utf-8")
    declaration = folder / "tried.yaml"
    declaration.write_text(STEPS + triggers, encoding="utf-8")
    return declaration


def run(capsys: Captured, declaration: Path, *words: str) -> tuple[int, dict[str, Any], str]:
    """Return the exit code, the report and what was told on the way."""
    code = main(["run", str(declaration), "--json", *words])
    out, told = capsys.readouterr()
    return code, json.loads(out or "{}"), told


def records(report: dict[str, Any]) -> list[int]:
    return sorted(execution["stages"][0]["recordsIn"] for execution in report["executions"])


def test_a_schedule_sends_its_message_and_the_run_says_so(capsys: Captured, tmp_path: Path) -> None:
    code, report, told = run(capsys, write(tmp_path, SCHEDULE))
    assert (code, report["messagesSent"], records(report)) == (0, 1, [3])
    assert "schedule ceap-tried-local-schedule sends its message\n" in told


def test_each_object_of_the_seed_that_the_rule_matches_sends_a_message(capsys: Captured, tmp_path: Path) -> None:
    keys = ("orders/1.csv", f"orders/{QUOTED}", "orders/readme.txt", "other/1.csv")
    code, report, told = run(capsys, write(tmp_path, OBJECTS, *keys))
    assert (code, report["messagesSent"], records(report)) == (0, 2, [1, 1])
    assert (
        "rule ceap-tried-local-objects sends 2 messages, of 4 objects in the seed: "
        f"s3://my-exports/orders/1.csv, s3://my-exports/orders/{QUOTED}\n" in told
    )


def test_both_triggers_send_as_often_as_it_is_asked_for(capsys: Captured, tmp_path: Path) -> None:
    code, report, _ = run(capsys, write(tmp_path, SCHEDULE + OBJECTS, "orders/1.csv"), "--count", "2")
    assert (code, report["messagesSent"], records(report)) == (0, 4, [1, 1, 3, 3])


def test_a_message_that_is_named_takes_the_place_of_the_triggers(capsys: Captured, tmp_path: Path) -> None:
    message = tmp_path / "message.json"
    message.write_text('{"source": {"kind": "inline", "records": [{"id": "m1"}]}}', encoding="utf-8")
    code, report, told = run(capsys, write(tmp_path, SCHEDULE), "--message", str(message))
    assert (code, report["messagesSent"], records(report), "sends" in told) == (0, 1, [1], False)


def test_without_an_object_that_matches_nothing_is_sent_and_the_run_is_refused(
    capsys: Captured, tmp_path: Path
) -> None:
    code, _, told = run(capsys, write(tmp_path, OBJECTS, "orders/readme.txt"))
    assert code == 2
    assert told.endswith(
        "no trigger sends a message: of 1 object in the seed none matches s3_events; put one that does into "
        "fixtures/{name}/s3/{bucket}/ beside the declaration, or name a message with --message FILE\n"
    )


@pytest.mark.parametrize(
    "case",
    [
        (SCHEDULE, "ScheduleRole", "schedule ceap-tried-local-schedule: An error occurred (AccessDenied"),
        (OBJECTS, "QueuePolicy", "rule ceap-tried-local-objects: the policy of ceap-tried-local-queue does not allow"),
    ],
)
def test_a_trigger_that_may_not_send_fails_the_run(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: tuple[str, str, str]
) -> None:
    triggers, resource, said = case
    deploy = Engine.deploy

    def without_grant(self: Engine, text: str, name: str, parameters: Any = None) -> Any:
        begin, found, rest = text.partition(f"\n  {resource}:\n")
        return deploy(self, begin + found + rest.replace("sqs:SendMessage", "sqs:ReceiveMessage", 1), name, parameters)

    monkeypatch.setattr(Engine, "deploy", without_grant)
    code, report, _ = run(capsys, write(tmp_path, triggers, "orders/1.csv"))
    assert (code, report["status"], report["messagesSent"], report["executions"]) == (1, "FAILED", 1, [])
    [problem] = report["problems"]
    assert problem.startswith(said)
