"""Commands on a workflow whose functions CloudFormation names: deployed, looked at, switched and gone back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ceap import project
from ceap.cli import main
from ceap.local.engine import Engine
from templates.stacks import workflow_stack
from tests.commands.shipping import Team, aws_of_ship
from tests.local.stacks.support import Stacks
from tests.local.support import STAGES, Deployed, deploy_express
from tests.operated import aws_of
from tests.reference import EXPRESS, MESSAGE

NAMED = EXPRESS.read_text(encoding="utf-8")
SIFT = "    handler: sift\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "express.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def declaration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The EXPRESS workflow of the reference project, with names of CloudFormation's."""
    return written(tmp_path_factory.mktemp("generated"), f"{NAMED}naming: generated\n")


@pytest.fixture(scope="module")
def deployed(declaration: Path) -> Iterator[Deployed]:
    """That workflow in an engine, which is AWS, with a message that succeeded."""
    with Engine.start() as engine, aws_of(engine):
        [workflow] = project.load_workflows([declaration])
        found = deploy_express(engine, workflow_stack(workflow))
        engine.send(found.queue, MESSAGE)
        engine.drain()
        yield found


@pytest.fixture
def message(tmp_path: Path) -> Path:
    path = tmp_path / "message.json"
    path.write_text(MESSAGE, encoding="utf-8")
    return path


def test_status_finds_a_workflow_with_generated_names_healthy(
    deployed: Deployed, declaration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--env", "dev", str(declaration), "--json"]) == 0
    [status] = json.loads(capsys.readouterr().out)["workflows"]
    assert (status["verdict"], status["facts"]["unread"]) == ("healthy", [])
    assert status["facts"]["executions"]["succeeded"] == 1


def test_logs_has_the_lines_of_functions_with_generated_names(
    deployed: Deployed, declaration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["logs", "--env", "dev", str(declaration), deployed.engine.executions[0].name]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines if "stage started" in line] == list(STAGES)


def test_trace_tells_what_functions_with_generated_names_did(
    deployed: Deployed, declaration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["trace", "--env", "dev", str(declaration), deployed.engine.executions[0].name]) == 0
    told = capsys.readouterr().out
    assert [stage for stage in STAGES if stage not in told] == []


def test_what_a_workflow_costs_does_not_hang_on_who_names_its_functions(
    declaration: Path, message: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bills = []
    for path in (EXPRESS, declaration):
        assert main(["cost", str(path), "--message", str(message)]) == 0
        bills.append(capsys.readouterr().out)
    assert bills[0] == bills[1]


def test_a_local_run_shows_stages_with_generated_names(
    declaration: Path, message: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(declaration), "--message", str(message), "--json"]) == 0
    [execution] = json.loads(capsys.readouterr().out)["executions"]
    assert execution["status"] == "SUCCEEDED"
    assert [stage["stage"] for stage in execution["stages"]] == list(STAGES)


def test_a_team_switches_a_function_to_a_generated_name_and_goes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with aws_of_ship() as engine:
        team, stacks = Team(engine, "names", written(tmp_path, NAMED)), Stacks(engine)
        assert team.ceap("deploy") == 0
        written(tmp_path, NAMED.replace(SIFT, f"{SIFT}    naming: generated\n"))
        capsys.readouterr()
        assert team.ceap("deploy") == 1
        told = capsys.readouterr().err
        assert (
            "SiftFunction (AWS::Lambda::Function) would be replaced, as FunctionName changes; the old one is deleted"
            in told
        )
        assert "give --allow-replacement if that is meant" in told

        assert team.ceap("deploy", "--allow-replacement") == 0
        name = stacks.physical(team.stack)["SiftFunction"]
        assert re.fullmatch(r"ceap-express-names-SiftFunction-\w{12}", name)
        assert team.ceap("rollback", "--allow-replacement") == 0
        assert stacks.physical(team.stack)["SiftFunction"] == "ceap-express-names-Sift"
        assert team.status() == "UPDATE_COMPLETE"
        engine.send(team.queue(), MESSAGE)
        assert [each.status for each in engine.drain()] == ["SUCCEEDED"]
