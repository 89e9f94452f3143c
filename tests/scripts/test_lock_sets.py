"""`make lock` locks the sets of packages one after the other, so that one environment can hold them all."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ceap.project import ROOT

COMPILE = """#!/bin/sh
echo "$*" >>calls
for word; do
    if [ "$last" = -o ]; then cat "$word" >>seen; echo "$*" >"$word"; fi
    case $word in */refused.in) exit 1 ;; esac
    last=$word
done
"""
OLDEST = "build/python3.11.txt"
BASE = "--constraint handlers/requirements.txt"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("scripts", "handlers/packages"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copy(ROOT / "scripts/lock-sets", tmp_path / "scripts")
    (tmp_path / "compile").write_text(COMPILE)
    (tmp_path / "compile").chmod(0o755)
    return tmp_path


def lock(project: Path) -> subprocess.CompletedProcess[str]:
    command = [str(project / "scripts/lock-sets"), "./compile", "--quiet"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def write_list(project: Path, name: str) -> None:
    (project / f"handlers/packages/{name}.in").touch()


def calls(project: Path) -> list[str]:
    return (project / "calls").read_text().splitlines()


def test_a_set_has_the_base_and_the_sets_before_it_as_constraints(project: Path) -> None:
    write_list(project, "orders")
    write_list(project, "tables")
    assert (lock(project).returncode, lock(project).stderr) == (0, "")
    orders, tables = (f"handlers/packages/{name}" for name in ("orders", "tables"))
    assert calls(project)[:4] == [
        f"--quiet --python-version 3.11 {BASE} {orders}.in -o {OLDEST}",
        f"--quiet --python-version 3.13 {BASE} --constraint {OLDEST} {orders}.in -o {orders}.txt",
        f"--quiet --python-version 3.11 {BASE} --constraint {orders}.txt {tables}.in -o {OLDEST}",
        f"--quiet --python-version 3.13 {BASE} --constraint {orders}.txt --constraint {OLDEST} "
        f"{tables}.in -o {tables}.txt",
    ]


def test_what_is_locked_is_there_when_it_is_locked_again(project: Path) -> None:
    write_list(project, "tables")
    (project / "handlers/packages/tables.txt").write_text("pandas==3.1.1\n")
    lock(project)
    assert (project / "seen").read_text() == "pandas==3.1.1\n" * 2


def test_a_set_that_does_not_fit_the_others_is_named_and_its_lock_stays(project: Path) -> None:
    write_list(project, "refused")
    (project / "handlers/packages/refused.txt").write_text("pandas==3.1.1\n")
    done = lock(project)
    assert (done.returncode, done.stderr) == (
        1,
        "make: handlers/packages/refused.in: no versions fit those of requirements.lock, handlers/requirements.txt and "
        "the sets before it; ask for others\n",
    )
    assert (project / "handlers/packages/refused.txt").read_text() == "pandas==3.1.1\n"


def test_a_project_without_sets_locks_none(project: Path) -> None:
    assert (lock(project).returncode, (project / "calls").exists()) == (0, False)
