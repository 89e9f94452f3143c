"""Those who ship a workflow to AWS, which an engine serves: the commands, and what they leave."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ceap import cli, project
from ceap.aws import pace
from ceap.deploy import artifacts
from ceap.deploy.package import Package
from ceap.local.engine import Engine
from ceap.local.packages import build_zips
from tests import processes
from tests.reference import EXPRESS

SMALL = "name: express\ntype: EXPRESS\nsteps:\n  - stage: TakeStage\n    handler: take\n"
STACK = "ceap-express-{}"

# The process gets a signal right after a call of AWS, on its n-th time.
STOPPED = """
import os, pathlib, signal, sys
given = dict(os.environ)  # from which the engine's package removes what is of AWS
import botocore.client
import tests.conftest
from ceap import project
from ceap.cli import main
from ceap.aws import pace
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
artifacts._build_zips = lambda *_, **__: ((name, Package(content, ())) for name, content in build_zips().items())
project.GENERATED = pathlib.Path("generated")
pace.LAST_S = 0.05
sys.exit(main())
"""


def stand_in_for_project() -> None:
    """Let what is deployed be packaged as the engine runs it, and not be compared with the project's own templates."""
    artifacts._build_zips = lambda *_, **__: ((name, Package(content, ())) for name, content in build_zips().items())
    project.GENERATED = Path("generated")  # type: ignore[misc]  # as in a project without these stages


@contextmanager
def aws_of_ship() -> Iterator[Engine]:
    """Start an engine to ship to."""
    with Engine.start(warm=False) as engine, pytest.MonkeyPatch.context() as patch:
        patch.setattr(artifacts, "_build_zips", artifacts._build_zips)
        patch.setattr(project, "GENERATED", project.GENERATED)
        patch.setattr(pace, "LAST_S", 0.05)  # an engine is not throttled
        stand_in_for_project()
        for name, value in engine.driver.variables(engine.url).items():
            patch.setenv(name, value)
        yield engine


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


def stopped(team: Team, point: str, number: signal.Signals, *command: str) -> tuple[int, list[str]]:
    """Call a command, else deploy, in a process that gets a signal at a point; return exit code and what it told."""
    name, *options = command or ("deploy",)
    words = [name, "--env", team.environment, str(team.declaration), "--yes", *options]
    done = processes.run(
        [sys.executable, "-c", STOPPED, f"{point}:{number.value}", *words],
        env={**os.environ, "PYTHONPATH": str(project.ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stderr)  # seen where a test fails
    return done.returncode, done.stderr.splitlines()
