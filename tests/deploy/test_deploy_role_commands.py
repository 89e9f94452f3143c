"""The deploy roles suffice for all that the commands do, from the first deployment to the last."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ceap.archive import upload_prefix
from ceap.aws.pace import Pace
from ceap.aws.session import Aws, open_session
from ceap.aws.workflow import load_deployed
from ceap.ceap_toml import Environment
from ceap.cfn.template import Template, parse_template
from ceap.deploy.artifacts import Artifacts
from ceap.deploy.deployment import Deployed
from ceap.deploy.destroy import Destroyed
from ceap.deploy.operation import Terms
from ceap.deploy.package import Package
from ceap.deploy.shipping import Shipping
from ceap.deploy.smoke.judgement import SmokeVerdict
from ceap.deploy.smoke.message import load_message, smoke_file
from ceap.deploy.smoke.run import Options, Telling, smoke
from ceap.deploy.smoke.waiting import Waiting
from ceap.local.engine import Engine
from ceap.local.packages import build_zips
from tests import reference
from tests.deploy.roles import SUBJECT, Caller, deploy_roles, templates
from tests.iam.removal import Recorded, denied_without, recording
from tests.iam.unused import UNUSED_BY_CALLER

STACK = "ceap-express-dev"
USED_IN_ONE_ORDER = {("Buckets", "s3:GetBucketPolicy"), ("Topic", "sns:GetTopicAttributes")}
"""What is used where the tests of this module run in one order, and not in the other."""


@pytest.fixture(scope="module", autouse=True)
def recorded() -> Iterator[Recorded]:
    with recording() as recorded:
        yield recorded


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    with Engine.start() as engine, pytest.MonkeyPatch.context() as patch:
        caller = deploy_roles(engine, "deploy-ceap-dev", GitHubSubject=SUBJECT)
        variables = {
            "AWS_ACCESS_KEY_ID": caller.session["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": caller.session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": caller.session["SessionToken"],
        }
        for name, value in (engine.driver.variables(engine.url) | variables).items():
            patch.setenv(name, value)
        yield caller


class Commands:
    """What the commands of ceap do as the caller; `said` are the lines that they tell."""

    def __init__(self, caller: Caller, folder: Path) -> None:
        self.caller = caller
        self.said: list[str] = []
        self.environment = Environment(name="dev", role_arn=caller.service_role, termination_protection=False)
        self.aws: Aws = open_session(self.environment)
        self.folder = folder

    def shipping(self) -> Shipping:
        terms = Terms(self.environment, False, lambda _: True)
        return Shipping(self.aws, terms, self.folder, self.said.append, Pace(lambda _: None))

    def deploy(self, old: str = "", new: str = "") -> Deployed | Destroyed:
        body = templates()["express"]
        assert old in body
        found = {"foundation": templates()["foundation"], "express": body.replace(old, new) if old else body}
        parsed: dict[str, Template] = {name: parse_template(text, f"{name}.yaml") for name, text in found.items()}
        ship, zips = self.shipping(), build_zips()
        packages = {name: Package(content, ()) for name, content in zips.items()}
        ship.deploy(parsed, Artifacts(packages, {}, upload_prefix("handlers", zips), None))
        return ship.done[-1]

    def roll_back(self) -> Deployed | Destroyed:
        ship = self.shipping()
        ship.roll_back("express")
        return ship.done[-1]

    def destroy(self, name: str = "express") -> Deployed | Destroyed:
        ship = self.shipping()
        ship.destroy(name, leave_messages=True)
        return ship.done[-1]

    def memory(self) -> int:
        """Return the memory of a function, as the engine has it."""
        found = self.caller.engine.client("lambda").get_function_configuration(FunctionName=f"{STACK}-Take")
        return int(found["MemorySize"])


def test_they_suffice_to_deploy_change_roll_back_smoke_destroy_and_deploy_again(
    caller: Caller, recorded: Recorded, tmp_path: Path
) -> None:
    commands = Commands(caller, tmp_path)
    commands.deploy()
    commands.deploy("MemorySize: 1024", "MemorySize: 2048")
    assert commands.memory() == 2048
    commands.roll_back()
    assert commands.memory() == 1024
    smoked(commands)
    queue = caller.engine.client("sqs").get_queue_url(QueueName=f"{STACK}-queue")["QueueUrl"]
    destroyed = commands.destroy()
    assert isinstance(destroyed, Destroyed)
    assert destroyed.is_changed
    caller.engine.send(queue, "{}")
    again = commands.deploy()
    assert isinstance(again, Deployed)
    assert again.status == "UPDATE_COMPLETE"
    assert caller.engine.messages(queue) == ["{}"]
    refused = ("AccessDenied", "not authorized", "is not known")
    assert [line for line in commands.said if any(text in line for text in refused)] == []
    denied = denied_without(recorded.roles[caller.role], recorded.asked)
    unused = {(grant.sid, grant.action) for grant, calls in denied.items() if not calls}
    assert unused - USED_IN_ONE_ORDER == set(UNUSED_BY_CALLER)


def test_they_suffice_to_adopt_the_buckets_and_tables_of_a_destroyed_foundation(caller: Caller, tmp_path: Path) -> None:
    commands = Commands(caller, tmp_path)
    commands.deploy()
    commands.destroy()
    destroyed = commands.destroy("foundation")
    assert isinstance(destroyed, Destroyed)
    assert {"ArtifactBucket", "ArtifactBucketPolicy"} <= {each.logical_id for each in destroyed.retained}
    again = commands.deploy()
    assert isinstance(again, Deployed)
    assert again.status == "UPDATE_COMPLETE"


def smoked(commands: Commands) -> None:
    """Send the smoke message; the engine works while the command waits."""
    engine, now = commands.caller.engine, [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds
        engine.drain()

    values = {"Environment": "dev", "AWS::AccountId": engine.account, "AWS::Region": "us-east-1"}
    message = load_message(smoke_file(reference.EXPRESS, "express"), values)
    workflow = load_deployed(commands.aws, "express", "dev")
    tell = Telling(commands.said.append, Waiting(sleep, lambda: now[0]))
    report = smoke(commands.aws, workflow, message, Options(allow_events=True), tell)
    assert [finding for finding in report.findings if finding.verdict is SmokeVerdict.FAILED] == []
    assert report.left == ()
