"""A foundation that adopts buckets, topic and tables: deployed, run, destroyed; what is adopted stays as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ceap import cli
from ceap.cfn.adopted import TLS_ONLY
from ceap.local.engine import Engine
from handlers.runtime.needs import Table
from templates import discovery, naming
from tests.commands.shipping import Team, aws_of_ship
from tests.reference import EXPRESS, MESSAGE

DATA, CODE, TOPIC = "acme-data", "acme-code", "acme-alerts"
RULE = {
    "ID": "expire",
    "Status": "Enabled",
    "Filter": {"Prefix": "executions/"},
    "Expiration": {"Days": 7},
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with aws_of_ship() as engine:
        yield engine


@pytest.fixture(scope="module")
def adopted(engine: Engine) -> dict[str, str]:
    """What a team has already, and the parameters that adopt it."""
    s3, sns = engine.client("s3"), engine.client("sns")
    for bucket in (DATA, CODE):
        s3.create_bucket(Bucket=bucket)
        arns = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
        tls = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": arns, "Condition": TLS_ONLY}
        rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rules)
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [tls]}))
    s3.put_bucket_lifecycle_configuration(Bucket=DATA, LifecycleConfiguration={"Rules": [RULE]})
    s3.put_object(Bucket=DATA, Key="theirs/a", Body=b"a")
    topic: str = sns.create_topic(Name=TOPIC)["TopicArn"]
    services = [f"{name}.amazonaws.com" for name in ("cloudwatch", "events")]
    statement = {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sns:Publish", "Resource": topic}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    tables = {f"{naming.table_id(name)}Name": f"acme-{name}" for name in discovery.tables()}
    for table in discovery.tables().values():
        make_table(engine, table)
    return {"WorkflowBucketName": DATA, "ArtifactBucketName": CODE, "AlertTopicArn": topic, **tables}


def make_table(engine: Engine, table: Table) -> None:
    def schema(partition: str, sort: str | None) -> list[dict[str, str]]:
        keys = {"HASH": partition, "RANGE": sort}
        return [{"AttributeName": name, "KeyType": kind} for kind, name in keys.items() if name]

    keys = [(table.partition_key, table.sort_key), *((each.partition_key, each.sort_key) for each in table.indexes)]
    indexes = [
        {
            "IndexName": each.name,
            "KeySchema": schema(each.partition_key, each.sort_key),
            "Projection": {"ProjectionType": "ALL"},
        }
        for each in table.indexes
    ]
    engine.client("dynamodb").create_table(
        TableName=f"acme-{table.name}",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=schema(table.partition_key, table.sort_key),
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"}
            for name in sorted({name for pair in keys for name in pair if name})
        ],
        **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
    )


def settings_of(engine: Engine, topic: str) -> dict[str, Any]:
    """Return what could be changed of what is adopted."""
    s3, dynamodb = engine.client("s3"), engine.client("dynamodb")
    tables = [dynamodb.describe_table(TableName=f"acme-{name}")["Table"] for name in discovery.tables()]
    counts = ("ItemCount", "TableSizeBytes", "IndexSizeBytes")
    described = [{key: value for key, value in table.items() if key not in counts} for table in tables]
    for table in described:
        table["GlobalSecondaryIndexes"] = [
            {key: value for key, value in index.items() if key not in counts}
            for index in table.get("GlobalSecondaryIndexes", ())
        ]
    return {
        "lifecycle": s3.get_bucket_lifecycle_configuration(Bucket=DATA)["Rules"],
        "encryption": [
            s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"] for bucket in (DATA, CODE)
        ],
        "policies": [s3.get_bucket_policy(Bucket=bucket)["Policy"] for bucket in (DATA, CODE)],
        "topic": engine.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"],
        "tables": described,
    }


@pytest.fixture
def team(engine: Engine, adopted: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    monkeypatch.chdir(tmp_path)
    lines = [f'{name} = "{value}"' for name, value in adopted.items()]
    Path("ceap.toml").write_text("\n".join(["[env.moved.parameters]", *lines, ""]), encoding="utf-8")
    declaration = tmp_path / "express.yaml"
    declaration.write_text(EXPRESS.read_text(encoding="utf-8"), encoding="utf-8")
    return Team(engine, "moved", declaration)


def test_a_workflow_lives_on_what_exists_and_changes_none_of_it(
    team: Team, adopted: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    engine, topic = team.engine, adopted["AlertTopicArn"]
    before = settings_of(engine, topic)
    assert team.ceap("deploy") == 0
    foundation = engine.client("cloudformation").list_stack_resources(StackName="ceap-foundation-moved")
    assert foundation["StackResourceSummaries"] == []
    assert {key.partition("/")[0] for key, _ in engine.objects(CODE)} == {"handlers", "glue", "deployments"}

    engine.send(team.queue(), MESSAGE)
    [execution] = engine.drain()
    assert execution.status == "SUCCEEDED"
    stages = {key.split("/")[2] for key, _ in engine.objects(DATA) if key.startswith(f"executions/{execution.name}/")}
    assert stages == {"TakeStage", "SiftStage", "RateStage", "KeepStage", "TellStage"}
    assert engine.client("dynamodb").scan(TableName="acme-records")["Count"] > 0
    names = {bucket["Name"] for bucket in engine.client("s3").list_buckets()["Buckets"]}
    assert {name for name in names if name.startswith("ceap-")} == set()

    capsys.readouterr()
    assert cli.main(["status", "--env", "moved", str(team.declaration), "--json"]) == 0
    [status] = json.loads(capsys.readouterr().out)["workflows"]
    assert status["facts"]["deployment"]["operation"] == "deploy"

    team.describe("b")
    assert (team.ceap("deploy"), team.version()) == (0, "b")
    assert (team.ceap("rollback"), team.version()) == (0, None)
    assert settings_of(engine, topic) == before
    assert team.ceap("destroy") == 0
    assert settings_of(engine, topic) == before
    assert dict(engine.objects(DATA))["theirs/a"] == b"a"


def test_what_does_not_fit_is_refused_before_anything_is_changed(
    team: Team, adopted: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    s3 = team.engine.client("s3")
    s3.delete_bucket_lifecycle(Bucket=DATA)
    try:
        assert team.ceap("deploy") == 1
    finally:
        s3.put_bucket_lifecycle_configuration(Bucket=DATA, LifecycleConfiguration={"Rules": [RULE]})
    told = capsys.readouterr().err
    assert "nothing was changed:" in told
    assert f"bucket {DATA}: does not delete objects below executions/ after 7 days; add the lifecycle rule" in told


def test_a_bucket_that_ceap_toml_names_no_more_is_refused_since_ceap_would_use_another(
    team: Team, capsys: pytest.CaptureFixture[str]
) -> None:
    config = Path("ceap.toml")
    assert team.ceap("deploy") == 0
    lines = config.read_text(encoding="utf-8").splitlines(keepends=True)
    config.write_text("".join(line for line in lines if "ArtifactBucketName" not in line), encoding="utf-8")
    try:
        assert team.ceap("deploy") == 1
        assert (
            f"ceap-foundation-moved: parameter ArtifactBucketName: is '{CODE}' in the stack, but not in ceap.toml, by "
            f'which ceap finds code and records; add ArtifactBucketName = "{CODE}" below [env.moved.parameters]'
        ) in capsys.readouterr().err
    finally:
        config.write_text("".join(lines), encoding="utf-8")
        assert team.ceap("destroy") == 0
