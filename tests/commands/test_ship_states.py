"""Stacks in states that a deployment or a destruction has to deal with, on AWS as the local engine serves it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ceap import project
from ceap.cfn.template import INLINE_MAX
from ceap.local.engine import Engine
from ceap.local.executions import Executions
from ceap.local.stack_models import ResourceError
from ceap.local.stacks import resources
from ceap.local.stacks.resources import Given, Model
from ceap.output import say
from tests.commands.shipping import SMALL, Team, aws_of_ship
from tests.local.stacks.support import Stacks
from tests.reference import MESSAGE

OWN = """Resources:
  Own:
    Type: AWS::SQS::Queue
    DeletionPolicy: RetainExceptOnCreate
    UpdateReplacePolicy: Retain
    Properties:
      QueueName: !Sub own-${Environment}
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with aws_of_ship() as engine:
        yield engine


@pytest.fixture
def team(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    """A team with a workflow of one stage."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "express.yaml").write_text(SMALL, encoding="utf-8")
    return Team(engine, "states", tmp_path / "express.yaml")


def test_a_large_template_goes_through_the_artifact_bucket(team: Team) -> None:
    tags = "".join(f"  tag{number}: {'x' * 250}\n" for number in range(20))
    team.declaration.write_text(f"{SMALL}tags:\n{tags}", encoding="utf-8")
    assert team.ceap("deploy") == 0
    objects = team.engine.objects(f"ceap-artifacts-states-{team.engine.account}")
    [size] = [len(content) for key, content in objects if key.startswith("deployments/templates/")]
    assert (size > INLINE_MAX, team.status().endswith("_COMPLETE")) == (True, True)


def test_the_template_of_the_foundation_needs_no_bucket() -> None:
    [(_, text)] = project.build_templates([])
    assert len(text.encode()) <= INLINE_MAX


def test_a_stack_is_protected_as_the_environment_says(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    protection = "[env.states]\ntermination_protection = {}\n"
    Path("ceap.toml").write_text(protection.format("true"), encoding="utf-8")
    assert (team.ceap("deploy"), team.ceap("destroy")) == (0, 1)
    assert capsys.readouterr().err.endswith(
        f"ceap: {team.stack}: is protected against deletion, so nothing was deleted; set termination_protection = "
        "false in ceap.toml, deploy, and run this command again\n"
    )
    Path("ceap.toml").write_text(protection.format("false"), encoding="utf-8")
    assert (team.ceap("deploy"), team.ceap("destroy")) == (0, 0)


def test_a_destruction_waits_for_messages_in_flight(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    assert team.ceap("deploy") == 0
    queue, sqs, told = team.queue(), team.engine.client("sqs"), []
    team.engine.send(queue, MESSAGE)
    [received] = sqs.receive_message(QueueUrl=queue)["Messages"]

    def process(line: str) -> None:
        if "waiting for" in line:
            told.append(line)
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=received["ReceiptHandle"])
        say(line)

    monkeypatch.setattr("ceap.deploy.shipping.say", process)
    assert team.ceap("destroy") == 0
    assert told == [f"{team.stack}: waiting for 0 executions and 1 message in flight"]


def test_a_message_that_failed_meanwhile_is_left_to_a_pipe_that_runs_again(
    team: Team, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert team.ceap("deploy") == 0
    queue, sqs, before = team.queue(), team.engine.client("sqs"), len(team.engine.executions)
    team.engine.send(queue, MESSAGE)
    [received] = sqs.receive_message(QueueUrl=queue)["Messages"]

    def fail(line: str) -> None:
        if "waiting for" in line:
            sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=received["ReceiptHandle"], VisibilityTimeout=0)
        say(line)

    monkeypatch.setattr("ceap.deploy.shipping.say", fail)
    assert team.ceap("destroy") == 1
    assert capsys.readouterr().err.splitlines()[-2:] == [
        f"{team.stack}: starting the pipe again",
        f"ceap: {team.stack}: 1 message waiting and 0 in flight in https://sqs.us-east-1.amazonaws.com/"
        f"{team.engine.account}/{team.stack}-queue, so nothing was deleted; wait until they "
        "are processed, or give --leave-messages: they stay in the queue for the next deployment, 14 days at most",
    ]
    assert [execution.status for execution in team.engine.drain()[before:]] == ["SUCCEEDED"]


def test_a_destruction_waits_for_running_executions(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    text = SMALL.replace("name: express\ntype: EXPRESS", "name: standard\ntype: STANDARD")
    team.declaration.write_text(f"{text}    timeout_s: 300\n", encoding="utf-8")
    assert team.ceap("deploy") == 0
    states, told = team.engine.client("stepfunctions"), []
    machine = f"arn:aws:states:us-east-1:{team.engine.account}:stateMachine:ceap-standard-states"
    run, goes_on = Executions._run, threading.Event()

    def run_later(*given: Any) -> None:
        goes_on.wait(10)
        run(*given)

    monkeypatch.setattr(Executions, "_run", run_later)
    states.start_execution(stateMachineArn=machine, input=MESSAGE)

    def let_go(line: str) -> None:
        if "waiting for" in line:
            told.append(line)
            goes_on.set()
        say(line)

    monkeypatch.setattr("ceap.deploy.shipping.say", let_go)
    assert team.ceap("destroy", "--leave-messages") == 0
    assert told == ["ceap-standard-states: waiting for 1 execution and 0 messages in flight"]


def test_a_rollback_that_failed_is_continued_by_the_next_deployment(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert team.ceap("deploy") == 0
    team.declaration.write_text(f"{SMALL}tags: {{version: continued}}\n", encoding="utf-8")
    update, left = resources.update, [2]

    def fail(model: Model, given: Given) -> Model:
        left[0] -= 1
        if left[0] < 0:
            raise ResourceError("throttled")
        return update(model, given)

    with monkeypatch.context() as patch:
        patch.setattr(resources, "update", fail)
        assert team.ceap("deploy") == 1
    assert team.status() == "UPDATE_ROLLBACK_FAILED"
    assert (team.ceap("deploy"), team.version(), team.status()) == (0, "continued", "UPDATE_COMPLETE")


def test_a_resource_that_left_a_live_stack_can_be_imported_and_deployed_again(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("own.yaml").write_text(OWN, encoding="utf-8")
    with_own = f"{SMALL}resources: own.yaml\n"
    for text in (with_own, SMALL):
        team.declaration.write_text(text, encoding="utf-8")
        assert team.ceap("deploy") == 0
    team.declaration.write_text(with_own, encoding="utf-8")
    url = team.engine.client("sqs").get_queue_url(QueueName="own-states")["QueueUrl"]
    team.engine.send(url, "kept")
    assert team.ceap("deploy") == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        "  queue own-states: exists already, outside of every stack that this identity sees; import it into "
        f"{team.stack} as Own to keep what it holds, or delete it if nobody needs it, or deploy to another environment "
        "than states (--env)"
    )
    stacks = Stacks(team.engine)
    parameters = [each["ParameterKey"] for each in stacks.stack(team.stack)["Parameters"]]
    [*_, (_, template)] = project.build_templates(project.load_workflows([team.declaration]))
    stacks.propose(
        team.stack,
        template,
        "IMPORT",
        ResourcesToImport=[
            {"ResourceType": "AWS::SQS::Queue", "LogicalResourceId": "Own", "ResourceIdentifier": {"QueueUrl": url}}
        ],
        Parameters=[{"ParameterKey": key, "UsePreviousValue": True} for key in parameters],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    stacks.execute(team.stack)
    assert (team.ceap("deploy"), team.engine.messages(url)) == (0, ["kept"])
