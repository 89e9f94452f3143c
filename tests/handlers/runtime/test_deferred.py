"""Imports that are put off: what is used is the module itself, whenever it is used."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

from handlers.runtime.deferred import deferring

MODULES = {
    "own/__init__.py": "",
    "own/tool.py": "LEVEL = 3\ndef double(number): return 2 * number\nclass Tool: pass\n",
    "own/by_name.py": "from own.tool import double\n",
    "own/whole.py": "import own.tool\ndef level(): return own.tool.LEVEL\n",
    "own/constant.py": "from own.tool import LEVEL\n",
    "own/child.py": "from own.tool import Tool\nclass Child(Tool): pass\n",
}


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "own").mkdir()
    for name, text in MODULES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "own"]:
        del sys.modules[name]


def test_a_callable_that_is_taken_by_name_loads_its_module_when_it_is_called() -> None:
    with deferring({"own.tool": ("double",)}):
        by_name = import_module("own.by_name")
    assert "own.tool" not in sys.modules
    assert by_name.double(4) == 8
    assert sys.modules["own.tool"].LEVEL == 3


def test_a_module_that_is_imported_as_a_whole_is_loaded_when_it_is_used() -> None:
    with deferring({"own.tool": ()}):
        whole = import_module("own.whole")
    assert "own.tool" not in sys.modules
    assert whole.level() == 3
    assert "own.tool" in sys.modules


def test_another_name_loads_the_module_at_once() -> None:
    with deferring({"own.tool": ("double",)}):
        assert import_module("own.constant").LEVEL == 3
        assert import_module("own.tool").Tool.__module__ == "own.tool"
    assert "own.tool" in sys.modules


def test_an_import_after_the_block_is_that_of_the_module() -> None:
    with deferring({"own.tool": ("double",)}):
        import_module("own.by_name")
    tool = import_module("own.tool")
    assert tool.double.__module__ == "own.tool"
    assert import_module("own.whole").own.tool is tool


def test_a_module_that_is_loaded_already_stays() -> None:
    tool = import_module("own.tool")
    with deferring({"own.tool": ("double",)}):
        assert import_module("own.by_name").double is tool.double
    assert sys.modules["own.tool"] is tool


def test_a_module_that_failed_on_a_stand_in_can_be_imported_afterwards() -> None:
    with pytest.raises(TypeError), deferring({"own.tool": ("Tool",)}):
        import_module("own.child")
    assert import_module("own.child").Child.__base__ is import_module("own.tool").Tool


def test_a_stand_in_is_found_before_the_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [PathFinder])
    with deferring({"own.tool": ("double",)}):
        import_module("own.by_name")
    assert "own.tool" not in sys.modules


def test_nothing_is_left_of_it() -> None:
    before = list(sys.meta_path)
    with deferring({"own.tool": ()}):
        pass
    assert sys.meta_path == before
