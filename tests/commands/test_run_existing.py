"""`ceap run` and `ceap invoke` of steps that existing functions do: folders of the seed, and what is told of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ceap.cli import main

DECLARATION = """\
name: express
type: EXPRESS
steps:
  - {stage: TakeStage, handler: take}
  - {stage: RateStage, legacy: RateFunctionArn}
  - {stage: KeepStage, handler: keep}
"""
SOURCE = '{"source": {"kind": "inline", "records": [{"id": "r1"}, {"id": "r2"}]}}'
RATE = """\
import importlib.util
import os

CALLS = []


def lambda_handler(event, context):
    CALLS.append(context.aws_request_id)
    print("rating", len(event), "records in", context.function_name)
    has_ceap = any(map(importlib.util.find_spec, ("ceap", "handlers", "templates")))
    return [record | {"rate": 1, "table": os.environ.get("TABLE"), "ceap": has_ceap} for record in event]
"""
BROKEN = """\
def lambda_handler(event, context):
    return [rate(record) for record in event]


def rate(record):
    return record | {"rate": record["colour"]}
"""
READING = """\
import boto3


def lambda_handler(event, context):
    boto3.resource("dynamodb").Table("ceap-ratings-local").get_item(Key={"PK": "a", "SK": "b"})
    return event
"""
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return the declaration of a workflow, with its message and the code of its function."""
    (tmp_path / "messages").mkdir()
    (tmp_path / "messages" / "express.json").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "express.yaml").write_text(DECLARATION, encoding="utf-8")
    write(tmp_path, RATE)
    return tmp_path / "express.yaml"


def home(folder: Path) -> Path:
    return folder / "fixtures" / "express" / "functions" / "RateFunctionArn"


def write(folder: Path, code: str, configuration: Any = None) -> None:
    place = home(folder)
    place.mkdir(parents=True, exist_ok=True)
    (place / "lambda_function.py").write_text(code, encoding="utf-8")
    if configuration is not None:
        place.with_name("RateFunctionArn.json").write_text(json.dumps(configuration), encoding="utf-8")


def run(capsys: Captured, declaration: Path, *words: str) -> tuple[int, dict[str, Any], str]:
    """Return the exit code, the report and what was told on the way."""
    code = main(["run", str(declaration), "--json", *words])
    out, told = capsys.readouterr()
    return code, json.loads(out), told


def outputs(kept: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the records of each stage of the one execution of a run that was kept."""
    found = (kept / "latest").resolve().glob("executions/*/*/output.json")
    return {path.parent.name: json.loads(path.read_text(encoding="utf-8"))["data"] for path in found}


def test_a_run_makes_the_function_of_its_folder_and_the_stage_calls_it(
    capsys: Captured, project: Path, tmp_path: Path
) -> None:
    write(tmp_path, RATE, {"environment": {"TABLE": "ratings-${Environment}"}})
    code, report, told = run(capsys, project, "--logs", "--keep", str(tmp_path / "kept"))
    [execution] = report["executions"]
    assert (code, [(stage["recordsIn"], stage["recordsOut"]) for stage in execution["stages"]]) == (0, [(2, 2)] * 3)
    rated = [{"id": name, "rate": 1, "table": "ratings-local", "ceap": False} for name in ("r1", "r2")]
    assert outputs(tmp_path / "kept")["RateStage"] == rated
    assert f"seed {tmp_path}/fixtures/express: existing function RateFunctionArn\n" in told
    assert "  RateStage            | rating 2 records in RateFunction\n" in told
    [log] = (tmp_path / "kept" / "latest").resolve().glob("executions/*/logs/RateStage.log")
    assert "\nrating 2 records in RateFunction\n" in log.read_text(encoding="utf-8")


def test_what_the_function_raises_is_shown_as_the_failure_of_the_stage_with_its_place(
    capsys: Captured, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, BROKEN)
    monkeypatch.chdir(tmp_path)
    code, report, told = run(capsys, project)
    assert (code, report["messagesDeadLettered"]) == (1, 1)
    place = "fixtures/express/functions/RateFunctionArn/lambda_function.py"
    assert (
        "\nRateStage failed in attempt 1 of execution 1, having taken 2 records\n"
        f"  RateFunction failed: KeyError: 'colour', at {place}:6\n"
        f"    {place}:2 in lambda_handler\n"
        "        return [rate(record) for record in event]\n"
    ) in told
    assert "  again in attempts 2 and 3, and in executions 2 and 3\n" in told
    assert told.count("KeyError: 'colour'") == 2  # at the first attempt and at the end


def test_a_call_that_its_role_may_not_make_is_denied_with_the_line_that_allows_it(
    capsys: Captured, project: Path, tmp_path: Path
) -> None:
    write(tmp_path, READING)
    code, _, told = run(capsys, project, "--once")
    denied = re.search(r"RateFunction failed: ClientError: dynamodb:GetItem on (arn:.*-ratings-local) was denied", told)
    assert (code, bool(denied)) == (1, True)
    policy = {"Statement": [{"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": denied and denied[1]}]}
    assert f'cure: allow the call in {home(tmp_path)}.json: "policy": {json.dumps(policy)}\n' in told
    statement = {**policy["Statement"][0], "Resource": "arn:aws:dynamodb:*:${AWS::AccountId}:table/*-${Environment}"}
    write(tmp_path, READING, {"policy": {"Statement": [statement]}})
    assert run(capsys, project)[0] == 0


@pytest.mark.parametrize(
    ("code", "cure"),
    [
        ("import sortedcontainers", "put its package beside the code, as in the function's zip: pip install --target"),
        ("def lambda_handler(*_):\n    import time\n    time.sleep(60)", "raise timeout_s in {}.json, now 1, or make"),
    ],
)
def test_the_cure_is_in_the_folder_of_the_function(
    capsys: Captured, project: Path, tmp_path: Path, code: str, cure: str
) -> None:
    write(tmp_path, code, {"timeout_s": 1})
    exit_code, _, told = run(capsys, project, "--once")
    assert exit_code == 1
    assert f"cure: {cure.format(home(tmp_path))}" in told


@pytest.mark.parametrize(
    "words", [[], ["--seed", "other"], ["--serve"], ["--from", "KeepStage", "--input", "kept/latest"]]
)
def test_a_function_without_a_folder_is_refused_before_anything_is_deployed(
    capsys: Captured, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run(capsys, project, "--keep", "kept")
    home(tmp_path).rename(home(tmp_path).with_name("RateFunction"))
    Path("other").mkdir()
    assert main(["run", "express.yaml", *words]) == 2
    place = "other" if words[:1] == ["--seed"] else "fixtures/express"
    instead = "" if words[:1] == ["--seed"] else "; the seed has RateFunction, which no step names"
    assert capsys.readouterr().err == (
        f"ceap: {place}/functions/RateFunctionArn/lambda_function.py: is missing: RateStage is done by an existing "
        "function (legacy: RateFunctionArn); put its code there, with lambda_handler(event, context)"
        f"{instead}\n"
    )


def test_a_kept_run_is_gone_on_with_and_takes_the_functions_of_the_fixtures(
    capsys: Captured, project: Path, tmp_path: Path
) -> None:
    run(capsys, project, "--keep", str(tmp_path / "kept"))
    latest = str(tmp_path / "kept" / "latest")
    code, report, told = run(capsys, project, "--from", "RateStage", "--input", latest, "--seed", latest)
    [execution] = report["executions"]
    assert (code, [stage["stage"] for stage in execution["stages"]]) == (0, ["RateStage", "KeepStage"])
    assert "an earlier run: table records with 2 items, existing function RateFunctionArn\n" in told


def invoke(capsys: Captured, declaration: Path, tmp_path: Path) -> tuple[int, list[dict[str, Any]], str]:
    """Invoke the stage of the function; return the exit code, its records and what was told."""
    (tmp_path / "records.jsonl").write_text('{"id": "r1"}\n', encoding="utf-8")
    code = main(["invoke", str(declaration), "RateStage", "--input", str(tmp_path / "records.jsonl")])
    out, told = capsys.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], told


def test_a_stage_that_is_invoked_alone_calls_its_function_and_shows_what_it_prints(
    capsys: Captured, project: Path, tmp_path: Path
) -> None:
    code, [record], told = invoke(capsys, project, tmp_path)
    assert (code, record) == (0, {"id": "r1", "rate": 1, "table": None, "ceap": False})
    assert "\nrating 1 records in RateFunction\n" in told


def test_a_stage_that_is_invoked_alone_shows_where_its_function_failed(
    capsys: Captured, project: Path, tmp_path: Path
) -> None:
    write(tmp_path, BROKEN)
    code, records, told = invoke(capsys, project, tmp_path)
    assert (code, records) == (1, [])
    assert f"  RateFunction failed: KeyError: 'colour', at {home(tmp_path)}/lambda_function.py:6\n" in told
