"""Copies of the project to change: with this environment's packages, without a network, without the sample."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs/how-to/without-the-sample.md"
OFFLINE: Final = {"PIP_NO_INDEX": "1", "UV_OFFLINE": "1", "http_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1"}


def copy(project: Path) -> None:
    """Copy what git tracks, and what it would, into a repository of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, project / name)
    run(project, "git", "init", "-q")
    run(project, "git", "add", "--all")
    run(project, "git", "-c", "user.name=bare", "-c", "user.email=bare@localhost", "commit", "-qm", "A copy")


def make_environment(project: Path) -> None:
    """Make a virtual environment with links to this one's packages, in which the project is the copy."""
    run(project, sys.executable, "-m", "venv", "--without-pip", ".venv")
    ours = Path(sysconfig.get_paths()["purelib"])
    theirs = project / ".venv" / ours.relative_to(sys.prefix)
    for entry in ours.iterdir():
        if not (entry.suffix == ".pth" and "ceap" in entry.name):
            (theirs / entry.name).symlink_to(entry)
    (theirs / "ceap.pth").write_text(f"{project}\n", encoding="utf-8")
    programs = project / ".venv/bin"
    for program in (Path(sys.prefix) / "bin").iterdir():
        if program.is_file() and not (programs / program.name).exists():
            shutil.copy2(program, programs / program.name)
    for program in programs.iterdir():
        content = program.read_bytes() if not program.is_symlink() else b""
        if content.startswith(b"#!") and sys.prefix.encode() in content:
            program.write_bytes(content.replace(sys.prefix.encode(), str(project / ".venv").encode()))
    (project / ".venv/locked").write_text(f"{project}\n", encoding="utf-8")
    for stamp in ("ready", "glue"):
        if (Path(sys.prefix) / stamp).exists():
            (project / ".venv" / stamp).touch()


def deletions(page: str) -> list[str]:
    """Return the commands of the page that take the sample out."""
    return re.findall(r"^git rm .+$", page, re.MULTILINE)


def write_own_workflow(project: Path) -> None:
    """Write the handler, the declaration and the message of the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for block in re.findall(r"```(?:python|yaml)\n(.*?)```", readme, re.DOTALL):
        path = block.splitlines()[0].removeprefix("# ")
        if path in ("handlers/convert.py", "workflows/orders.yaml"):
            (project / path).write_text(block, encoding="utf-8")
    [message] = re.findall(r"```json\n(.*?)```", readme, re.DOTALL)
    (project / "workflows/messages").mkdir(parents=True, exist_ok=True)
    (project / "workflows/messages/orders.json").write_text(message, encoding="utf-8")


def run(project: Path, *command: str) -> str:
    """Run a command in the project and return its output.

    Raises:
        AssertionError: it failed; its output is in the message.
    """
    environment = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(
        command,
        cwd=project,
        env=environment | OFFLINE,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"`{' '.join(command)}` ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout
