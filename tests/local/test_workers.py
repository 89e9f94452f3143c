"""A function's worker: what it gives its handler, and what becomes of a handler that fails."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import psutil
import pytest

from ceap.local.packages import lacking_file
from ceap.local.workers import Function, Outcome, Worker

Start = Callable[..., Worker]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a worker whose handler is `module.handler` of the given source."""
    workers: list[Worker] = []

    def begin(source: str, handler: str = "module.handler", timeout_s: int = 30, memory_mb: int = 256) -> Worker:
        (tmp_path / "module.py").write_text(dedent(source), encoding="utf-8")
        worker = Worker(function(tmp_path, handler, timeout_s, memory_mb))
        workers.append(worker)
        return worker

    yield begin
    for worker in workers:
        worker.close()


def function(root: Path, handler: str = "module.handler", timeout_s: int = 30, memory_mb: int = 256) -> Function:
    environment = {
        "_HANDLER": handler,
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
        "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
        "LAMBDA_TASK_ROOT": str(root),
        "OWN": "value",
    }
    lacking = lacking_file(root)
    if not lacking.exists():  # a process of the same code may be reading it
        lacking.write_text("{}", encoding="utf-8")
    return Function("f", "arn:f", handler, timeout_s, memory_mb, environment, root, lacking)


def invoke(worker: Worker, event: Any = None, offset_s: float = 0.0) -> Outcome:
    return worker.invoke("request-1", event, offset_s, None)


def error_of(outcome: Outcome) -> tuple[str, str]:
    assert outcome.failed
    error = json.loads(outcome.payload)
    return error["errorType"], error["errorMessage"]


def test_the_handler_gets_the_event_and_its_result_comes_back(start: Start) -> None:
    worker = start("def handler(event, context): return {'doubled': event['n'] * 2, 'text': 'é\u2028'}")
    outcome = invoke(worker, {"n": 21})
    assert not outcome.failed
    assert json.loads(outcome.payload) == {"doubled": 42, "text": "é\u2028"}


def test_the_context_has_the_fields_of_lambda(start: Start) -> None:
    worker = start(
        """
        def handler(event, context):
            names = ("function_name", "function_version", "memory_limit_in_mb", "invoked_function_arn",
                     "aws_request_id", "log_group_name", "log_stream_name", "identity", "client_context")
            return [*(getattr(context, name) for name in names), context.get_remaining_time_in_millis()]
        """
    )
    *fields, remaining_ms = json.loads(invoke(worker).payload)
    assert fields == ["f", "$LATEST", "256", "arn:f", "request-1", "/aws/lambda/f", "stream", None, None]
    assert 20_000 < remaining_ms <= 30_000


def test_a_worker_has_the_environment_of_its_function_and_no_other(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    worker = start("import os\ndef handler(event, context): return dict(os.environ)")
    given = json.loads(invoke(worker).payload)
    given.pop("LC_CTYPE", None)  # Python's own, where the locale is C
    assert given["OWN"] == "value"
    assert set(given) == set(function(tmp_path).environment)


def test_a_worker_finds_its_code_and_installed_packages_and_nothing_of_the_project(start: Start) -> None:
    worker = start(
        """
        import importlib.util
        def handler(event, context):
            return [name for name in event if importlib.util.find_spec(name)]
        """
    )
    names = ["module", "boto3", "msgspec", "json", "ceap", "templates", "handlers"]
    assert json.loads(invoke(worker, names).payload) == ["module", "boto3", "msgspec", "json"]


@pytest.mark.parametrize(
    "change",
    [
        "open('module.py', 'a')",
        "Path(__file__).with_name('new').mkdir()",
        "os.rename('/nowhere', 'new')",
        "os.open(os.path.abspath('new'), os.O_CREAT | os.O_WRONLY)",
        "Path(__file__).unlink()",
    ],
)
def test_a_handler_cannot_write_beside_its_code(start: Start, tmp_path: Path, change: str) -> None:
    worker = start(f"import os\nfrom pathlib import Path\ndef handler(event, context): {change}")
    error_type, message = error_of(invoke(worker))
    assert (error_type, message.partition(":")[0]) == ("OSError", "[Errno 30] Read-only file system")
    assert [path.name for path in tmp_path.iterdir()] == ["module.py"]


def test_a_handler_may_read_its_code_and_write_elsewhere(
    start: Start, tmp_path_factory: pytest.TempPathFactory
) -> None:
    worker = start(
        """
        import os, shutil
        def handler(event, context):
            os.makedirs(f"{event}/a/b")
            with open(f"{event}/a/b/module.py", "w") as copy:
                copy.write(open("module.py").read())
            shutil.rmtree(event)
            return os.path.exists("module.py")
        """
    )
    assert invoke(worker, str(tmp_path_factory.mktemp("own"))).payload == "true"


def test_a_warm_worker_keeps_its_state(start: Start) -> None:
    worker = start("calls = []\ndef handler(event, context):\n    calls.append(event)\n    return len(calls)")
    assert [invoke(worker).payload for _ in range(3)] == ["1", "2", "3"]


def test_what_a_handler_prints_comes_with_its_outcome(start: Start) -> None:
    worker = start(
        """
        import sys
        print("loaded")
        def handler(event, context):
            print("one", event)
            print("two", file=sys.stderr)
        """
    )
    assert invoke(worker, "a").lines == ["loaded", "one a", "two"]
    assert invoke(worker, "b").lines == ["one b", "two"]


def test_more_output_than_a_pipe_holds_does_not_stop_the_handler(start: Start) -> None:
    worker = start("def handler(event, context):\n    for n in range(20_000): print('line', n)")
    assert invoke(worker).lines[-1] == "line 19999"


def test_an_exception_is_reported_as_lambda_reports_it(start: Start) -> None:
    worker = start("class OddError(Exception): pass\ndef handler(event, context): raise OddError('it is odd')")
    outcome = invoke(worker)
    error = json.loads(outcome.payload)
    assert error_of(outcome) == ("OddError", "it is odd")
    assert error["requestId"] == "request-1"
    assert [line.strip().split("\n")[1].strip() for line in error["stackTrace"]] == [
        "def handler(event, context): raise OddError('it is odd')"
    ]


def test_a_worker_goes_on_after_an_exception(start: Start) -> None:
    worker = start("def handler(event, context): return 1 / event")
    assert error_of(invoke(worker, 0)) == ("ZeroDivisionError", "division by zero")
    assert invoke(worker, 1).payload == "1.0"


def test_a_fault_is_raised_before_the_handler_runs(start: Start) -> None:
    worker = start("print('loaded')\ndef handler(event, context): print('ran')")
    outcome = worker.invoke("r", None, 0.0, {"errorType": "TransientStageError", "errorMessage": "asked for"})
    assert error_of(outcome) == ("TransientStageError", "asked for")
    assert outcome.lines == ["loaded"]
    assert invoke(worker).lines == ["ran"]


@pytest.mark.parametrize(
    ("source", "handler", "expected"),
    [
        ("import nowhere", "module.handler", ("Runtime.ImportModuleError", "No module named 'nowhere'")),
        ("", "other.handler", ("Runtime.ImportModuleError", "Unable to import module 'other'")),
        ("", "module.handler", ("Runtime.HandlerNotFound", "Handler 'handler' missing on module 'module'")),
        ("def", "module.handler", ("Runtime.UserCodeSyntaxError", "Syntax error in module 'module'")),
        ("raise ValueError('no')", "module.handler", ("ValueError", "no")),
    ],
)
def test_a_handler_that_cannot_be_loaded_is_reported(
    start: Start, source: str, handler: str, expected: tuple[str, str]
) -> None:
    worker = start(source, handler)
    error_type, message = error_of(invoke(worker))
    assert error_type == expected[0]
    assert expected[1] in message
    assert not worker.alive


def test_a_handler_that_takes_too_long_is_ended(start: Start) -> None:
    worker = start("import time\ndef handler(event, context):\n    print('begun')\n    time.sleep(60)", timeout_s=1)
    outcome = invoke(worker)
    message = "RequestId: request-1 Error: Task timed out after 1.00 seconds"
    assert error_of(outcome) == ("Sandbox.Timedout", message)
    assert outcome.lines == ["begun"]
    assert not worker.alive
    assert not psutil.pid_exists(worker.pid)


def test_a_handler_that_takes_too_much_memory_is_ended(start: Start) -> None:
    source = "import time\ndef handler(event, context):\n    data = b'x' * 2**28\n    time.sleep(60)"
    worker = start(source, memory_mb=128)
    assert error_of(invoke(worker))[0] == "Runtime.OutOfMemory"
    assert not psutil.pid_exists(worker.pid)


def test_a_handler_that_prints_without_pause_is_ended_for_its_memory_too(start: Start) -> None:
    source = """
        import time
        def handler(event, context):
            data = b"x" * 2**28
            while True:
                print(len(data), flush=True)
                time.sleep(0.001)
        """
    outcome = invoke(start(source, memory_mb=128))
    assert error_of(outcome)[0] == "Runtime.OutOfMemory"
    assert outcome.memory_mb > 128


@pytest.mark.parametrize(
    ("way_out", "reason"),
    [
        ("os._exit(3)", "exit status 3"),
        ("sys.exit(4)", "exit status 4"),
        ("sys.exit('bye')", "exit status 1"),
        ("os.kill(os.getpid(), 9)", "signal: SIGKILL"),
    ],
)
def test_a_handler_that_ends_its_process_is_reported(start: Start, way_out: str, reason: str) -> None:
    worker = start(f"import os, sys\ndef handler(event, context): {way_out}")
    message = f"RequestId: request-1 Error: Runtime exited with error: {reason}"
    assert error_of(invoke(worker)) == ("Runtime.ExitError", message)
    assert not worker.alive


def test_a_process_that_died_while_it_was_idle_is_reported(start: Start) -> None:
    worker = start("def handler(event, context): return 1")
    invoke(worker)
    os.kill(worker.pid, signal.SIGKILL)
    assert error_of(invoke(worker))[0] == "Runtime.ExitError"


def test_a_handler_lives_in_virtual_time(start: Start) -> None:
    worker = start(
        """
        import time
        from datetime import UTC, datetime
        def handler(event, context):
            return [time.time(), time.time_ns() / 1e9, datetime.now(UTC).timestamp(), datetime.now().timestamp(),
                    type(datetime.now()) is datetime, context.get_remaining_time_in_millis() > 0]
        """
    )
    week_s = 7 * 86_400
    *moments, is_datetime, has_time_left = json.loads(invoke(worker, offset_s=week_s).payload)
    assert [0] * len(moments) == [round((moment - time.time() - week_s) / 10) for moment in moments]
    assert is_datetime
    assert has_time_left


def test_a_worker_takes_along_what_it_started(start: Start) -> None:
    worker = start("import subprocess\ndef handler(event, context): return subprocess.Popen(['sleep', '60']).pid")
    child = int(invoke(worker).payload)
    assert psutil.pid_exists(child)
    worker.close()
    assert_gone(child)


def test_a_worker_ends_when_the_engine_is_killed(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("import time\ndef handler(event, context): time.sleep(600)", encoding="utf-8")
    engine = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from tests.local.test_workers import function, Worker;"
            "worker = Worker(function(Path(sys.argv[1]), timeout_s=600)); print(worker.pid, flush=True);"
            "worker.invoke('r', None, 0.0, None)",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    with engine:
        assert engine.stdout is not None
        worker = int(engine.stdout.readline())
        assert psutil.pid_exists(worker)
        engine.kill()
    assert_gone(worker)


def assert_gone(pid: int) -> None:
    """Wait for the end of a process that is not our child; whoever inherits it may leave it a zombie."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for _ in range(50):
            if process.status() == psutil.STATUS_ZOMBIE:
                return
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(timeout=0.2)
        raise AssertionError(f"process {pid} still runs")


def test_lines_are_heard_while_the_handler_runs_and_the_last_without_its_end(start: Start, tmp_path: Path) -> None:
    worker = start(
        """
        import os
        print("loaded")
        def handler(event, context):
            print("waits for", event)
            while not os.path.exists(event):
                pass
            print("goes é on", end="")
        """
    )
    heard: list[str] = []

    def hear(line: str) -> None:
        heard.append(line)
        if line.startswith("waits"):
            (tmp_path / "sign").touch()

    outcome = worker.invoke("request-1", str(tmp_path / "sign"), 0.0, None, hear=hear)
    assert not outcome.failed
    assert heard == outcome.lines == ["loaded", f"waits for {tmp_path / 'sign'}", "goes é on"]
