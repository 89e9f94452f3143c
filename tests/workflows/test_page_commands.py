"""The commands of the pages that need no AWS and are about the sample: they are run as they stand there."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ceap import project
from ceap.cli import main
from tests.pages.blocks import all_blocks, command_lines, programs

LOCAL = {"run", "invoke", "cost", "graph", "schema"}
WAITING = {"--watch", "--serve", "--debug"}
"""Options with which a command waits for a person; tests of the command use a terminal or a thread."""
RECORDS = "records.jsonl"


def words() -> Iterator[tuple[str, ...]]:
    """Yield each such command once, in the order of the pages; all keep what they leave in the same folder."""
    seen = set()
    for block in all_blocks():
        if block.language in {"sh", "console"} and not block.page.startswith("docs/runbook"):
            for line in command_lines(block):
                for program in programs(line):
                    name, command, *rest = [*program, "", ""][: max(len(program), 2)]
                    key = (command, *(re.sub(r"^/tmp/\w+", "runs", word) for word in rest))
                    if name in {"ceap", ".venv/bin/ceap"} and command in LOCAL and key not in seen and is_local(rest):
                        seen.add(key)
                        yield key


def is_local(rest: list[str]) -> bool:
    sample = {f"workflows/{path.name}" for path in project.WORKFLOWS.glob("*.yaml")}
    return bool(sample & set(rest)) and not ({"--env", *WAITING} & set(rest)) and "workflows/batch.yaml" not in rest


COMMANDS = list(words())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_project: None) -> Path:
    """A folder in which a reader might be: with the project's workflows, and nothing that commands have left."""
    (tmp_path / "workflows").symlink_to(project.WORKFLOWS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# One after the other, as a reader would: what one leaves is the input of the next.
def test_the_commands_of_the_pages_do_what_stands_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert {command for command, *_ in COMMANDS} == {"run", "invoke", "cost"}
    assert len(COMMANDS) == 10
    for command in COMMANDS:
        if RECORDS in command:
            assert main(["invoke", "workflows/realtime.yaml", "ETLStage"]) == 0
            (folder / RECORDS).write_text(capsys.readouterr().out)
        code = main(list(command))
        shown = capsys.readouterr()
        assert (command, code) == (command, "FilterStage:always" in command), shown.err
        assert shown.out != ""


@pytest.mark.usefixtures("folder")
def test_the_schema_judges_the_message_as_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    import jsonschema

    page = (project.ROOT / "docs/reference/schema.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    [command] = re.findall(r"# ceap (.*) > schemas\.json", code)
    assert main(shlex.split(command)) == 0
    printed = capsys.readouterr().out
    Path("schemas.json").write_text(printed)
    given: dict[str, Any] = {}
    exec(compile(code, "schema.md", "exec"), given)
    schemas = json.loads(printed)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"source": {"kind": "nothing"}}, schemas | schemas["message"])
