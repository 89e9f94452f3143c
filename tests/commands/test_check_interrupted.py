from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from templates.render import render
from templates.stacks import foundation_stack
from tests import processes

# A shell lets what it starts in the background ignore SIGINT, and nohup SIGHUP.
PROGRAM = """
import signal
import sys
from pathlib import Path

from ceap.cli import main
from ceap.policy.guard import cfn_guard

signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
engine = Path(sys.argv.pop())
cfn_guard.find_engine = lambda: engine
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated"), (signal.SIGHUP, 129, "terminated")],
)
def test_an_interrupted_check_leaves_no_engine_and_no_copy_of_itself(
    tmp_path: Path, number: signal.Signals, code: int, word: str
) -> None:
    os.mkfifo(tmp_path / "started")
    engine = tmp_path / "cfn-guard"
    engine.write_text(f"#!/bin/sh\necho $$ > {tmp_path / 'started'}\nexec sleep 600\n")
    engine.chmod(0o755)
    (tmp_path / "template.yaml").write_text(render(foundation_stack()))
    words = [sys.executable, "-c", PROGRAM, "check", "template.yaml", str(engine)]
    with processes.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as check:
        (tmp_path / "started").read_text()
        started = psutil.Process(check.pid).children(recursive=True)
        check.send_signal(number)
        try:
            out, told = check.communicate(timeout=60)
        finally:
            check.kill()
    assert (check.returncode, out, told) == (code, "", f"ceap: {word}\n")
    assert len(started) > 1
    _, left = psutil.wait_procs(started, timeout=30)  # who takes it over may be slow to notice that it has ended
    assert left == []
