from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from ceap.aws.deployed import DeployedStack, load_stack
from ceap.aws.session import Aws, open_session
from ceap.ceap_toml import Environment
from ceap.deploy.smoke.message import load_message, smoke_file
from ceap.deploy.smoke.report import SmokeReport
from ceap.deploy.smoke.run import Options, Telling, smoke
from ceap.deploy.smoke.waiting import Waiting
from ceap.local.engine import Engine
from tests import reference
from tests.local.support import Deployed, deploy_express, deploy_standard

SERVICES = ("cloudformation", "cloudwatch", "dynamodb", "glue", "logs", "s3", "sqs", "stepfunctions", "xray")
"""What a smoke run calls."""

ALLOWED = Options(allow_events=True)


class Smoked(NamedTuple):
    """A workflow in the engine, which is AWS to `aws`."""

    deployed: Deployed
    aws: Aws
    workflow: str

    @property
    def engine(self) -> Engine:
        return self.deployed.engine

    @property
    def stack(self) -> DeployedStack:
        return load_stack(self.aws, self.workflow, "dev")

    def smoke(
        self,
        options: Options = ALLOWED,
        *,
        before: Callable[[], object] = lambda: None,
        after: Callable[[], object] = lambda: None,
        stack: DeployedStack | None = None,
        declaration: Path = reference.EXPRESS,
        once: bool = False,
        say: Callable[[str], None] = lambda _: None,
    ) -> SmokeReport:
        """Return the report of a run.

        Time passes, and the engine works, while it waits: first `before` is called, and
        `after` when the engine has done all.
        """
        now = [0.0]
        todo: list[Callable[[], object]] = [before, partial(self.engine.drain, once=once), after]

        def sleep(seconds: float) -> None:
            now[0] += 5 * seconds  # so that a limit takes few rounds
            while todo:
                todo.pop(0)()
            self.engine.drain(once=once)

        values = {"Environment": "dev", "AWS::AccountId": self.engine.account, "AWS::Region": "us-east-1"}
        message = load_message(smoke_file(declaration, self.workflow), values)
        waiting = Waiting(sleep, lambda: now[0])
        return smoke(self.aws, stack or self.stack, message, options, Telling(say, waiting))


@contextmanager
def smoked(workflow: str, deploy: Callable[[Engine], Deployed]) -> Iterator[Smoked]:
    with Engine.start() as engine:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in engine.driver.variables(engine.url).items():
                patch.setenv(name, value)
            aws = open_session(Environment(name="dev"))
            # A client keeps the engine that the variables named when it was made; a later fixture names its own.
            for service in SERVICES:
                aws.client(service)
        yield Smoked(deploy(engine), aws, workflow)


@pytest.fixture(scope="module")
def express() -> Iterator[Smoked]:
    """The EXPRESS workflow, which the tests of a module share: each leaves it as it was."""
    with smoked("express", deploy_express) as found:
        yield found


@pytest.fixture(scope="module")
def standard() -> Iterator[Smoked]:
    """The STANDARD workflow with a Glue job, which the tests of a module share."""
    with smoked("standard", deploy_standard) as found:
        yield found
