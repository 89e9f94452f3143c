"""A replay from a stage: what is copied, what runs, and that nothing else does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from ceap.aws.log_lines import parsed, read_lines
from ceap.local.engine import Engine
from ceap.local.executions import Execution
from ceap.local.sessions import Decision
from ceap.operate.replay_from import Replayed
from templates.stacks import workflow_stack
from tests.local.support import Deployed, standard_template, statuses
from tests.operate.replays import changed_workflow, deploy, fail, objects_of, replay, run, update
from tests.operated import Operated, operated

BEFORE = ["TakeStage", "SiftStage", "HeavyStage", "RateStage"]
STAGES = [*BEFORE, "KeepStage", "TellStage", "AgainStage"]
RECORDS = json.dumps({"source": {"kind": "inline", "records": [{"id": "r1"}, {"id": "r2"}]}})
AUDIT = {"executionId", "startedAt", "processingTimeMs", "copiedFrom", "skip"}
ROLES = {
    "TakeStage": "TakeFunctionRole",
    "SiftStage": "SiftFunctionRole",
    "HeavyStage": "HeavyJobRole",
    "RateStage": "RateFunctionRole",
    "KeepStage": "KeepFunctionRole",
    "TellStage": "TellFunctionRole",
}


class Story(NamedTuple):
    """An execution that failed at KeepStage, and its replay from there with a definition that was changed."""

    found: Operated
    failed: Execution
    replayed: Replayed
    execution: Execution
    decisions: list[Decision]
    logged: dict[str, list[str]]
    """What each stage has logged by then."""

    @property
    def deployed(self) -> Deployed:
        return self.found.deployed


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    with operated("standard", deploy) as found:
        failed = fail(found.deployed, "KeepStage")
        update(found.deployed, workflow_stack(changed_workflow()))
        seen = len(found.engine.trace)
        replayed = replay(found, failed.name, "KeepStage", f"{failed.name}-replay-1")
        execution = found.engine.drain()[-1]
        decisions = found.engine.trace[seen:]
        logged = {
            worker.stage: [line.message for line in read_lines(found.aws, worker.log_groups[0])]
            for worker in found.workflow.workers
        }
        yield Story(found, failed, replayed, execution, decisions, logged)


@pytest.fixture(scope="module")
def unbroken() -> Iterator[tuple[Deployed, Execution]]:
    """A run of the same message through the changed definition, in an engine of its own."""
    with Engine.start() as engine:
        deployed = deploy(engine, workflow_stack(changed_workflow()))
        yield deployed, run(deployed)


def calls_of(decisions: list[Decision], role: str) -> list[tuple[str, str]]:
    """Return what a role has called but to log, each with what stands behind the bucket's name."""
    return [
        (decision.action, decision.resource.partition("/")[2])
        for decision in decisions
        if decision.role == role and not decision.action.startswith("logs:")
    ]


def bare(value: Any) -> Any:
    """Return a document without what differs between any two runs."""
    if isinstance(value, dict):
        return {name: bare(part) for name, part in value.items() if name not in AUDIT}
    return [bare(part) for part in value] if isinstance(value, list) else value


def test_the_new_execution_runs_the_current_definition_from_the_stage(story: Story) -> None:
    assert story.execution.name == f"{story.failed.name}-replay-1"
    assert story.execution.arn == story.replayed.arn
    assert story.execution.status == "SUCCEEDED"
    assert {stage: statuses(story.execution, stage) for stage in STAGES} == {stage: ["SUCCEEDED"] for stage in STAGES}


def test_what_the_stages_before_wrote_is_taken_over_byte_by_byte(story: Story) -> None:
    before, after = (objects_of(story.deployed, one.name) for one in (story.failed, story.execution))
    outputs = [f"{stage}/output.json" for stage in BEFORE]
    rejected = ["SiftStage/rejected.jsonl", "TakeStage/rejected.jsonl"]
    assert sorted(key for key in after if key.split("/")[0] in BEFORE) == sorted(outputs + rejected)
    assert [after[key] for key in rejected] == [before[key] for key in rejected]
    for key in outputs:
        first, _, rest = after[key].partition(b"\n")
        old, _, expected = before[key].partition(b"\n")
        assert rest == expected
        assert json.loads(first + b"]}") == json.loads(old + b"]}") | {
            "executionId": story.execution.name,
            "copiedFrom": story.failed.name,
            "skip": BEFORE,
        }


def test_its_documents_are_those_of_a_run_that_did_not_break(
    story: Story, unbroken: tuple[Deployed, Execution]
) -> None:
    deployed, whole = unbroken
    assert whole.status == "SUCCEEDED"
    expected, found = objects_of(deployed, whole.name), objects_of(story.deployed, story.execution.name)
    assert found.keys() == expected.keys()
    for key in expected:
        if key.endswith("output.json"):
            assert bare(json.loads(found[key])) == bare(json.loads(expected[key]))
        else:
            assert found[key] == expected[key]


def test_a_skipped_stage_reads_the_first_line_of_its_input_and_calls_nothing_else(story: Story) -> None:
    assert all(decision.allowed for decision in story.decisions)
    made = {stage: calls_of(story.decisions, story.deployed.role(ROLES[stage])) for stage in BEFORE}
    prefix = f"executions/{story.execution.name}"
    assert made == {
        "TakeStage": [],
        "SiftStage": [("s3:GetObject", f"{prefix}/TakeStage/output.json")],
        "HeavyStage": [
            ("s3:GetObject", "scripts/heavy.py"),
            ("s3:GetObject", "scripts/lib.zip"),
            ("s3:GetObject", f"{prefix}/SiftStage/output.json"),
        ],
        "RateStage": [("s3:GetObject", f"{prefix}/HeavyStage/output.json")],
    }


def test_a_job_that_is_skipped_says_so(story: Story) -> None:
    assert [line for line in story.logged["HeavyStage"] if "skipped" in line] == [f"skipped {story.failed.name}"]


def test_a_skipped_stage_logs_where_its_output_comes_from_and_measures_nothing(story: Story) -> None:
    lines = [parsed(line) for line in story.logged["RateStage"]]
    lines = [line for line in lines if "_aws" in line or "currentStage" in line]
    of_replay = [line.get("executionId") == story.execution.name for line in lines]
    before, own = lines[: of_replay.index(True)], lines[of_replay.index(True) :]
    assert any("_aws" in line for line in before)
    assert [line.get("message") for line in own] == ["stage started", "stage paths", "stage skipped"]
    assert own[-1]["copiedFrom"] == story.failed.name


def test_the_new_execution_keeps_the_message_that_it_comes_from(story: Story) -> None:
    [old], [new] = json.loads(story.failed.input), json.loads(story.execution.input)
    assert (new["messageId"], new["attributes"]) == (old["messageId"], old["attributes"])
    assert json.loads(new["body"]) == {
        "executionId": story.execution.name,
        "copiedFrom": story.failed.name,
        "skip": BEFORE,
    }


def test_it_says_what_was_copied_and_what_runs(story: Story) -> None:
    *copied, begins = story.replayed.text().splitlines()
    assert [line.partition("  ")[0] for line in copied] == [
        "TakeStage/rejected.jsonl",
        "TakeStage/output.json",
        "SiftStage/rejected.jsonl",
        "SiftStage/output.json",
        "HeavyStage/output.json",
        "RateStage/output.json",
    ]
    size = len(objects_of(story.deployed, story.execution.name)["RateStage/output.json"])
    assert copied[-1] == f"RateStage/output.json  {size:,} bytes, copied"
    assert begins == f"begins at KeepStage; skips {', '.join(BEFORE)}, with what they wrote in {story.failed.name}"


def test_a_replay_of_a_replay_repeats_no_effect_and_names_where_each_document_comes_from(story: Story) -> None:
    engine, tables = story.found.engine, ("ceap-records-dev", "ceap-told-dev", "ceap-ratings-dev")

    def items() -> list[Any]:
        return [engine.client("dynamodb").scan(TableName=table)["Items"] for table in tables]

    before, seen, name = items(), len(engine.trace), f"{story.failed.name}-replay-2"
    replay(story.found, story.execution.arn, "AgainStage", name)
    execution = engine.drain()[-1]
    assert (execution.name, execution.status) == (name, "SUCCEEDED")
    assert all(before)
    assert items() == before
    skipped = {story.deployed.role(role) for role in ROLES.values()}
    actions = {call.action for call in engine.trace[seen:] if call.role in skipped and "logs:" not in call.action}
    assert actions == {"s3:GetObject"}
    documents = objects_of(story.deployed, name)
    originals = {stage: json.loads(documents[f"{stage}/output.json"]).get("copiedFrom") for stage in STAGES}
    assert originals == {
        **dict.fromkeys(BEFORE, story.failed.name),
        **dict.fromkeys(["KeepStage", "TellStage"], story.execution.name),
        "AgainStage": None,
    }


def test_a_workflow_that_begins_with_a_job_is_replayed_from_a_later_stage() -> None:
    def deploy_glue_first(engine: Engine) -> Deployed:
        return deploy(engine, standard_template("GlueStage", "SiftStage", "KeepStage"))

    with operated("standard", deploy_glue_first) as found:
        failed = fail(found.deployed, "KeepStage", RECORDS)
        replay(found, failed.name, "KeepStage", f"{failed.name}-replay-1")
        execution = found.engine.drain()[-1]
        assert execution.status == "SUCCEEDED"
        before, after = (objects_of(found.deployed, name) for name in (failed.name, execution.name))
        assert sorted(after.keys() - before.keys()) == ["KeepStage/output.json"]
        for stage in ("GlueStage", "SiftStage"):
            assert (
                after[f"{stage}/output.json"].partition(b"\n")[2] == before[f"{stage}/output.json"].partition(b"\n")[2]
            )
        assert [record["id"] for record in json.loads(after["KeepStage/output.json"])["data"]] == ["r1", "r2"]
