"""Bytecode beside unpacked code: what an import takes of it."""

from __future__ import annotations

import os
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import Any

import pytest

from ceap.local.bytecode import write_bytecode


def load(path: Path) -> dict[str, Any]:
    code = SourceFileLoader("module", str(path)).get_code("module")
    assert code is not None
    assert code.co_filename == str(path)
    names: dict[str, Any] = {}
    exec(code, names)
    return names


def test_an_import_compiles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "package" / "module.py"
    path.parent.mkdir()
    path.write_text("def answer(): return 42\n", encoding="utf-8")
    write_bytecode(tmp_path)
    monkeypatch.setattr(SourceFileLoader, "source_to_code", lambda *_: pytest.fail("it compiles"))
    answer = load(path)["answer"]
    assert (answer(), answer.__code__.co_filename) == (42, str(path))


def test_it_is_not_taken_for_another_source_of_the_same_date_and_size(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("answer = 41\n", encoding="utf-8")
    write_bytecode(tmp_path)
    before = path.stat()
    path.write_text("answer = 42\n", encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert load(path)["answer"] == 42


@pytest.mark.parametrize("source", ["answer = (\n", "answer = '\\d'\n", "answer = '\x00'\n"])
def test_a_module_that_is_wrong_or_warns_is_left_to_its_import(tmp_path: Path, source: str) -> None:
    (tmp_path / "module.py").write_text(source, encoding="utf-8")
    write_bytecode(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["module.py"]
