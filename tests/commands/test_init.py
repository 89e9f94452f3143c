"""`ceap init`: what it writes passes every check as it is; what it may not write or remove, it leaves alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ceap import project
from ceap.cli import main
from ceap.scaffold.workflow import build_files
from templates.model import WorkflowType
from tests import bare

LONGEST = "n" * 22
"""A name of one word can have no more."""
FILES = [f"{path}{name}.py" for name in ("orders", LONGEST) for path in ("handlers/", "tests/handlers/test_")]


def run(folder: Path, *words: str, of: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, with the code of that project or of another."""
    command = [sys.executable, "-m", *words]
    environment = {**os.environ, "PYTHONPATH": str(of or folder), "COLUMNS": "200"}
    nothing = subprocess.DEVNULL
    return subprocess.run(
        command, cwd=folder, env=environment, stdin=nothing, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the framework in which two workflows were begun."""
    folder = tmp_path_factory.mktemp("clone")
    bare.copy_framework(folder)
    for name, *options in (["orders"], [LONGEST, "--type", "STANDARD"]):
        done = run(folder, "ceap", "init", name, *options)
        assert (done.returncode, done.stderr) == (0, "")
    return folder


@pytest.mark.parametrize(
    "words", ["ruff check --no-cache", "ruff format --no-cache --check", "pytest -q -p no:cacheprovider"]
)
def test_its_code_passes(words: str, clone: Path) -> None:
    files = FILES[1::2] if words.startswith("pytest") else FILES
    done = run(clone, *words.split(), *files)
    assert done.returncode == 0, done.stdout


def test_its_types_are_right(clone: Path) -> None:
    done = run(clone, "mypy", "--no-error-summary", "--cache-dir", os.devnull, *FILES[:2])
    assert (done.returncode, done.stdout) == (0, "")


def test_its_template_is_written_and_breaks_no_rule_and_its_workflow_runs(clone: Path) -> None:
    assert run(clone, "ceap", "synth").returncode == 0
    checked = run(clone, "ceap", "check")
    assert (checked.returncode, checked.stdout) == (0, ""), checked.stdout
    for name in ("orders", LONGEST):
        ran = run(clone, "ceap", "run", f"workflows/{name}.yaml")
        assert ran.returncode == 0, ran.stderr
        assert "1 rejected (AMOUNT_NEGATIVE)" in ran.stdout


def test_it_says_what_it_wrote_and_what_is_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(project, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["init", "late-orders"]) == 0
    assert capsys.readouterr().out == (
        "written  workflows/late-orders.yaml\n"
        "written  handlers/late_orders.py\n"
        "written  workflows/messages/late-orders.json\n"
        "written  workflows/fixtures/late-orders/s3/amzn-s3-demo-source-bucket/late-orders/records.csv\n"
        "written  tests/handlers/test_late_orders.py\n"
        "\n"
        ".venv/bin/ceap run workflows/late-orders.yaml   # runs it on this machine\n"
        ".venv/bin/ceap synth                            # writes generated/late-orders.template.yaml\n"
        ".venv/bin/ceap check                            # judges it\n"
    )


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Orders", "a workflow's name begins with a letter and has a-z, 0-9 and hyphens only, e.g. orders"),
        ("orders\n", "a workflow's name begins with a letter and has a-z, 0-9 and hyphens only, e.g. orders"),
        ("yes", "it is not a text to all readers of YAML; choose another name"),
        ("null", "it is not a text to all readers of YAML; choose another name"),
        ("import", "it is a keyword of Python, so handlers/import.py could not be imported; choose another name"),
        ("deploy", "it is that of another template of every project; choose another name"),
        ("foundation", "it is that of another template of every project; choose another name"),
        (
            f"{LONGEST}n",
            f"the function ceap-{LONGEST}n-${{Environment}}-N{LONGEST} could have 65 characters with an Environment of "
            "12; AWS Lambda allows 64: choose a shorter name",
        ),
    ],
)
def test_a_name_that_no_workflow_can_have_is_refused(
    name: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(project, "ROOT", tmp_path)
    assert main(["init", name]) == 2
    assert capsys.readouterr().err == f"ceap: NAME is {name!r}: {problem}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", [*build_files("orders", WorkflowType.EXPRESS), "generated/orders.template.yaml"])
def test_a_name_that_the_project_has_is_refused_and_nothing_is_written(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(project, "ROOT", tmp_path)
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text("mine")
    assert main(["init", "orders"]) == 2
    assert capsys.readouterr().err == f"ceap: NAME is 'orders', which {path} has already; choose another name\n"
    assert [file.read_text() for file in tmp_path.rglob("*") if file.is_file()] == ["mine"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--bare", "--type", "EXPRESS"], "--type: --bare writes no workflow; leave it out"),
        (["orders", "--yes"], "--yes: without --bare nothing is removed; leave it out"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", *words]) == 2
    assert capsys.readouterr().err == f"ceap: {message}\n"


@pytest.fixture
def sampled(tmp_path: Path) -> Path:
    """A committed project with a workflow and a handler that are called as the sample's."""
    bare.copy_framework(tmp_path)
    for path, text in build_files("realtime", WorkflowType.EXPRESS).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    shutil.move(tmp_path / "handlers/realtime.py", tmp_path / "handlers/etl.py")
    declaration = tmp_path / "workflows/realtime.yaml"
    declaration.write_text(declaration.read_text().replace("handler: realtime", "handler: etl"))
    (tmp_path / ".gitignore").write_text("__pycache__/\n")
    assert run(tmp_path, "ceap", "synth").returncode == 0
    bare.run(tmp_path, "git", "init", "-q")
    commit(tmp_path)
    return tmp_path


def commit(folder: Path) -> None:
    bare.run(folder, "git", "add", "--all")
    bare.run(folder, "git", "-c", "user.name=bare", "-c", "user.email=bare@localhost", "commit", "-qm", "A project")


def test_bare_removes_the_sample_and_leaves_a_project_that_passes(sampled: Path) -> None:
    done = run(sampled, "ceap", "init", "--bare", "--yes")
    assert (done.returncode, done.stderr, done.stdout.splitlines()[0]) == (0, "", "removed  6 files of the sample")
    assert sorted(path.name for path in sampled.glob("workflows/**/*") if path.is_file()) == ["schema.json"]
    assert not (sampled / "handlers/etl.py").exists()
    assert [path.name for path in (sampled / "generated").iterdir()] == ["foundation.template.yaml"]
    checked = run(sampled, "ceap", "check")
    assert (checked.returncode, checked.stdout) == (0, ""), checked.stdout
    again = run(sampled, "ceap", "init", "--bare")
    assert (again.returncode, again.stdout.splitlines()[0]) == (0, "removed  0 files of the sample")
    (sampled / "workflows/orders.yaml").write_text("name: deploy\n")
    wrong = run(sampled, "ceap", "init", "--bare")
    assert (wrong.returncode, wrong.stdout, "workflows/orders.yaml:1: " in wrong.stderr) == (2, "", True), wrong.stderr
    assert "nothing was removed" not in wrong.stderr


@pytest.mark.parametrize("path", ["handlers/etl.py", "handlers/candidates/mine.py"])
def test_bare_removes_nothing_where_a_change_would_be_lost(path: str, sampled: Path) -> None:
    (sampled / path).parent.mkdir(exist_ok=True)
    with (sampled / path).open("a", encoding="utf-8") as file:
        file.write("# mine\n")
    done = run(sampled, "ceap", "init", "--bare", "--yes")
    lost = f"ceap: {path}: not committed, and would be lost with the sample; commit or move what you need\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", lost)
    assert (sampled / "workflows/realtime.yaml").exists()


def test_bare_puts_the_sample_back_where_a_workflow_of_the_project_needs_it(sampled: Path) -> None:
    own = (sampled / "workflows/realtime.yaml").read_text().replace("name: realtime", "name: orders")
    (sampled / "workflows/orders.yaml").write_text(own)
    assert run(sampled, "ceap", "synth").returncode == 0
    commit(sampled)
    done = run(sampled, "ceap", "init", "--bare", "--yes")
    assert done.returncode == 2
    assert "workflows/orders.yaml:7: steps[0].handler is 'etl'" in done.stderr
    assert done.stderr.endswith("; nothing was removed, as the project does not stand without the sample\n")
    assert bare.run(sampled, "git", "status", "--porcelain") == ""


def test_bare_takes_nothing_out_of_a_project_that_it_is_not_called_in(sampled: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    elsewhere.mkdir()
    done = run(elsewhere, "ceap", "init", "--bare", "--yes", of=sampled)
    other = f"ceap: --bare: this ceap is that of {sampled}; call it there, or the .venv/bin/ceap of here\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", other)
    assert (sampled / "handlers/etl.py").exists()


def test_bare_asks_and_needs_git(sampled: Path) -> None:
    done = run(sampled, "ceap", "init", "--bare")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ceap: remove 6 files of the sample? Nobody can be asked")
    shutil.rmtree(sampled / ".git")
    done = run(sampled, "ceap", "init", "--bare", "--yes")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.endswith("; keep the project in a git repository\n")
    assert (sampled / "handlers/etl.py").exists()
