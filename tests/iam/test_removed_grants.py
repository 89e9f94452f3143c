"""Each grant of each role of the tests' own workflows, removed in turn: a call of a real run is then denied."""

from __future__ import annotations

import ast
import gzip
import itertools
import json
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
import pytest

from ceap import project
from ceap.cfn.own import own_entries
from ceap.local import runner
from ceap.local.engine import Engine
from ceap.local.existing_queues import make_existing
from templates import naming
from templates.model import GlueRetryPolicy, Retries, WorkflowType
from templates.render import render
from templates.stacks import workflow_stack
from tests import reference
from tests.iam.removal import Grant, Recorded, Role, denied_without, read_roles, recording, taken_away
from tests.iam.unused import UNUSED, Purpose
from tests.legacy_mixes import existing, mixed
from tests.local.support import JOB, Deployed, Template, deploy_workflow, standard_template
from tests.local.test_mixes import OLD, deploy_old

ROOT = Path(__file__).parents[2]
ASK = reference.load_stage("ask")
DECLARED = ("express", "standard", "triggered", "adopting", "outside", "owned", "governed", "mixed")
NAMES = (*DECLARED, "jobs", "legacy")
OLD_STAGES = ("SiftStage",)
BUCKETS = {"governed": "acme-dev", "owned": "acme-uploads-dev", "triggered": "my-exports-dev"}
"""The buckets that first stages read."""
NOT_ASKED = {("Granted3", "*"), ("ReadSecrets", "vendor-api-key-??????")}
"""What the handler `ask` declares to show that it may, and never asks for."""


class World:
    """A deployed workflow, and what its roles asked for until a first run had succeeded."""

    def __init__(self, name: str, deployed: Deployed, recorded: Recorded) -> None:
        self.name = name
        self.deployed = deployed
        self.engine = deployed.engine
        self.roles = read_roles(deployed.stack)
        self.recorded = recorded
        self._numbers = itertools.count()
        assert self.run() == ["SUCCEEDED"]
        assert "ScheduleRole" not in self.roles or self.run(by_schedule=True) == ["SUCCEEDED"]
        self.asked = frozenset(recorded.asked)

    def run(self, *, by_schedule: bool = False) -> list[str]:
        """Let a message with records of its own through, or that of the schedule; return how executions ended."""
        before, number = len(self.engine.executions), next(self._numbers)
        records = [{"id": f"{number}-{each}", "amount": each} for each in range(2)]
        if bucket := BUCKETS.get(self.name):
            lines = "".join(json.dumps(record) + "\n" for record in records)
            self.engine.client("s3").put_object(Bucket=bucket, Key=f"orders/{number}.jsonl", Body=lines.encode())
        source = {"kind": "s3", "bucket": bucket, "prefix": "orders/"} if bucket else inline(records)
        if by_schedule:
            self.engine.fire_schedules()
        else:
            self.engine.send(self.deployed.queue, json.dumps({"source": source}))
        return [execution.status for execution in self.engine.drain()[before:]]


def inline(records: list[dict[str, object]]) -> dict[str, object]:
    return {"kind": "inline", "records": records}


@pytest.fixture(scope="module", params=NAMES)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with Engine.start() as engine, recording() as recorded:
        yield World(request.param, deploy(engine, request.param), recorded)


@cache
def template_of(name: str) -> Template:
    """Return the template of a workflow whose jobs are tried once: each try is a process.

    Two are declared nowhere: one begins and ends with a job, and in one an existing function does a stage.
    """
    once = GlueRetryPolicy(max_attempts=0)
    if name == "jobs":
        return standard_template("GlueStage", "SiftStage", "OtherGlueStage", retry=Retries(glue=once))
    if name == "legacy":
        return workflow_stack(mixed(WorkflowType.EXPRESS, OLD_STAGES))
    [workflow] = project.load_workflows([reference.WORKFLOWS / f"{name}.yaml"])
    retry = msgspec.structs.replace(workflow.retry, glue=once)
    return workflow_stack(msgspec.structs.replace(workflow, retry=retry))


def deploy(engine: Engine, name: str) -> Deployed:
    """Deploy a workflow with what an account has for it: queues, network, boundary, key, buckets, values."""
    text = render(template_of(name))
    own = make_existing(engine.client, text) | runner._of_account(engine, text)
    if name == "governed":
        own |= {naming.KMS_KEY_PARAMETER: engine.client("kms").create_key()["KeyMetadata"]["Arn"]}
    if name in BUCKETS and name != "owned":
        engine.client("s3").create_bucket(Bucket=BUCKETS[name])
    if name == "outside":
        engine.client("sqs").create_queue(QueueName=ASK.QUEUE)
        engine.client("s3").create_bucket(Bucket=ASK.BUCKET)
        engine.client("secretsmanager").create_secret(Name="vendor/key-dev", SecretString="made up")
        engine.client("ssm").put_parameter(Name="/vendor/dev/url", Value="https://vendor.example", Type="String")
    if name == "legacy":
        own |= {
            existing(stage): arn for stage, arn in deploy_old(engine, {each: OLD[each] for each in OLD_STAGES}).items()
        }
    return deploy_workflow(engine, f"ceap-{name}-dev", template_of(name), JOB, own)


def is_asked(grant: Grant) -> bool:
    """Tell whether a successful run asks for what a grant allows."""
    return grant.purpose not in UNUSED and (grant.sid, grant.resource.rpartition(":")[2]) not in NOT_ASKED


@pytest.mark.property(42, "E")
def test_without_a_grant_a_call_of_the_run_is_denied_or_the_list_says_what_needs_it(world: World) -> None:
    for name, role in world.roles.items():
        denied = denied_without(role, world.asked)
        assert denied, name
        assert {grant: bool(calls) for grant, calls in denied.items()} == {grant: is_asked(grant) for grant in denied}


def decisive(role: Role, world: World) -> Grant:
    """Return the last grant of a role without which a run cannot succeed; nothing fails for want of a log or a poll."""
    used = [grant for grant, calls in denied_without(role, world.asked).items() if calls]
    return [grant for grant in used if grant.sid != "WriteLogs" and grant.action != "glue:GetJobRun"][-1]


UNDELIVERED: set[Purpose] = {
    ("pipe", "WriteLogs", "logs:CreateLogStream"),
    ("pipe", "WriteLogs", "logs:PutLogEvents"),
    ("schedule", "KeepUnsent", "sqs:SendMessage"),
}
"""What the grants are for that a pipe and a schedule use when they cannot deliver a message."""


@pytest.mark.property(42, "E")
def test_a_run_fails_without_a_grant_that_it_uses(world: World) -> None:
    for name, role in world.roles.items():
        grant, before = decisive(role, world), len(world.engine.trace)
        with taken_away(world.engine, role, grant):
            assert "SUCCEEDED" not in world.run(by_schedule=name == "ScheduleRole"), grant
        denied = {(call.role, call.action) for call in world.engine.trace[before:] if not call.allowed}
        assert denied == {(role.arn, grant.action)}
        for purpose in UNDELIVERED & granted(role):
            assert used_now(world, role, purpose)
    assert world.run() == ["SUCCEEDED"]


def granted(role: Role) -> set[Purpose]:
    return {grant.purpose for grant in role.grants}


def used_now(world: World, role: Role, purpose: Purpose) -> bool:
    """Tell whether by now a call was made that one of the grants for a purpose alone allows."""
    denied = denied_without(role, world.recorded.asked)
    return any(calls for grant, calls in denied.items() if grant.purpose == purpose)


@pytest.mark.parametrize("world", ["express"], indirect=True)
def test_an_input_that_is_missing_is_told_apart_by_the_grant_for_it(world: World) -> None:
    role = world.roles["SiftFunctionRole"]
    [grant] = [grant for grant in role.grants if grant.sid == "TellMissingFromForbidden"]
    assert " found nothing (NoSuchKey); " in invoke_without_input(world)
    with taken_away(world.engine, role, grant):
        assert " was denied: " in invoke_without_input(world)


def invoke_without_input(world: World) -> str:
    """Return what a stage raises that finds no output of the stage before."""
    event = {
        "executionId": "none",
        "currentStage": "SiftStage",
        "previousStage": "TakeStage",
        "workflowBucket": world.deployed.bucket,
        "initialData": None,
    }
    answer = world.engine.client("lambda").invoke(FunctionName="ceap-express-dev-Sift", Payload=json.dumps(event))
    said: str = json.loads(answer["Payload"].read())["errorMessage"]
    return said


@pytest.mark.parametrize("world", ["triggered"], indirect=True)
def test_an_upload_that_fails_is_given_up_by_the_grant_for_it(world: World) -> None:
    digits = random.Random(42)
    lines = "".join(json.dumps({"id": f"{digits.getrandbits(8 * 1024):x}"}) + "\n" for _ in range(3000))
    cut = gzip.compress(lines.encode(), compresslevel=1)[:-64]
    place = {"Bucket": BUCKETS[world.name], "Key": "orders/cut.jsonl.gz"}
    world.engine.client("s3").put_object(**place, Body=cut)
    role, purpose = world.roles["TakeFunctionRole"], ("stage", "WriteOwnStage", "s3:AbortMultipartUpload")
    statuses = world.run()
    world.engine.client("s3").delete_object(**place)  # another run would read it, too
    assert statuses == ["FAILED"]
    assert used_now(world, role, purpose)
    assert world.engine.client("s3").list_multipart_uploads(Bucket=world.deployed.bucket).get("Uploads", []) == []


def test_each_entry_of_the_list_is_granted_by_a_template_and_proven_by_a_test_or_made_by_aws_alone() -> None:
    purposes = set[Purpose]()
    for name in NAMES:
        own = own_entries(template_of(name))["Resources"]
        for logical_id, resource in template_of(name)["Resources"].items():
            if resource["Type"] == "AWS::IAM::Role" and logical_id not in own:
                purposes |= purposes_of(resource["Properties"]["Policies"])
    assert set(UNUSED) - purposes == set()
    for need in UNUSED.values():
        assert need.why.startswith("failure: ") == bool(need.proof)
        file, _, name = need.proof.partition("::")
        assert not need.proof or name in functions_of(ROOT / file)


def purposes_of(policies: list[Template]) -> set[Purpose]:
    found = [policy["Fn::If"][1] if "Fn::If" in policy else policy for policy in policies]
    return {
        (policy["PolicyName"], statement["Sid"], action)
        for policy in found
        for statement in policy["PolicyDocument"]["Statement"]
        for action in statement["Action"]
    }


def functions_of(path: Path) -> set[str]:
    parsed = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in parsed.body if isinstance(node, ast.FunctionDef)}
