"""A workflow's life on AWS, which the local engine serves: deployed, changed, gone back, destroyed, deployed again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ceap import cli, project
from ceap.deploy import artifacts
from ceap.deploy.history import Operation, Outcome
from ceap.deploy.package import Package
from ceap.local.engine import Engine
from ceap.local.packages import build_zips
from tests.reference import EXPRESS, MESSAGE

STACK = "ceap-express-{}"

# The process gets a signal right after a call of AWS, on its n-th time.
STOPPED = """
import os, pathlib, signal, sys
given = dict(os.environ)  # from which the engine's package removes what is of AWS
import botocore.client
import tests.conftest
from ceap import project
from ceap.cli import main
from ceap.deploy import artifacts
from ceap.deploy.package import Package
from ceap.local.packages import build_zips
os.environ.update(given)
operation, left, number = sys.argv.pop(1).split(":")
left = [int(left)]
call = botocore.client.BaseClient._make_api_call
def make(self, name, given):
    answer = call(self, name, given)
    left[0] -= name == operation
    if not left[0]:
        os.kill(os.getpid(), int(number))
    return answer
botocore.client.BaseClient._make_api_call = make
artifacts._build_zips = lambda *_: ((name, Package(content, ())) for name, content in build_zips().items())
project.GENERATED = pathlib.Path("generated")
sys.exit(main())
"""


def stand_in_for_project() -> None:
    """Let what is deployed be packaged as the engine runs it, and not be compared with the project's own templates."""
    artifacts._build_zips = lambda *_: ((name, Package(content, ())) for name, content in build_zips().items())
    project.GENERATED = Path("generated")  # type: ignore[misc]  # as in a project without these stages


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine.start(warm=False) as engine, pytest.MonkeyPatch.context() as patch:
        patch.setattr(artifacts, "_build_zips", artifacts._build_zips)
        patch.setattr(project, "GENERATED", project.GENERATED)
        stand_in_for_project()
        yield engine


@pytest.fixture(autouse=True)
def declaration(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The EXPRESS workflow of the reference project, for a test to change; the engine is AWS."""
    for name, value in engine.driver.variables(engine.url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "express.yaml"
    path.write_text(EXPRESS.read_text(encoding="utf-8"), encoding="utf-8")
    return path


class Team:
    """Those who call ceap for one environment of the engine."""

    def __init__(self, engine: Engine, environment: str, declaration: Path) -> None:
        self.engine = engine
        self.environment = environment
        self.stack = STACK.format(environment)
        self.declaration = declaration

    def ceap(self, command: str, *options: str) -> int:
        return cli.main([command, "--env", self.environment, str(self.declaration), "--yes", *options])

    def describe(self, description: str) -> None:
        """Change the declaration, so that the next deployment has something to change."""
        lines = [line for line in EXPRESS.read_text(encoding="utf-8").splitlines() if "description:" not in line]
        self.declaration.write_text("\n".join([*lines, f"tags: {{version: {description}}}", ""]), encoding="utf-8")

    def version(self) -> str | None:
        """Return the version that is deployed, as the tag of a function says."""
        arn = f"arn:aws:lambda:us-east-1:{self.engine.account}:function:{self.stack}-Take"
        tags: dict[str, str] = self.engine.client("lambda").list_tags(Resource=arn)["Tags"]
        return tags.get("version")

    def status(self) -> str:
        [stack] = self.engine.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        return str(stack["StackStatus"])

    def records(self) -> list[tuple[str, str]]:
        """Return operation and outcome of what was recorded, in order."""
        bucket, prefix = f"ceap-artifacts-{self.environment}-{self.engine.account}", f"deployments/{self.stack}/"
        keys = [(key, content) for key, content in self.engine.objects(bucket) if key.startswith(prefix)]
        found: list[dict[str, Any]] = [json.loads(content) for key, content in keys if key.endswith(".json")]
        return [(each["operation"], each["outcome"]) for each in found]

    def queue(self) -> str:
        url: str = self.engine.client("sqs").get_queue_url(QueueName=f"{self.stack}-queue")["QueueUrl"]
        return url


def test_a_rollback_goes_back_and_a_second_one_further(
    engine: Engine, declaration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    team = Team(engine, "back", declaration)
    for version in ("a", "b", "c"):
        team.describe(version)
        assert team.ceap("deploy") == 0
    assert [(team.ceap("rollback"), team.version()) for _ in range(3)] == [(0, "b"), (0, "a"), (1, "a")]
    assert (
        capsys.readouterr()
        .err.rstrip()
        .endswith("ceap: ceap-express-back: there is no earlier deployment to go back to; deploy an older revision")
    )


def test_a_failed_update_is_undone_and_explained_by_its_first_cause(
    engine: Engine, declaration: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    team = Team(engine, "fail", declaration)
    assert team.ceap("deploy") == 0
    text = declaration.read_text(encoding="utf-8")
    declaration.write_text(text.replace("stage: TellStage", "stage: SpeakStage"), encoding="utf-8")

    def take_the_name(question: str) -> bool:
        engine.client("logs").create_log_group(logGroupName="/aws/lambda/ceap-express-fail-Speak")
        return True

    monkeypatch.setattr("ceap.deploy.shipping.confirm", take_the_name)
    words = ["deploy", "--env", "fail", str(declaration), "--allow-replacement"]
    assert cli.main(words) == 1
    assert "SpeakFunctionLogGroup (AWS::Logs::LogGroup): " in capsys.readouterr().err.splitlines()[-1]
    assert team.status() == "UPDATE_ROLLBACK_COMPLETE"
    assert team.records() == [(Operation.DEPLOY, Outcome.DONE), (Operation.DEPLOY, Outcome.FAILED)]


def test_a_failed_creation_is_deleted_and_made_again(
    engine: Engine, declaration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    team, logs, name = Team(engine, "anew", declaration), engine.client("logs"), "/aws/lambda/ceap-express-anew-Take"

    def take_the_name(question: str) -> bool:
        if "express" in question:
            logs.create_log_group(logGroupName=name)
        return True

    monkeypatch.setattr("ceap.deploy.shipping.confirm", take_the_name)
    assert cli.main(["deploy", "--env", "anew", str(declaration)]) == 1
    assert team.status() == "ROLLBACK_COMPLETE"
    logs.delete_log_group(logGroupName=name)
    assert team.ceap("deploy") == 0
    assert team.status() == "CREATE_COMPLETE"


def test_no_message_is_lost_from_a_destruction_to_the_next_deployment(engine: Engine, declaration: Path) -> None:
    team = Team(engine, "lost", declaration)
    assert team.ceap("deploy") == 0
    queue = team.queue()
    sent = [engine.send(queue, MESSAGE) for _ in range(3)]
    assert team.ceap("destroy") == 1
    assert team.ceap("destroy", "--leave-messages") == 0
    sent.append(engine.send(queue, MESSAGE))
    assert team.ceap("deploy") == 0
    before = len(engine.executions)
    engine.drain()
    done = [execution.status for execution in engine.executions[before:]]
    assert (done, engine.messages(queue)) == (["SUCCEEDED"] * len(sent), [])
    assert team.records() == [(each, Outcome.DONE) for each in (Operation.DEPLOY, Operation.DESTROY, Operation.DEPLOY)]


def test_nothing_is_executed_where_nobody_can_be_asked(
    engine: Engine, declaration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["deploy", "--env", "ask", str(declaration)]) == 2
    assert capsys.readouterr().err.endswith(
        "ceap: ceap-foundation-ask: execute these 14 changes? Nobody can be asked, as standard input is not a "
        "terminal; give --yes\n"
    )
    stacks = engine.client("cloudformation").list_stacks()["StackSummaries"]
    assert {each["StackStatus"] for each in stacks if each["StackName"].endswith("-ask")} <= {"DELETE_COMPLETE"}


def stopped(team: Team, point: str, number: signal.Signals) -> tuple[int, list[str]]:
    """Deploy in a process that gets a signal at a point; return its exit code and what it told."""
    words = ["deploy", "--env", team.environment, str(team.declaration), "--yes"]
    done = subprocess.run(
        [sys.executable, "-c", STOPPED, f"{point}:{number.value}", *words],
        env={**os.environ, "PYTHONPATH": str(project.ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize(
    ("environment", "number", "word"), [("sigi", signal.SIGINT, "interrupted"), ("sigt", signal.SIGTERM, "terminated")]
)
def test_a_signal_ends_the_call_and_tells_what_goes_on(
    engine: Engine, declaration: Path, environment: str, number: signal.Signals, word: str
) -> None:
    code, told = stopped(Team(engine, environment, declaration), "ExecuteChangeSet:1", number)
    assert (code, told[-2:]) == (
        128 + number,
        [
            f"ceap-foundation-{environment}: CloudFormation goes on with the change; the same command follows it, and "
            "does the rest",
            f"ceap: {word}",
        ],
    )


@pytest.mark.parametrize(
    ("environment", "point"),
    [
        ("kila", "CreateChangeSet:1"),
        ("kilb", "ExecuteChangeSet:1"),
        ("kilc", "CreateChangeSet:2"),
        ("kild", "ExecuteChangeSet:2"),
        ("kile", "DescribeStackEvents:5"),
    ],
)
def test_a_killed_deployment_comes_to_the_same_end_when_called_again(
    engine: Engine, declaration: Path, environment: str, point: str
) -> None:
    team = Team(engine, environment, declaration)
    assert stopped(team, point, signal.SIGKILL)[0] == -signal.SIGKILL
    assert team.ceap("deploy") == 0
    assert team.status() == "CREATE_COMPLETE"
    assert (Operation.DEPLOY, Outcome.DONE) in team.records()
    assert Outcome.STARTED not in {outcome for _, outcome in team.records()}
