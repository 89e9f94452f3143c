from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests import bare, conftest, reference


def test_a_handler_with_the_name_of_one_of_our_tests_is_refused(tmp_path: Path) -> None:
    bare.copy_framework(tmp_path)
    shutil.copytree(reference.HANDLERS.parent, tmp_path / "tests/reference")
    shutil.copytree(bare.ROOT / "tests/proofs", tmp_path / "tests/proofs")
    for path in (bare.ROOT / "tests").glob("[!t]*.py"):
        shutil.copy(path, tmp_path / "tests")
    shutil.copy(reference.HANDLERS / "rate.py", tmp_path / "handlers")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert "handlers/rate.py: tests/reference/handlers/ has one of that name; rename yours" in done.stderr


def test_no_test_connects_to_another_machine() -> None:
    with pytest.raises(AssertionError, match=r"a test connects to 192\.0\.2\.1: none needs a network"):
        socket.create_connection(("192.0.2.1", 443), timeout=1)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as here:
        assert here.getpeername() == server.getsockname()


def in_order(text: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of tests in the order in which they run if that text decides it."""
    monkeypatch.setattr(conftest, "ORDER", text)
    names = [f"tests/{file}.py::test_{number}" for file in ("b", "a", "workflows/c") for number in range(9)]
    items = cast("list[pytest.Item]", [SimpleNamespace(nodeid=name) for name in names])
    for _ in conftest.pytest_collection_modifyitems(items):
        pass  # here pytest orders the tests itself
    return [item.nodeid for item in items]


def test_the_order_within_files_stays_or_is_another_for_each_text(monkeypatch: pytest.MonkeyPatch) -> None:
    written, *others = (in_order(text, monkeypatch) for text in ("", "1", "2", "1"))
    assert written == [f"tests/{file}.py::test_{number}" for file in ("workflows/c", "b", "a") for number in range(9)]
    assert [sorted(other) for other in others] == [sorted(written)] * 3
    assert {tuple(name.partition("::")[0] for name in other[::9]) for other in others} == {
        ("tests/workflows/c.py", "tests/a.py", "tests/b.py")
    }
    assert others[0] == others[2] != others[1]
    assert written not in others
