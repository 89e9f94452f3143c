"""How a clone takes a new ceap: the page's commands are run on two real repositories, and its table is compared."""

from __future__ import annotations

import re
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from ceap.scaffold.sample import PATHS
from tests import bare

ROOT = bare.ROOT
PAGE = (ROOT / "docs/how-to/upgrade.md").read_text(encoding="utf-8")
SAMPLE_JOBS = {"glue/heavy_etl.py", "glue/latest.py"}
USER = ("-c", "user.name=user", "-c", "user.email=user@localhost")


def commands(heading: str) -> list[list[str]]:
    """Return the commands of the code block below a heading of the page."""
    [block] = re.findall(rf"^## {heading}\n.*?```sh\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    return [line.split() for line in block.splitlines()]


def commit(repository: Path, message: str) -> None:
    bare.run(repository, "git", "add", "--all")
    bare.run(repository, "git", *USER, "commit", "-qm", message)


def add(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text((file.read_text(encoding="utf-8") if file.exists() else "") + text, encoding="utf-8")


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """Ceap's repository, of which the user's is a clone."""
    bare.copy(tmp_path / "upstream")
    bare.run(tmp_path / "upstream", "git", "branch", "-M", "main")
    return tmp_path / "upstream"


@pytest.fixture
def project(tmp_path: Path, upstream: Path) -> Path:
    """The user's repository, with a handler, a workflow, its message and template, and a test."""
    project = tmp_path / "project"
    bare.run(tmp_path, "git", "clone", "-q", str(upstream), str(project))
    bare.make_environment(project)
    bare.write_own_workflow(project)
    add(project / "tests/handlers/test_own.py", "def test_own() -> None: ...\n")
    add(project / "ceap.toml", "# Rules and waivers of this project.\n")
    bare.run(project, "make", "templates")
    commit(project, "Add our workflow")
    return project


def take_new_ceap(project: Path, upstream: Path) -> None:
    """Do what the page says."""
    for words in (*commands("Once"), *commands("Each time")):
        command = [str(upstream) if word == "URL" else word for word in words]
        bare.run(project, *(("git", *USER, *command[1:]) if command[0] == "git" else command))


def test_a_clone_takes_a_new_ceap_without_a_conflict_and_keeps_what_is_its_own(upstream: Path, project: Path) -> None:
    own = ("handlers/convert.py", "workflows/orders.yaml", "workflows/messages/orders.json", "ceap.toml")
    before = {name: (project / name).read_bytes() for name in own}
    schema = upstream / "workflows/schema.json"
    schema.write_text(re.sub(r"\s+", " ", schema.read_text(encoding="utf-8")), encoding="utf-8")
    for name in ("handlers/runtime/stage.py", "templates/naming.py", "ceap/cli.py"):
        add(upstream / name, "\n# new\n")
    add(upstream / "CHANGELOG.md", "\n- new\n")
    commit(upstream, "A new ceap")
    take_new_ceap(project, upstream)
    assert {name: (project / name).read_bytes() for name in own} == before
    assert (project / "ceap/cli.py").read_bytes() == (upstream / "ceap/cli.py").read_bytes()
    assert '"convert"' in (project / "workflows/schema.json").read_text(encoding="utf-8")
    assert bare.run(project, "git", "status", "--porcelain") == ""
    assert bare.run(project, "git", "log", "--format=%s", "-1", "HEAD^2") == "A new ceap\n"


def patterns() -> list[tuple[str, str]]:
    """Return the patterns in the table of the page, each with whose files it matches."""
    rows = re.findall(r"^\| (.+?) \| (.*`.+) \|$", PAGE, re.MULTILINE)
    return [(pattern, owner) for owner, files in rows for pattern in re.findall(r"`([^`]+)`", files)]


def matches(name: str, pattern: str) -> bool:
    if pattern.endswith("/"):
        return name.startswith(pattern)
    return name.count("/") == pattern.count("/") and fnmatchcase(name, pattern)


def owner(name: str) -> str:
    """Return whose a file is: the longest pattern decides."""
    found = [(len(pattern), who) for pattern, who in patterns() if matches(name, pattern)]
    return max(found, default=(0, "ceap's"))[1]


def tracked() -> list[str]:
    return subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()


def test_the_sample_is_the_users_and_the_rest_of_ceap_is_not() -> None:
    sample = [*PATHS]
    folders = tuple(f"{path}/" for path in sample)
    of_sample = {name for name in tracked() if name in sample or name.startswith(folders)} | SAMPLE_JOBS
    sources = [name for name in of_sample if name.startswith(("handlers/", "glue/", "workflows/"))]
    assert {name: owner(name) for name in sources if owner(name) != "yours"} == {}
    parts = ("ceap/", "templates/", "guard_rules/", "tests/", "handlers/runtime/", "glue/lib/", "docs/", "scripts/")
    rest = [name for name in tracked() if name.startswith(parts) and name not in of_sample]
    assert [name for name in rest if owner(name) == "yours"] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("handlers/etl.py", "yours"),
        ("handlers/__init__.py", "ceap's"),
        ("handlers/runtime/stage.py", "ceap's"),
        ("glue/lib/job.py", "ceap's"),
        ("workflows/messages/orders.json", "yours"),
        ("workflows/schema.json", "of `make templates`"),
        ("pyproject.toml", "shared"),
        ("tests/test_cli.py", "ceap's"),
    ],
)
def test_the_table_says_whose_a_file_is(name: str, expected: str) -> None:
    assert owner(name) == expected


def test_what_make_templates_writes_has_the_merge_driver_of_the_page() -> None:
    names = [name for name in tracked() if owner(name) == "of `make templates`"]
    told = bare.run(ROOT, "git", "check-attr", "merge", "--", *names)
    assert told.splitlines() == [f"{name}: merge: ours" for name in names]
    assert len(names) > 1
