"""Whatever is left is noticed: a thread, a file, a process, a temporary file."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from tests.local.faults import leftovers
from tests.local.faults.leftovers import left_since, look, own_temporary_files


def test_what_is_left_is_told_and_what_has_ended_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "JOIN_S", 0.01)
    over = threading.Event()
    with own_temporary_files(tmp_path):
        before = look()
        thread = threading.Thread(target=over.wait, name="waits", daemon=True)
        thread.start()
        child = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
        named = tempfile.NamedTemporaryFile(prefix="kept-")  # noqa: SIM115 (it is to stay open)
        found = left_since(before)
        over.set()
        thread.join()
        child.communicate(b"\n")
        named.close()
        assert left_since(before) == []
    assert found[0] == "thread waits"
    assert f"process {child.pid}" in found
    assert f"temporary file {Path(named.name).name}" in found
    assert sum(said.startswith("file ") for said in found) == 2
