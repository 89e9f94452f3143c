"""The commands with which the README deploys by hand, run as they stand there by the AWS CLI."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from ceap import project
from ceap.archive import upload_prefix
from ceap.local.engine import Engine
from ceap.local.packages import build_zips
from tests.aws_cli import AWS_CLI

pytestmark = pytest.mark.awscli

README = (project.ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (project.ROOT / "docs/how-to/deploy.md").read_text(encoding="utf-8")

STACKS = ["ceap-foundation-dev", "ceap-realtime-dev"]

# Of a stack that is not done the CLI asks again after 30 seconds.
IMPATIENT = """
import time
sleep = time.sleep
time.sleep = lambda seconds: sleep(min(seconds, 0.2))
"""


def blocks(page: str, heading: str) -> list[str]:
    """Return the commands below a heading, block by block."""
    section = page.partition(f"{heading}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    assert found != []
    return found


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine.start() as engine:
        yield engine


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the project's, in which what builds the package and what waits takes no time."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("generated", "workflows"):
        (folder / name).symlink_to(project.ROOT / name)
    zips = build_zips()
    packed = folder / "build/handlers"
    packed.mkdir(parents=True)
    for name, content in zips.items():
        (packed / name).write_bytes(content)
    printed = json.dumps({"handlersPrefix": upload_prefix("handlers", zips)})
    # For SQS, version 1 of the CLI has an endpoint of its own, unless an option names another.
    aws = f'exec {AWS_CLI} --endpoint-url "$AWS_ENDPOINT_URL" "$@"'
    programs = {".venv/bin/ceap": f"echo '{printed}'", "bin/make": "true", "bin/aws": aws}
    for name, command in programs.items():
        program = folder / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f"#!/bin/sh\n{command}\n")
        program.chmod(0o755)
    (folder / "sitecustomize.py").write_text(dedent(IMPATIENT))
    return folder


def run(engine: Engine, clone: Path, commands: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=clone,
        env={
            **os.environ,
            **engine.driver.variables(engine.url),
            "PATH": os.pathsep.join((str(clone / "bin"), str(Path(sys.executable).parent), os.environ["PATH"])),
            "PYTHONPATH": str(clone),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def deployed(engine: Engine, clone: Path) -> str:
    """What the first block printed."""
    return run(engine, clone, blocks(README, "### By hand")[0])


def test_they_deploy_the_sample_and_send_a_message_through_it(engine: Engine, clone: Path, deployed: str) -> None:
    assert re.findall(r"Successfully created/updated stack - (\S+)", deployed) == STACKS
    sending, listing = blocks(README, "### By hand")[1].split("\naws s3 ls")
    assert "MessageId" in run(engine, clone, sending)
    [execution] = engine.drain()
    listed = run(engine, clone, f"aws s3 ls{listing}")
    assert re.findall(r"executions/(\S+)/ETLStage/output.json", listed) == [execution.name]


@pytest.mark.usefixtures("deployed")
def test_they_change_nothing_a_second_time(engine: Engine, clone: Path) -> None:
    again = run(engine, clone, blocks(README, "### By hand")[0])
    assert re.findall(r"No changes to deploy. Stack (\S+) is up to date", again) == STACKS


def test_they_deploy_the_roles_too(engine: Engine, clone: Path) -> None:
    [roles, *_] = blocks(PAGE, "## 1. Deploy the roles of an environment")
    outputs = json.loads(run(engine, clone, roles).partition("deploy-ceap-dev\n")[2])
    assert sorted(output["OutputKey"] for output in outputs) == ["CallerRoleArn", "GitHubProviderArn", "ServiceRoleArn"]
