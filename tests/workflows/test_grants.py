"""Each grant of each role of the sample's committed templates, removed in turn: a call of a real run is then denied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from ceap import project
from ceap.archive import build_zip
from ceap.local import seed
from ceap.local.cloudformation import Stack
from ceap.local.engine import Engine
from ceap.local.packages import build_zips
from templates import discovery
from tests.iam.removal import Asked, Role, denied_without, read_roles, recording, taken_away
from tests.iam.unused import UNUSED
from tests.local.support import JOB

NAMES = ("realtime", "batch", "backfill")
HANDS_ON = ("PutObject", "InvokeFunction", "StartSyncExecution", "StartExecution")


class Ran(NamedTuple):
    """A committed template, deployed, and what its roles asked for until its message was done."""

    engine: Engine
    stack: Stack
    message: str
    roles: dict[str, Role]
    asked: frozenset[Asked]

    def again(self) -> list[str]:
        """Send the message once more, and return how its executions ended."""
        before = len(self.engine.executions)
        self.engine.send(self.stack.outputs["QueueUrl"], self.message)
        return [execution.status for execution in self.engine.drain()[before:]]


@pytest.fixture(scope="module", params=NAMES)
def ran(request: pytest.FixtureRequest) -> Iterator[Ran]:
    with Engine.start() as engine, recording() as recorded:
        stack = deploy(engine, request.param)
        message = (project.WORKFLOWS / "messages" / f"{request.param}.json").read_text(encoding="utf-8")
        engine.send(stack.outputs["QueueUrl"], message)
        assert [execution.status for execution in engine.drain()] == ["SUCCEEDED"]
        yield Ran(engine, stack, message, read_roles(stack), frozenset(recorded.asked))


def deploy(engine: Engine, name: str) -> Stack:
    """Deploy the committed templates, with the workflow's data; its job is the tests' own, which needs no Spark."""
    foundation = engine.deploy(committed("foundation"), "ceap-foundation-dev", {"Environment": "dev"})
    files = {f"handlers/{file}": package for file, package in build_zips().items()}
    files |= {"scripts/heavy_etl.py": JOB.encode(), "scripts/lib.zip": build_zip({})}
    for key, body in files.items():
        engine.client("s3").put_object(Bucket=foundation.outputs["ArtifactBucket"], Key=key, Body=body)
    [workflow] = project.load_workflows([project.WORKFLOWS / f"{name}.yaml"])
    fixtures = project.WORKFLOWS / "fixtures" / name
    planted = seed.load_seed(fixtures, seed.source_buckets(workflow), discovery.tables())
    seed.plant(planted, engine.client, foundation.outputs)
    text = committed(name)
    given = {"Environment": "dev", "HandlersPrefix": "handlers/", "GluePrefix": "scripts/"}
    return engine.deploy(
        text, f"ceap-{name}-dev", {key: value for key, value in given.items() if f"  {key}:\n" in text}
    )


def committed(name: str) -> str:
    return (project.GENERATED / f"{name}.template.yaml").read_text(encoding="utf-8")


def test_without_a_grant_a_call_of_the_run_is_denied_or_the_list_says_what_needs_it(ran: Ran) -> None:
    for name, role in ran.roles.items():
        denied = denied_without(role, ran.asked)
        assert denied, name
        assert {grant: bool(calls) for grant, calls in denied.items()} == {
            grant: grant.purpose not in UNUSED for grant in denied
        }


def test_a_run_fails_without_what_a_role_hands_on(ran: Ran) -> None:
    for name, role in ran.roles.items():
        # Items that are there already, and scores in the cache, are not written again: other grants may be idle.
        grant = next(grant for grant in role.grants if grant.action.partition(":")[2] in HANDS_ON)
        before = len(ran.engine.trace)
        with taken_away(ran.engine, role, grant):
            assert set(ran.again()) <= {"FAILED"}, name
        denied = {(call.role, call.action) for call in ran.engine.trace[before:] if not call.allowed}
        assert denied == {(role.arn, grant.action)}
    assert ran.again() == ["SUCCEEDED"]
