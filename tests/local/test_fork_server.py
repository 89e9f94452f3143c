"""Processes of functions that are forked: they are as those that are started anew."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import psutil
import pytest

from ceap.local.fork_server import ForkServer, fast_launch
from ceap.local.workers import Launch, Worker, launch_process
from tests.local.test_workers import error_of, function, invoke

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.close()


def outcome_of(root: Path, source: str, launch: Launch) -> tuple[str, list[str]]:
    """Return the result or the error of a handler, as JSON, and what it printed."""
    (root / "module.py").write_text(dedent(source), encoding="utf-8")
    bare = function(root)
    worker = Worker(bare._replace(environment={**bare.environment, "LANG": "en_US.UTF-8", "TZ": "UTC"}), launch)
    outcome = invoke(worker, {"n": 1})
    worker.close()
    return outcome.payload, outcome.lines


SURROUNDINGS = """
    import os, sys, time
    print("loading")
    def handler(event, context):
        print("to standard error", file=sys.stderr)
        main = sys.modules["__main__"]
        return {
            "environment": sorted(os.environ.items()),
            "folder": os.getcwd(),
            "path": sys.path,
            "script": [sys.argv[0], main.__name__, main.__file__, type(context).__module__],
            "own group": os.getsid(0) == os.getpid(),
            "input": sys.stdin.read(),
            "arn": context.invoked_function_arn,
            "utf-8": sys.flags.utf8_mode,
            "time zone": time.tzname,
            "descriptors": len(os.listdir("/proc/self/fd")),
        }
"""


@pytest.mark.parametrize(
    "source",
    [
        SURROUNDINGS,
        "import os\ndef handler(event, context): os._exit(3)",
        "import os, signal\ndef handler(event, context): os.kill(os.getpid(), signal.SIGTERM)",
        "def handler(event, context): raise KeyboardInterrupt('stop')",
        "import sys\ndef handler(event, context): sys.exit('bye')",
        "def handler(event, context): return 1 / 0",
        "def handler(event, context):\n    return = 1",
        "import nothing_of_this_name",
    ],
)
def test_a_forked_process_does_what_a_new_one_does(server: ForkServer, tmp_path: Path, source: str) -> None:
    new, forked = (outcome_of(tmp_path, source, launch) for launch in (launch_process, server.launch))
    assert forked == new


def test_the_packages_are_loaded_and_no_code_of_the_project(server: ForkServer, tmp_path: Path) -> None:
    source = """
        import sys
        NAMES = ("botocore.session", "msgspec", "handlers", "ceap", "module")
        LOADED = [name for name in NAMES if name in sys.modules]
        def handler(event, context): return LOADED
    """
    payload, _ = outcome_of(tmp_path, source, server.launch)
    assert json.loads(payload) == ["botocore.session", "msgspec", "module"]


def test_each_process_has_its_own_state(server: ForkServer, tmp_path: Path) -> None:
    source = """
        CALLS = []
        def handler(event, context):
            CALLS.append(event)
            return len(CALLS)
    """
    assert [outcome_of(tmp_path, source, server.launch) for _ in range(2)] == [("1", [])] * 2


def test_a_process_ends_when_its_engine_is_gone_while_others_go_on(server: ForkServer, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("def handler(event, context): return 1", encoding="utf-8")
    first, second = (Worker(function(tmp_path), server.launch) for _ in range(2))
    assert invoke(first).payload == invoke(second).payload == "1"
    first._requests.close()
    assert first._process.wait() == -9
    for pipe in (first._output, first._stack, io.FileIO(first._answers)):
        pipe.close()
    assert invoke(second).payload == "1"
    second.close()


def test_nothing_is_left_when_the_server_is_closed() -> None:
    before = set(psutil.Process().children())
    with fast_launch():
        [process] = set(psutil.Process().children()) - before
    assert not process.is_running()


def test_a_server_that_has_ended_is_told(tmp_path: Path) -> None:
    server = ForkServer()
    process = psutil.Process(server.pid)
    process.kill()
    server._process.wait()
    with pytest.raises(OSError, match=r"Broken pipe|has ended"):
        server.launch(function(tmp_path), (), 1)
    assert server.poll(1) == -9
    server.close()


def test_the_memory_of_a_forked_process_is_watched(server: ForkServer, tmp_path: Path) -> None:
    source = "def handler(event, context):\n    held = bytearray(b'x') * 2**29\n    while held: pass"
    (tmp_path / "module.py").write_text(source, encoding="utf-8")
    outcome = invoke(Worker(function(tmp_path), server.launch))
    assert error_of(outcome) == ("Runtime.OutOfMemory", "RequestId: request-1 Error: out of memory")
