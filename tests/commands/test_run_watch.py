"""`ceap run --watch`: each run is that of the files as they are then, and nothing of the runs before is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from ceap.cli import main
from ceap.local.changes import Changes, Stamp
from tests import processes

PROGRAM = """
import signal
import sys

import handlers

handlers.__path__[:] = [sys.argv.pop(1)]
from ceap.cli import main

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main())
"""
Captured = pytest.CaptureFixture[str]

DECLARATION = """\
name: numbers
type: EXPRESS
steps:
  - {stage: FirstStage, handler: first, settings: {factor: 2}}
  - {stage: SecondStage, handler: second}
"""
FIRST = """\
import msgspec
from handlers.runtime.needs import Needs
from handlers.runtime.stage import WorkflowLambdaHandler
from handlers.shared.values import VALUE
CALLS = []
class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    factor: int = 1
class FirstStage(WorkflowLambdaHandler[dict, Settings]):
    def process_data(self, records, stage):
        CALLS.append(1)
        for record in records:
            yield record | {"first": 1 * stage.settings.factor, "shared": VALUE, "calls": len(CALLS)}
NEEDS = Needs(settings=Settings)
handler = FirstStage(NEEDS)
"""
SECOND = """\
import msgspec
from handlers.runtime.needs import Needs, Table
from handlers.runtime.stage import WorkflowLambdaHandler
from handlers.shared.values import VALUE
class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass
class SecondStage(WorkflowLambdaHandler[dict, Settings]):
    def process_data(self, records, stage):
        for record in records:
            yield record | {"again": VALUE}
NEEDS = Needs(settings=Settings)
handler = SecondStage(NEEDS)
"""
WITH_TABLE = (
    SECOND.replace('"again": VALUE', '"price": stage.table("prices").get_many([{"id": "p"}])[0]["price"]')
    .replace("Settings)\nhandler", 'Settings, tables={PRICES: ("BatchGetItem",)})\nhandler')
    .replace("class SecondStage", 'PRICES = Table(name="prices", partition_key="id")\nclass SecondStage')
)

ADD = "def lambda_handler(event, context):\n    return [record | {{'added': {}}} for record in event]\n"


def message(*numbers: int) -> str:
    return json.dumps({"source": {"kind": "inline", "records": [{"n": number} for number in numbers]}})


class Run(NamedTuple):
    """What a run printed, and what its last stage yielded; None: it did not get so far."""

    told: str
    records: list[dict[str, Any]] | None


class Project:
    """A project whose files a test edits while it is watched."""

    def __init__(self, folder: Path, handlers: Path) -> None:
        self.handlers, self.declaration = handlers, folder / "workflows" / "numbers.yaml"
        self.message = folder / "workflows" / "messages" / "numbers.json"
        self.seed = folder / "workflows" / "fixtures" / "numbers"
        self.kept = folder / "kept"
        self.write(self.declaration, DECLARATION)
        self.write(self.message, message(1))
        self.write(handlers / "first.py", FIRST)
        self.write(handlers / "second.py", SECOND)
        self.write(handlers / "shared" / "__init__.py", "")
        self.write(handlers / "shared" / "values.py", "VALUE = 1\n")

    def write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        """Change a handler or a declaration, within its second."""
        path = self.declaration if name == self.declaration.name else self.handlers / name
        text, before = path.read_text(encoding="utf-8"), path.stat()
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns // 10**9 * 10**9 + 1))


@pytest.fixture
def numbers(tmp_path: Path, own_handlers: Path) -> Project:
    return Project(tmp_path, own_handlers)


Watched = Callable[..., list[Run]]


@pytest.fixture
def watched(numbers: Project, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> Watched:
    """Watch while edits are made, one after each run, and return what came of the runs."""

    def begin(*edits: Callable[[], object], words: tuple[str, ...] = ()) -> list[Run]:
        runs: list[Run] = []
        left = iter(edits)

        def wait(changes: Changes) -> list[Path]:
            out, told = capsys.readouterr()
            runs.append(Run(told, records_of(json.loads(out)) if out else None))
            edit = next(left, None)
            if edit is None:
                raise KeyboardInterrupt
            edit()
            return list(changes.find())

        monkeypatch.setattr(Changes, "wait", wait)
        options = ["--watch", "--json", "--keep", str(numbers.kept), *words]
        assert main(["run", str(numbers.declaration), *options]) == 130
        assert capsys.readouterr().err.splitlines()[-1] == "ceap: interrupted"
        return runs

    return begin


def records_of(report: dict[str, Any]) -> list[dict[str, Any]] | None:
    path = report["executions"][-1]["stages"][-1]["object"]
    records: list[dict[str, Any]] | None = None
    if path:
        records = json.loads((Path(report["kept"]) / path).read_text(encoding="utf-8"))["data"]
    return records


def record(**changes: int) -> list[dict[str, int]]:
    return [{"n": 1, "first": 2, "shared": 1, "calls": 1, "again": 1} | changes]


def test_each_run_is_of_the_files_as_they_are(numbers: Project, watched: Watched) -> None:
    runs = watched(
        lambda: numbers.replace("first.py", "1 * stage", "4 * stage"),
        lambda: numbers.replace("shared/values.py", "1", "7"),
        lambda: numbers.replace("numbers.yaml", "factor: 2", "factor: 3"),
        lambda: numbers.write(numbers.message, message(5)),
        lambda: numbers.write(numbers.handlers / "second.py", SECOND + "# nothing else\n"),
    )
    assert [run.records for run in runs] == [
        record(),
        record(first=8),
        record(first=8, shared=7, again=7),
        record(first=12, shared=7, again=7),
        record(first=12, shared=7, again=7, n=5),
        record(first=12, shared=7, again=7, n=5),
    ]
    first, *others = (run.told.splitlines() for run in runs)
    assert (
        first[-1] == others[-1][-1] == "watching the handlers, the declaration, the message and the seed; Ctrl-C ends"
    )
    assert [told[1] for told in others] == [
        f"{path} changed: running again"
        for path in (
            numbers.handlers / "first.py",
            numbers.handlers / "shared" / "values.py",
            numbers.declaration,
            numbers.message,
            numbers.handlers / "second.py",
        )
    ]


def test_settings_that_are_renamed_within_a_second_are_the_new_ones(
    numbers: Project, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rename() -> None:
        for name in ("first.py", "numbers.yaml"):
            numbers.replace(name, "factor", "number")

    monkeypatch.setattr(sys, "dont_write_bytecode", False)  # what is written of the first run must not be taken
    assert [run.records for run in watched(rename)] == [record(), record()]


def test_a_table_its_data_and_another_handler_come_and_go(numbers: Project, watched: Watched) -> None:
    prices = numbers.seed / "tables" / "prices.jsonl"

    def add() -> None:
        numbers.write(numbers.handlers / "second.py", WITH_TABLE)
        numbers.write(prices, '{"id": "p", "price": 10}')

    def swap() -> None:
        prices.unlink()
        (numbers.handlers / "second.py").unlink()
        numbers.write(numbers.handlers / "third.py", SECOND.replace("again", "third"))
        numbers.replace("numbers.yaml", "second", "third")

    runs = watched(
        add,
        lambda: numbers.write(prices, '{"id": "p", "price": 20}'),
        swap,
    )
    base = {"n": 1, "first": 2, "shared": 1, "calls": 1}
    assert [run.records for run in runs] == [
        record(),
        [base | {"price": 10}],
        [base | {"price": 20}],
        [base | {"third": 1}],
    ]


def test_a_file_of_resources_that_was_wrong_is_run_once_it_is_right(numbers: Project, watched: Watched) -> None:
    own = numbers.declaration.parent / "own.yaml"
    numbers.write(numbers.declaration, f"{DECLARATION}resources: own.yaml\n")
    numbers.write(own, "Resources: {Bucket: {}}")
    [wrong, right] = watched(lambda: numbers.write(own, "Resources: {Bucket: {Type: AWS::S3::Bucket}}"))
    assert (wrong.records, right.records) == (None, record())


def test_the_code_of_an_existing_function_is_that_of_its_folder(numbers: Project, watched: Watched) -> None:
    code = numbers.seed / "functions" / "AddFunctionArn" / "lambda_function.py"
    numbers.write(numbers.declaration, DECLARATION.replace("handler: second", "legacy: AddFunctionArn"))
    numbers.write(code, ADD.format(1))
    runs = watched(
        lambda: numbers.write(code, ADD.format(2)),
        code.unlink,
        lambda: numbers.write(code, ADD.format(3)),
    )
    base = {"n": 1, "first": 2, "shared": 1, "calls": 1}
    added = [[base | {"added": 1}], [base | {"added": 2}], None, [base | {"added": 3}]]
    assert [run.records for run in runs] == added


def test_a_set_of_packages_that_is_locked_counts_as_a_change(numbers: Project, watched: Watched) -> None:
    lock = numbers.handlers / "packages" / "tables.txt"
    assert [run.records for run in watched(lambda: numbers.write(lock, "sortedcontainers==2.4.0\n"))] == [record()] * 2


def test_what_is_wrong_is_shown_and_the_next_change_is_run(numbers: Project, watched: Watched) -> None:
    first = numbers.handlers / "first.py"
    runs = watched(
        lambda: numbers.write(first, FIRST.replace("yield record |", "yield = record |")),
        lambda: numbers.write(first, FIRST),
        lambda: numbers.replace("numbers.yaml", "factor", "factr"),
        lambda: numbers.write(numbers.declaration, DECLARATION),
        numbers.message.unlink,
        lambda: numbers.write(numbers.message, message(1)),
        lambda: numbers.write(first, FIRST.replace("1 * stage", "1 / 0 * stage")),
        lambda: numbers.write(first, FIRST),
    )
    assert [run.records for run in runs] == [record(), None, record(), None, record(), None, record(), None, record()]
    assert "ceap: handlers/first.py:12: cannot be imported: SyntaxError: " in runs[1].told
    assert f"ceap: {numbers.declaration}:4: " in runs[3].told
    assert f"ceap: {numbers.message}: the message cannot be read" in runs[5].told
    assert f"ZeroDivisionError: division by zero, at {first}:12" in runs[7].told


def test_after_a_failure_the_next_run_begins_at_real_time(numbers: Project, watched: Watched) -> None:
    first = numbers.handlers / "first.py"
    clock = FIRST.replace("import msgspec", "import time, msgspec").replace('"calls": len(CALLS)', '"at": time.time()')
    runs = watched(
        lambda: numbers.write(first, clock.replace("1 * stage", "1 / 0 * stage")),
        lambda: numbers.write(first, clock),
    )
    assert "waits 20 s before attempt 2" in runs[1].told
    assert runs[2].records is not None
    assert abs(runs[2].records[0]["at"] - time.time()) < 60


def test_a_change_ends_a_run_that_hangs(numbers: Project, watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    first, mark = numbers.handlers / "first.py", numbers.kept / "mark"
    hanging = FIRST.replace(
        "        for record", f"        open({str(mark)!r}, 'w')\n        while True: pass\n        for record"
    )
    find = Changes.find

    def repair(changes: Changes) -> Mapping[Path, Stamp | None]:
        if mark.exists():
            mark.unlink()
            numbers.write(first, FIRST)
        return find(changes)

    monkeypatch.setattr(Changes, "find", repair)
    runs = watched(lambda: numbers.write(first, hanging), lambda: None)
    assert [run.records for run in runs] == [record(), None, record()]


@pytest.mark.parametrize(
    ("number", "ending"),
    [(signal.SIGINT, (130, "ceap: interrupted\n")), (signal.SIGTERM, (143, "ceap: terminated\n"))],
)
def test_an_edit_shows_what_a_fresh_run_shows_and_the_end_leaves_nothing(
    numbers: Project, tmp_path: Path, number: signal.Signals, ending: tuple[int, str]
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    command = [sys.executable, "-c", PROGRAM, str(numbers.handlers), "run", str(numbers.declaration), "--json"]
    surroundings = {**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": ""}  # a buffer would keep reports
    watching = processes.Popen(
        [*command, "--watch"], env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with watching:
        assert watching.stderr is not None
        assert watching.stdout is not None
        next(line for line in watching.stderr if line.startswith("watching"))
        numbers.replace("first.py", "CALLS.append(1)", "stage.count('edited', 1)")
        numbers.write(numbers.message, message(1, 2))
        next(line for line in watching.stderr if line.startswith("watching"))
        left = psutil.Process(watching.pid).children(recursive=True)
        watching.send_signal(number)
        told, out = watching.stderr.read(), watching.stdout.read()
    assert (watching.returncode, told) == ending
    assert [process for process in left if process.is_running()] == []
    assert list(folder.iterdir()) == []
    fresh = processes.run(command, env=surroundings, capture_output=True, check=True)
    first, *_, last = out.replace("}\n{", "}\n\0{").split("\0")
    assert without_chance(last) == without_chance(fresh.stdout) != without_chance(first)


def without_chance(text: str | bytes) -> dict[str, Any]:
    """Return a report without what differs in each run."""
    report: dict[str, Any] = json.loads(text)
    for execution in report["executions"]:
        for part in (execution, *execution["stages"]):
            part["durationS"] = None
        execution["executionId"] = None
    return report


def test_standard_input_cannot_be_watched(numbers: Project, capsys: Captured) -> None:
    assert main(["run", str(numbers.declaration), "--watch", "--message", "-"]) == 2
    told = capsys.readouterr().err
    assert told == "ceap: --watch --message -: standard input can be read only once; name a file\n"
