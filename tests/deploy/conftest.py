"""The local engine as AWS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ceap.aws.session import Aws, open_session
from ceap.ceap_toml import Environment
from ceap.local.engine import Engine


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """An empty engine for the tests of a module; each works with names of its own."""
    with Engine.start(warm=False) as engine:
        yield engine


@pytest.fixture(scope="module")
def aws(engine: Engine) -> Iterator[Aws]:
    """AWS as the engine's driver, reached by environment variables alone."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in engine.driver.variables(engine.url).items():
            patch.setenv(name, value)
        yield open_session(Environment(name="dev"))
