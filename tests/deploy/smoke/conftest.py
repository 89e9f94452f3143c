from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from ceap.aws.deployed import DeployedStack, load_stack
from ceap.aws.workflow import deployed_workflow
from ceap.deploy.smoke.message import load_message, smoke_file
from ceap.deploy.smoke.report import SmokeReport
from ceap.deploy.smoke.run import Options, Telling, smoke
from ceap.deploy.smoke.waiting import Waiting
from tests import reference
from tests.local.support import deploy_express, deploy_standard
from tests.operated import Operated, operated

ALLOWED = Options(allow_events=True)
QUIET_S = 600


class Smoked(Operated):
    """A workflow in the engine, which smoke runs are made on."""

    @property
    def stack(self) -> DeployedStack:
        return load_stack(self.aws, self.name, "dev")

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
        """Return the report of a run, which begins when alarms on earlier ones are OK again.

        Time passes, and the engine works, while it waits: first `before` is called, and
        `after` when the engine has done all.
        """
        self.engine.travel(QUIET_S)
        now = [0.0]
        todo: list[Callable[[], object]] = [before, partial(self.engine.drain, once=once), after]

        def sleep(seconds: float) -> None:
            now[0] += 5 * seconds  # so that a limit takes few rounds
            while todo:
                todo.pop(0)()
            self.engine.drain(once=once)

        values = {"Environment": "dev", "AWS::AccountId": self.engine.account, "AWS::Region": "us-east-1"}
        message = load_message(smoke_file(declaration, self.name), values)
        waiting = Waiting(sleep, lambda: now[0])
        workflow = deployed_workflow(stack, self.name, "dev") if stack else self.workflow
        return smoke(self.aws, workflow, message, options, Telling(say, waiting))


@pytest.fixture(scope="module")
def express() -> Iterator[Smoked]:
    """The EXPRESS workflow, which the tests of a module share: each leaves it as it was."""
    with operated("express", deploy_express) as found:
        yield Smoked(*found)


@pytest.fixture(scope="module")
def standard() -> Iterator[Smoked]:
    """The STANDARD workflow with a Glue job, which the tests of a module share."""
    with operated("standard", deploy_standard) as found:
        yield Smoked(*found)
