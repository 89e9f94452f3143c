from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import handlers
from ceap.cli import main
from ceap.contracts import workflow_schemas
from templates import discovery
from templates.config import load_workflow
from tests.reference import EXPRESS


def test_the_schemas_are_printed_as_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", str(EXPRESS)]) == 0
    assert json.loads(capsys.readouterr().out) == workflow_schemas(load_workflow(EXPRESS))


def test_a_wrong_declaration_ends_with_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "orders.yaml").write_text("name: orders\n")
    assert main(["schema", str(tmp_path / "orders.yaml")]) == 2
    assert "orders.yaml" in capsys.readouterr().err


HANDLER = """\
from collections.abc import Iterator
import msgspec
from handlers.runtime.needs import Needs, Publish
from handlers.runtime.stage import WorkflowLambdaHandler
print("imported")
class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True): ...
class Record(msgspec.Struct):
    value: float = float("nan")
NEEDS = Needs(settings=Settings)
class Stage(WorkflowLambdaHandler[Record, Settings]):
    record_type = Record
    def process_data(self, records, stage): ...
handler = Stage(NEEDS)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose handlers are beside the project's own."""
    monkeypatch.setattr(handlers, "__path__", [*handlers.__path__, str(tmp_path)])
    discovery.handler_names.cache_clear()
    yield tmp_path
    discovery.handler_names.cache_clear()


def declare(folder: Path, name: str, source: str) -> str:
    """Write a handler and a declaration of a workflow that has it alone; return the path of the declaration."""
    (folder / f"{name}.py").write_text(source)
    declaration = folder / "own.yaml"
    declaration.write_text(f"name: own\ntype: EXPRESS\nsteps: [{{stage: OwnStage, handler: {name}}}]\n")
    return str(declaration)


def test_the_output_is_json_whatever_a_handler_prints_and_has_as_a_default(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schema", declare(folder, "noisy_own", HANDLER)]) == 0
    out, err = capsys.readouterr()
    assert err == "imported\n"
    document = json.loads(out, parse_constant=pytest.fail)
    assert document["$defs"]["Record"]["properties"] == {"value": {"type": "number", "default": None}}


MISTAKES = {
    "events_own": ("settings=Settings", "settings=Settings, events=('a', 'b')"),
    "tables_own": ("settings=Settings", "settings=Settings, tables=['a']"),
    "source_own": ("settings=Settings", "settings=Settings, events=Publish('aws.shop', 'Sold')"),
    "object_own": ('value: float = float("nan")', "value: object = None"),
    "complex_own": ('value: float = float("nan")', "value: list[complex] = []"),
    "iterator_own": ('value: float = float("nan")', "value: Iterator[int]"),
}


@pytest.mark.parametrize("command", ["schema", "synth --stdout", "run"])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_handler_ends_with_code_2_and_one_line_that_names_it(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str, mistake: str
) -> None:
    words = command.split()
    name = f"{mistake}_{words[0]}"
    old, new = MISTAKES[mistake]
    assert old in HANDLER
    assert main([*words, declare(folder, name, HANDLER.replace(old, new))]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 2)
    assert err.startswith(f"imported\nceap: handlers/{name}.py: ")
