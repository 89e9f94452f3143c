"""A workflow that adopts an old workflow's queues, shipped: refused until they fit, deployed, destroyed; they stay."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ceap import cli
from ceap.cfn.adopted import tls_statement
from ceap.local.engine import Engine
from tests.commands.shipping import Team, aws_of_ship

OLD = ("shop-orders", "shop-orders-failed")
DECLARATION = """\
name: express
type: EXPRESS
adopt: {queue: OrdersQueueName, dead_letter_queue: OrdersDeadLetterQueueName}
steps:
  - {stage: TakeStage, handler: take}
"""
PARAMETERS = """\
[env.shop.parameters]
OrdersQueueName = "shop-orders"
OrdersDeadLetterQueueName = "shop-orders-failed"
"""
BODY = json.dumps({"source": {"kind": "inline", "records": [{"id": "r1"}]}})


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with aws_of_ship() as engine:
        yield engine


@pytest.fixture
def team(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ceap.toml").write_text(PARAMETERS, encoding="utf-8")
    declaration = tmp_path / "express.yaml"
    declaration.write_text(DECLARATION, encoding="utf-8")
    return Team(engine, "shop", declaration)


def url(engine: Engine, name: str) -> str:
    found: str = engine.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
    return found


def attributes(engine: Engine, name: str) -> dict[str, str]:
    """Return what is told of a queue but for its messages."""
    said = engine.client("sqs").get_queue_attributes(QueueUrl=url(engine, name), AttributeNames=["All"])["Attributes"]
    return {key: value for key, value in said.items() if not key.startswith("ApproximateNumber")}


def call(engine: Engine, words: list[str]) -> None:
    """Do what a printed call of the AWS CLI does."""
    assert words[:3] == ["aws", "sqs", "set-queue-attributes"]
    given = dict(zip(words[3::2], words[4::2], strict=True))
    engine.client("sqs").set_queue_attributes(
        QueueUrl=given["--queue-url"], Attributes=json.loads(given["--attributes"])
    )


def add_statement(engine: Engine, statement: dict[str, Any]) -> None:
    name = statement["Resource"].rpartition(":")[2]
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    engine.client("sqs").set_queue_attributes(QueueUrl=url(engine, name), Attributes={"Policy": json.dumps(policy)})


def test_what_deploy_prints_makes_old_queues_fit_and_the_workflow_lives_on_them(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = team.engine
    for name in OLD:
        engine.client("sqs").create_queue(QueueName=name)
    engine.send(url(engine, OLD[0]), BODY)  # in flight while the workflow is deployed

    assert team.ceap("deploy") == 1
    told = capsys.readouterr().err
    assert "nothing was changed:" in told
    for name in OLD:
        arn = attributes(engine, name)["QueueArn"]
        assert f"queue {name}: its policy allows requests without TLS; add the statement " in told
        assert json.dumps(tls_statement(arn)) in told
        add_statement(engine, tls_statement(arn))
    calls = re.findall(r"call `(aws sqs set-queue-attributes .*)`", told)
    assert len(calls) == len(OLD)
    for words in map(shlex.split, calls):
        call(engine, words)
    before = [attributes(engine, name) for name in OLD]

    assert team.ceap("deploy") == 0
    [execution] = engine.drain()
    assert (execution.status, engine.messages(url(engine, OLD[0]))) == ("SUCCEEDED", [])
    engine.send(url(engine, OLD[0]), "no JSON")
    engine.drain()
    assert engine.messages(url(engine, OLD[1])) == ["no JSON"]

    assert cli.main(["pause", "--env", "shop", str(team.declaration)]) == 0
    engine.send(url(engine, OLD[0]), BODY)
    capsys.readouterr()
    assert team.ceap("destroy") == 1
    assert "1 message waiting" in capsys.readouterr().err
    assert team.ceap("destroy", "--leave-messages") == 0
    assert engine.messages(url(engine, OLD[0])) == [BODY]
    assert [attributes(engine, name) for name in OLD] == before


def test_a_deployment_without_the_names_is_refused(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    assert Team(team.engine, "bare", team.declaration).ceap("deploy") == 2
    told = capsys.readouterr().err
    assert "the parameters OrdersQueueName, OrdersDeadLetterQueueName have no value" in told
