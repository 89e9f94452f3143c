from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests import bare, reference


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
