"""A deployed workflow in an engine, which is AWS to those who operate it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from ceap.aws.session import Aws, open_session
from ceap.aws.workflow import DeployedWorkflow, load_deployed
from ceap.ceap_toml import Environment
from ceap.local.engine import Engine
from tests.local.support import Deployed, deploy_express
from tests.reference import MESSAGE

SERVICES = (
    *("cloudformation", "cloudwatch", "dynamodb", "glue", "lambda", "logs", "pipes", "s3", "sqs", "stepfunctions"),
    *("sts", "xray"),
)


class Operated(NamedTuple):
    """A workflow in the engine, which is AWS to `aws`."""

    deployed: Deployed
    aws: Aws
    name: str

    @property
    def engine(self) -> Engine:
        return self.deployed.engine

    @property
    def workflow(self) -> DeployedWorkflow:
        return load_deployed(self.aws, self.name, "dev")


@contextmanager
def aws_of(engine: Engine) -> Iterator[Aws]:
    """Yield AWS as the engine's driver, reached by environment variables alone, which stay set meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in engine.driver.variables(engine.url).items():
            patch.setenv(name, value)
        yield open_session(Environment(name="dev"))


@contextmanager
def operated(name: str, deploy: Callable[[Engine], Deployed]) -> Iterator[Operated]:
    """Deploy a workflow into an engine of its own."""
    with Engine.start() as engine:
        with aws_of(engine) as aws:
            # A client keeps the engine that the variables named when it was made; a later fixture names its own.
            for service in SERVICES:
                aws.client(service)
            aws.client_once("sqs")
        yield Operated(deploy(engine), aws, name)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """An empty engine for the tests of a module; each works with names of its own."""
    with Engine.start(warm=False) as engine:
        yield engine


@pytest.fixture(scope="module")
def aws(engine: Engine) -> Iterator[Aws]:
    """AWS as the engine's driver, reached by environment variables alone."""
    with aws_of(engine) as found:
        yield found


@pytest.fixture(scope="module")
def sent() -> Iterator[tuple[Engine, str]]:
    """An engine with the EXPRESS workflow, its keys in the environment, and the id of a message that succeeded."""
    with Engine.start() as engine, aws_of(engine):
        deployed = deploy_express(engine)
        message = engine.send(deployed.queue, MESSAGE)
        engine.drain()
        yield engine, message
