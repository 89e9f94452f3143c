"""The hook for other repositories: its manifest, and what it does with what pre-commit gives it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
[HOOK] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
MAKEFILE = """\
.venv/ready:
	@echo set up
	@mkdir -p .venv/bin && cp ceap .venv/bin/ceap && touch .venv/ready
"""
CEAP = f"""\
#!/bin/sh
exec {sys.executable} -c 'import sys; sys.path.insert(0, "{ROOT}"); from ceap.cli import main; sys.exit(main())' "$@"
"""
TEMPLATE = """\
Resources:
  Setting:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: %s}
  Reading:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: '2012-10-17'
        Statement: [{Effect: Allow, Action: [s3:GetObject], Resource: ['arn:aws:s3:::b/k']}]
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone whose environment is made at once, and runs ceap as it is here."""
    clone = tmp_path / "clone of ceap"
    (clone / "scripts").mkdir(parents=True)
    shutil.copy(ROOT / HOOK["entry"], clone / "scripts")
    (clone / "Makefile").write_text(MAKEFILE)
    (clone / "ceap").write_text(CEAP)
    (clone / "ceap").chmod(0o755)
    return clone


def hook(clone: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    folder = clone.parent / "somebody's repository"
    folder.mkdir(exist_ok=True)
    (folder / "right.template.yaml").write_text(TEMPLATE % "a")
    (folder / "wrong one.template.yaml").write_text(TEMPLATE % "~")
    command = [str(clone / "scripts/hook"), *arguments]
    return subprocess.run(
        command, cwd=folder, env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True, check=False
    )


def test_it_judges_the_files_that_it_is_given_in_the_folder_of_the_caller(clone: Path) -> None:
    done = hook(clone, "right.template.yaml")
    assert (done.returncode, done.stdout) == (0, "")
    done = hook(clone, "right.template.yaml", "wrong one.template.yaml")
    assert done.returncode == 1
    assert done.stdout.startswith("wrong one.template.yaml:4: CFN01_NO_NULL: ")


def test_the_environment_is_made_once(clone: Path) -> None:
    first, second = (hook(clone, "right.template.yaml").stderr for _ in range(2))
    assert (first.count("set up\n"), second.count("set up\n")) == (1, 0)


def test_a_make_that_makes_the_commit_changes_nothing(clone: Path) -> None:
    assert hook(clone, "right.template.yaml", MAKEFLAGS="n", MAKELEVEL="1").returncode == 0


def test_an_environment_that_cannot_be_made_fails_the_hook(clone: Path) -> None:
    (clone / "ceap").unlink()
    assert hook(clone, "right.template.yaml").returncode not in (0, 1)


def test_the_manifest_names_the_script_and_takes_templates() -> None:
    assert HOOK["language"] == "script"
    assert (ROOT / HOOK["entry"]).stat().st_mode & 0o111
    names = ["a.template.yaml", "b/c.template.yml", "d.template.json", "a.yaml", "template.yaml", "a.template.yaml.md"]
    assert [name for name in names if re.search(HOOK["files"], name)] == names[:3]
