from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ceap import project
from ceap.cli import main
from templates import naming
from tests.reference import EXPRESS

WORKFLOWS = [naming.FOUNDATION, *(workflow.name for workflow in project.load_workflows(project.declarations()))]
FILES = [naming.template_file(name) for name in (*WORKFLOWS, naming.DEPLOY)]


def synth(*arguments: object) -> int:
    return main(["synth", *map(str, arguments)])


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.usefixtures("own_project")
def test_the_committed_templates_are_what_the_declarations_generate(tmp_path: Path) -> None:
    assert synth("--out", tmp_path) == 0
    assert written(tmp_path) == {name: (project.GENERATED / name).read_bytes() for name in FILES}


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "1"},
        {"LC_ALL": "C", "TZ": "America/St_Johns", "PYTHONHASHSEED": "4294967295", "PYTHONUTF8": "0"},
    ],
    ids=["Turkish, in the Pacific", "ASCII, in Newfoundland"],
)
def test_the_bytes_do_not_depend_on_folder_locale_time_zone_or_hash_seed(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    subprocess.run(
        [sys.executable, "-c", "import sys; from ceap.cli import main; sys.exit(main())", "synth", "--out", "made"],
        check=True,
        cwd=tmp_path / "elsewhere",
        env={"PATH": os.defpath, "PYTHONPATH": str(project.ROOT)} | environment,
        stdout=subprocess.DEVNULL,
    )
    assert written(tmp_path / "elsewhere" / "made") == {name: (project.GENERATED / name).read_bytes() for name in FILES}


def test_what_did_not_change_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    synth(EXPRESS, "--out", tmp_path)
    capsys.readouterr()
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    synth(EXPRESS, "--out", tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["unchanged", "unchanged"]


def test_stdout_gets_the_template_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert synth(EXPRESS, "--stdout") == 0
    out = capsys.readouterr().out
    assert synth(EXPRESS, "--out", tmp_path) == 0
    assert out == (tmp_path / "express.template.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("arguments", [["--stdout"], [EXPRESS, EXPRESS, "--stdout"]])
def test_stdout_takes_one_workflow(arguments: list[object], capsys: pytest.CaptureFixture[str]) -> None:
    assert synth(*arguments) == 2
    assert "--stdout takes exactly one WORKFLOW.yaml" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "wrong.yaml: the file is empty"),
        (b"\x80\x81\x00", "wrong.yaml: not a text file"),
        (b"name: a\n---\nname: b\n", "wrong.yaml:2: a second document begins here"),
        (b"name: a\nname: b\n", "wrong.yaml:2: name stands twice, first in line 1"),
        (b"name: a\ntype: EXPRESS\nsteps:\n  - {stage: A, glue: x}\n", "wrong.yaml:4: steps[0].glue is 'x', but"),
        (None, "wrong.yaml: there is no such file"),
    ],
    ids=["empty", "binary", "several documents", "repeated key", "Glue in EXPRESS", "missing"],
)
def test_a_wrong_declaration_ends_with_one_message_code_2_and_nothing_written(
    content: bytes | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.yaml"
    if content is not None:
        wrong.write_bytes(content)
    assert synth(EXPRESS, wrong, "--out", tmp_path / "out") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("ceap: ")
    assert message in err
    assert not (tmp_path / "out").exists()


def test_an_error_late_in_the_run_leaves_the_files_that_were_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(EXPRESS.read_text(encoding="utf-8").replace("express", "other") + "overrides: {Nothing: {}}\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "express.template.yaml").write_text("mine")
    assert synth(EXPRESS, wrong, "--out", tmp_path / "out") == 2
    assert "overrides.Nothing is not a resource of the workflow's template" in capsys.readouterr().err
    assert written(tmp_path / "out") == {"express.template.yaml": b"mine"}


def test_two_declarations_of_one_name_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    twin = tmp_path / "twin.yaml"
    twin.write_bytes(EXPRESS.read_bytes())
    assert synth(EXPRESS, twin, "--out", tmp_path / "out") == 2
    assert "name is 'express', as in" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert synth(EXPRESS, "--out", tmp_path / "file") == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_template_too_large_for_inline_deployment_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps = "".join(f"  - {{stage: Number{n}, handler: sift, timeout_s: 10}}\n" for n in range(15))
    large = tmp_path / "large.yaml"
    large.write_text(f"name: large\ntype: EXPRESS\nsteps:\n{steps}")
    assert synth(large, "--out", tmp_path) == 0
    assert "over 51,200 bytes: the AWS CLI deploys it with --s3-bucket only" in capsys.readouterr().err
