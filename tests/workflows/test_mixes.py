"""The sample's stages on their way to ceap: whatever mix of old and new, it leaves what the new stages leave."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ceap import project
from ceap.cli import main
from handlers.runtime.contract import PermanentStageError, TransientStageError, error_key, output_key
from tests.local.support import Deployed, document_of, statuses
from tests.workflows.mixes import MESSAGE, SEED, STAGES, Left, declare, deployed_mix, left_by

LATER = json.dumps(
    {
        "programId": "post-purchase",
        "marketplace": "de",
        "source": {
            "kind": "inline",
            "records": [
                # The same again, one of a new version, one of an older version, and a new one.
                {"customerId": "customer-01", "subjectId": "o-1001", "eventDate": "2026-11-20T09:15:00Z"},
                {"customerId": "customer-02", "subjectId": "o-1002", "eventDate": "2026-11-20T19:00:00Z"},
                {"customerId": "customer-07", "subjectId": "o-1007", "eventDate": 1795168800000, "sourceVersion": 3},
                {"customerId": "customer-12", "subjectId": "o-1012", "eventDate": "2026-11-20T20:00:00Z"},
            ],
        },
    }
).replace('"subjectId"', '"subjectType": "order", "subjectId"')
RECORDS_OUT = {"ETL": [11, 4], "Filter": [9, 4], "Score": [9, 4], "Store": [8, 3], "Reactive": [8, 3]}
ITEMS = {"program_config": 1, "score_cache": 27, "candidates": 9, "event_deduplication": 9}

KINDS = ("EXPRESS", "STANDARD")
ONE_AT_A_TIME = [STAGES[migrated:] for migrated in range(len(STAGES))]
FROM_THE_BACK = [STAGES[:-1]]
BY_TURNS = [("ETL", "Score", "Reactive"), ("Filter", "Store")]

Migrated = Callable[[str], Left]


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Migrated:
    """Return what a workflow of a type leaves in which no stage is old any more; call it while no engine runs."""

    def run(kind: str) -> Left:
        with deployed_mix(declare(tmp_path_factory.mktemp(kind), kind, ())) as (deployed, _):
            for body in (MESSAGE, LATER):
                send(deployed, body)
            return left_by(deployed)

    return cache(run)


def send(deployed: Deployed, body: str) -> None:
    deployed.engine.send(deployed.queue, body)
    deployed.engine.drain()


def invoked(deployed: Deployed, functions: dict[str, str]) -> dict[str, int]:
    """Return by stage how often its function was allowed to invoke the old one."""
    asked = [call.resource for call in deployed.engine.trace if call.action == "lambda:InvokeFunction" and call.allowed]
    return {stage: asked.count(arn) for stage, arn in functions.items() if arn in asked}


def unbalanced(deployed: Deployed) -> list[dict[str, Any]]:
    """Return the metadata of stages that do not account for each record, or took others than the one before gave."""
    wrong = []
    for execution in deployed.engine.executions:
        given = None
        for stage in STAGES:
            metadata = document_of(deployed, execution, f"{stage}Stage")["metadata"]
            taken, expanded, *gone = (
                metadata[f"{way}RecordCount"] for way in ("input", "expanded", "output", "rejected", "merged", "stale")
            )
            if taken + expanded != sum(gone) or given not in (None, taken):
                wrong.append(metadata)
            given = metadata["outputRecordCount"]
    return wrong


@pytest.mark.parametrize("kind", KINDS)
def test_the_new_stages_leave_what_the_messages_are_made_for(migrated: Migrated, kind: str) -> None:
    left = migrated(kind)
    out = {stage: [len(records.splitlines()) for records in documents] for stage, documents in left.records.items()}
    assert out == RECORDS_OUT
    assert {table: len(items) for table, items in left.tables.items()} == ITEMS
    assert len(set(left.events)) == 9
    told = [json.loads(f"[{records}]") for records in left.records["Reactive"]]
    assert [{record["reason"] for record in records} for records in told] == [
        {"PUBLISHED"},
        {"ALREADY_PUBLISHED", "IN_WINDOW", "PUBLISHED"},
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("old", [*ONE_AT_A_TIME, *FROM_THE_BACK, *BY_TURNS], ids="-".join)
def test_a_mix_of_old_and_new_stages_leaves_what_the_new_ones_leave(
    tmp_path: Path, migrated: Migrated, old: tuple[str, ...], kind: str
) -> None:
    expected = migrated(kind)
    with deployed_mix(declare(tmp_path, kind, old)) as (deployed, functions):
        for body in (MESSAGE, LATER):
            send(deployed, body)
        runs = [
            (execution.status, [statuses(execution, f"{stage}Stage") for stage in STAGES])
            for execution in deployed.engine.executions
        ]
        assert runs == [("SUCCEEDED", [["SUCCEEDED"]] * 5)] * 2
        assert left_by(deployed) == expected
        assert invoked(deployed, functions) == dict.fromkeys(old, 2)
        assert unbalanced(deployed) == []
        assert [call for call in deployed.engine.trace if not call.allowed] == []
        assert deployed.engine.messages(deployed.queue) == deployed.dead_letters == []


@pytest.mark.parametrize(
    ("raised", "error", "attempts"),
    [("KeyError", TransientStageError, 3), ("PermanentStageError", PermanentStageError, 1)],
)
def test_an_old_stage_that_keeps_failing_sends_the_message_to_the_dead_letter_queue(
    tmp_path: Path, migrated: Migrated, raised: str, error: type[Exception], attempts: int
) -> None:
    expected = migrated("EXPRESS")
    with deployed_mix(declare(tmp_path, "EXPRESS", ("Score", "Store"))) as (deployed, functions):
        inject = deployed.engine.functions.inject
        inject(functions["Score"].rpartition(":")[2], raised, None)
        send(deployed, MESSAGE)
        executions = deployed.engine.executions
        assert [(each.status, each.error, statuses(each, "ScoreStage")) for each in executions] == [
            ("FAILED", error.__name__, ["FAILED"] * attempts)
        ] * 3
        assert deployed.dead_letters == [MESSAGE]
        objects = deployed.objects()
        assert all(output_key(each.name, "FilterStage") in objects for each in executions)
        said = json.loads(objects[error_key(executions[0].name, "ScoreStage")])
        assert (said["errorType"], raised in said["errorMessage"]) == (error.__name__, True)
        assert left_by(deployed).events == left_by(deployed).tables["candidates"] == []

        inject(functions["Score"].rpartition(":")[2], raised, 0)
        for body in (*deployed.dead_letters, LATER):
            send(deployed, body)
        assert left_by(deployed) == expected


def test_an_execution_that_an_old_stage_failed_is_redriven_once_that_is_corrected(
    tmp_path: Path, migrated: Migrated
) -> None:
    expected = migrated("STANDARD")
    with deployed_mix(declare(tmp_path, "STANDARD", ("Score", "Store"))) as (deployed, functions):
        store, inject = functions["Store"].rpartition(":")[2], deployed.engine.functions.inject
        inject(store, "KeyError", None)
        send(deployed, MESSAGE)
        [execution] = deployed.engine.executions
        assert (execution.status, execution.error) == ("FAILED", TransientStageError.__name__)
        assert statuses(execution, "StoreStage") == ["FAILED"] * 3
        assert [alert["detail"]["executionArn"] for alert in deployed.alerts] == [execution.arn]
        assert deployed.engine.messages(deployed.queue) == deployed.dead_letters == []

        inject(store, "KeyError", 0)
        deployed.engine.client("stepfunctions").redrive_execution(executionArn=execution.arn)
        deployed.engine.drain()
        send(deployed, LATER)
        assert left_by(deployed) == expected
        assert [statuses(execution, f"{stage}Stage") for stage in ("ETL", "Filter", "Score")] == [["SUCCEEDED"]] * 3


def test_ceap_run_takes_the_old_functions_from_the_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(SEED, tmp_path / "seed")
    shutil.copytree(project.WORKFLOWS / "fixtures" / "realtime" / "tables", tmp_path / "seed" / "tables")
    (tmp_path / "message.json").write_text(MESSAGE, encoding="utf-8")
    declaration = declare(tmp_path, "EXPRESS", ("ETL", "Score", "Store"))
    words = ("--seed", str(tmp_path / "seed"), "--message", str(tmp_path / "message.json"), "--json")
    assert main(["run", str(declaration), *words]) == 0
    report = json.loads(capsys.readouterr().out)
    [execution] = report["executions"]
    assert [(stage["stage"], stage["recordsIn"], stage["recordsOut"]) for stage in execution["stages"]] == [
        ("ETLStage", 11, 11),  # of the first stage, what the function returns counts
        ("FilterStage", 11, 9),
        ("ScoreStage", 9, 9),
        ("StoreStage", 9, 8),
        ("ReactiveStage", 8, 8),
    ]
    assert report["eventsPublished"] == 8
