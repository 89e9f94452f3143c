"""Set-up takes a Python that it supports, and on others says what to do and leaves nothing behind."""

import shutil
import subprocess
from pathlib import Path

import pytest

SETUP = Path(__file__).parent.parent.parent / "scripts" / "setup"


class Machine:
    """A machine with nothing but the interpreters that a test puts on it."""

    def __init__(self, root: Path) -> None:
        self.project = root / "project"
        self.bin = root / "bin"
        (self.project / "scripts").mkdir(parents=True)
        self.bin.mkdir()
        shutil.copy(SETUP, self.project / "scripts")
        for tool in ("sh", "dirname", "rm"):
            (self.bin / tool).symlink_to(shutil.which(tool) or tool)

    def add(self, name: str, script: str) -> Path:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def add_python(self, name: str, version: str, *, venv: bool = True) -> Path:
        """Add an interpreter that answers what set-up asks, and fails to make an environment."""
        answers = f"case $2 in *version_info*) echo {version};; *_base_executable*) echo $0;;"
        return self.add(name, f"{answers} *ensurepip*) exit {0 if venv else 1};; *) exit 1;; esac")

    def set_up(self, **environment: str) -> tuple[int, str]:
        done = subprocess.run(
            [self.project / "scripts" / "setup"],
            env={"PATH": str(self.bin), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert [path.name for path in self.project.iterdir()] == ["scripts"]
        return done.returncode, done.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_other_versions_are_refused_with_the_cure(machine: Machine) -> None:
    machine.add_python("python3", "3.15")
    machine.add_python("python", "3.10")
    code, message = machine.set_up()
    assert code == 1
    assert "ceap needs Python 3.11 to 3.14; found: python3 is 3.15, python is 3.10." in message
    assert "make PYTHON=/path/to/python3.13" in message


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_every_supported_version_is_taken(version: str, machine: Machine) -> None:
    found = machine.add_python(f"python{version}", version)
    _, message = machine.set_up()
    assert f"Setting up .venv with Python {found}" in message


def test_a_machine_without_python_is_told_so(machine: Machine) -> None:
    code, message = machine.set_up()
    assert (code, "found: none." in message) == (1, True)


def test_a_shim_that_fails_when_run_is_passed_over(machine: Machine) -> None:
    machine.add("python3.12", "echo 'pyenv: python3.12: command not found' >&2; exit 127")
    found = machine.add_python("python3.11", "3.11")
    _, message = machine.set_up()
    assert f"Setting up .venv with Python {found}" in message


def test_a_python_without_venv_is_named_with_its_package(machine: Machine) -> None:
    machine.add_python("python3", "3.11", venv=False)
    code, message = machine.set_up()
    assert code == 1
    assert "found: python3 is 3.11 without venv (apt install python3.11-venv)." in message


def test_uv_does_without_venv(machine: Machine) -> None:
    found = machine.add_python("python3", "3.11", venv=False)
    machine.add("uv", "exit 1")
    _, message = machine.set_up()
    assert f"Setting up .venv with Python {found}" in message


def test_a_python_given_by_name_is_the_only_one_tried(machine: Machine) -> None:
    machine.add_python("python3.12", "3.12")
    other = machine.add_python("mine", "3.10")
    code, message = machine.set_up(PYTHON=str(other))
    assert (code, f"found: {other} is 3.10." in message) == (1, True)


def test_dependencies_that_cannot_be_installed_leave_nothing_half_made(machine: Machine) -> None:
    machine.add_python("python3.12", "3.12")
    code, message = machine.set_up()
    assert (code, "the dependencies could not be installed" in message) == (1, True)


@pytest.mark.parametrize("has_wheel", [True, False])
def test_a_library_without_a_wheel_keeps_nothing_else_from_being_installed(has_wheel: bool, machine: Machine) -> None:
    for tool in ("cp", "mkdir"):
        (machine.bin / tool).symlink_to(shutil.which(tool) or tool)
    answers = "case $* in *version_info*) echo 3.12;; *_base_executable*) echo $0;; *requirements-library.lock*) "
    answers += f"exit {int(not has_wheel)};; *'-m venv'*) mkdir -p .venv/bin; cp $0 .venv/bin/python;; esac"
    machine.add("python3.12", answers)
    setup = [machine.project / "scripts" / "setup"]
    done = subprocess.run(setup, env={"PATH": str(machine.bin)}, capture_output=True, text=True, check=False)
    told = "setup: cfn-guard-rs could not be installed; without it, ceap check --engine library does not work\n"
    assert (done.returncode, done.stderr.partition("take a minute\n")[2]) == (0, "" if has_wheel else told)
    assert (machine.project / ".venv/bin/python").exists()
