from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import handlers
from templates import discovery
from tests.operated import sent

__all__ = ["sent"]

STAGE = """from collections.abc import Iterator
from typing import Any

import msgspec

from handlers.runtime.needs import Needs
from handlers.runtime.stage import WorkflowLambdaHandler


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True): ...


class BreakStage(WorkflowLambdaHandler[dict[str, Any], Settings]):
    def process_data(self, records: Iterator[dict[str, Any]], stage: Any) -> Iterator[dict[str, Any]]:
        for record in records:
            {body}
            yield record


NEEDS = Needs(settings=Settings)
handler = BreakStage(NEEDS)
"""
WORKFLOW = "name: tried\ntype: EXPRESS\ndescription: One stage\nsteps:\n  - stage: BreakStage\n    handler: break_it\n"
MESSAGE = '{"source": {"kind": "inline", "records": [{"id": "r1"}, {"id": "r2"}]}}'


@pytest.fixture
def write_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Return what writes a workflow of one stage, `tried.yaml`, whose body for each record is given.

    The current folder is that of the workflow, with its message, and of `handlers/break_it.py`.
    """
    folder = tmp_path / "handlers"
    folder.mkdir()
    (tmp_path / "tried.yaml").write_text(WORKFLOW, encoding="utf-8")
    (tmp_path / "messages").mkdir()
    (tmp_path / "messages" / "tried.json").write_text(MESSAGE, encoding="utf-8")
    monkeypatch.setattr(handlers, "__path__", [*handlers.__path__, str(folder)])
    monkeypatch.chdir(tmp_path)
    cached = (discovery.handler_names, discovery.load_needs, discovery.load_contract, discovery.tables)

    def write(body: str) -> None:
        (folder / "break_it.py").write_text(STAGE.format(body=body), encoding="utf-8")
        for function in cached:
            function.cache_clear()
        monkeypatch.delitem(sys.modules, "handlers.break_it", raising=False)

    yield write
    for function in cached:
        function.cache_clear()
