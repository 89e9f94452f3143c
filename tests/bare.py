"""What a project is without the sample: `python -m tests.bare` takes it out of a copy with `ceap init --bare`.

The copy uses this environment's packages, no network, and the README's handler and workflow as those of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[1]
TESTS_MIN: Final = 8000
"""How many tests must pass there: if fewer do, tests of the framework went with the sample."""
FRAMEWORK: Final = ("ceap", "glue", "guard_rules", "handlers/runtime", "templates")
FRAMEWORK_FILES: Final = ("handlers/__init__.py", "handlers/requirements.txt", "pyproject.toml")
OWN: Final = (
    *("handlers/[!_]*.py", "workflows/*.yaml", "workflows/messages/*", "workflows/fixtures/**", "generated/*"),
    *("handlers/packages/*", "tests/handlers/test_*.py", "ceap.toml"),
)
"""What a project has of its own where the sample was, which may use the sample."""

OFFLINE: Final = {"PIP_NO_INDEX": "1", "UV_OFFLINE": "1", "http_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1"}


def main() -> int:
    """Return 0 if the framework stands without the sample, else 1."""
    with tempfile.TemporaryDirectory(prefix="bare-") as scratch:
        project = Path(scratch).resolve() / "project"
        copy(project)
        make_environment(project)
        try:
            passed = use_without_the_sample(project)
        except AssertionError as error:
            print(f"without the sample: {error}", file=sys.stderr)
            return 1
    if passed < TESTS_MIN:
        print(f"without the sample: {passed} tests passed, expected at least {TESTS_MIN}", file=sys.stderr)
        return 1
    print(f"without the sample: {passed} tests passed, make check and make run too")
    return 0


def use_without_the_sample(project: Path) -> int:
    """Take the sample out of a copy and use what is left; return how many tests passed.

    Raises:
        AssertionError: a command failed, or something of the sample is left.
    """
    run(project, ".venv/bin/ceap", "init", "--bare", "--yes")
    own = run(project, "git", "rm", "-rf", "--ignore-unmatch", *(f":(glob){pattern}" for pattern in OWN))
    print(f"without what is the project's own, too:\n{own}" if own else "", end="", file=sys.stderr)
    write_own_workflow(project)
    run(project, "make", "templates")
    run(project, "git", "add", "--all")
    generated = sorted(path.name for path in (project / "generated").iterdir())
    assert generated == ["deploy.template.yaml", "foundation.template.yaml", "orders.template.yaml"], generated
    foundation = yaml.load((project / "generated/foundation.template.yaml").read_bytes(), Loader=yaml.BaseLoader)
    tables = [name for name, body in foundation["Resources"].items() if body["Type"] == "AWS::DynamoDB::Table"]
    assert tables == [], f"the foundation still has {tables}"
    run(project, "make", "check")
    ran = run(project, "make", "run", "WORKFLOW=orders")
    assert "orders: SUCCEEDED" in ran, ran
    run(project, "make", "lint")
    shared = ("--dist", "loadfile", "--no-loadscope-reorder")
    words = ("-q", "-n", "auto", "--maxprocesses", "8", *shared, "-p", "no:cacheprovider")
    [passed] = re.findall(r"(\d+) passed", run(project, ".venv/bin/pytest", *words))
    return int(passed)


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


def copy_framework(project: Path) -> None:
    """Copy what handlers, workflows and their tests need, without the sample, a project's own and the tests."""
    for name in FRAMEWORK:
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FRAMEWORK_FILES:
        shutil.copy(ROOT / name, project / name)
    (project / "workflows/messages").mkdir(parents=True)


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
    for stamp in ("ready", "dev", "glue"):
        if (Path(sys.prefix) / stamp).exists():
            (project / ".venv" / stamp).touch()


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


if __name__ == "__main__":
    sys.exit(main())
