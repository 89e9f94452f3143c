"""What holds for all tests."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

import handlers
from templates import discovery
from tests import reference

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("ceap", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ceap")

# The tests of the framework use stages and jobs of their own, whatever the project has beside them.
handlers.__path__.append(str(reference.HANDLERS))
discovery.JOB_FOLDERS.append(reference.GLUE)


@pytest.fixture
def own_project(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The project's own stages and jobs alone, without those of the tests: what `ceap` finds outside of them."""
    monkeypatch.setattr(handlers, "__path__", [path for path in handlers.__path__ if path != str(reference.HANDLERS)])
    monkeypatch.setattr(discovery, "JOB_FOLDERS", [discovery.GLUE_FOLDER])
    cached = (discovery.handler_names, discovery.job_names, discovery.tables)
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()
