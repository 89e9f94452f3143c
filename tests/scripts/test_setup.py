"""Set-up takes a Python that it supports, and on others says what to do and leaves nothing behind.

It shows how far the installation is.
"""

import os
import pty
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
        (self.project / "requirements.lock").write_text("".join(f"p{n}==1.{n}\n" for n in range(1, 46)))
        for tool in ("sh", "dirname", "rm", "grep", "mkdir", "cp"):
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

    def add_installers(self, *, pip: str = "", uv: str | None = None) -> None:
        """Add a Python that makes an environment, whose pip does what the script says, and an uv likewise."""
        answers = (
            "case $* in *version_info*) echo 3.12;; *_base_executable*) echo $0;; *'-m venv'*) mkdir -p .venv/bin;"
        )
        self.add("python3.12", f"{answers} cp $0 .venv/bin/python;; *' -r requirements.lock'*) {pip or ':'};; esac")
        if uv is not None:
            make = f"mkdir -p .venv/bin; cp {self.bin}/python3.12 .venv/bin/python"
            self.add("uv", f"case $* in *'pip install'*) {uv};; *) {make};; esac")

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        setup = [self.project / "scripts" / "setup"]
        given = {"PATH": str(self.bin), **environment}
        return subprocess.run(setup, env=given, capture_output=True, text=True, check=False)

    def progress(self) -> list[str]:
        """Return what set-up says after its first line, where standard error is no terminal."""
        return self.run().stderr.splitlines()[1:]

    def set_up(self, **environment: str) -> tuple[int, str]:
        done = self.run(**environment)
        assert sorted(path.name for path in self.project.iterdir()) == ["requirements.lock", "scripts"]
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
    answers = "case $* in *version_info*) echo 3.12;; *_base_executable*) echo $0;; *requirements-library.lock*) "
    answers += f"exit {int(not has_wheel)};; *'-m venv'*) mkdir -p .venv/bin; cp $0 .venv/bin/python;; esac"
    machine.add("python3.12", answers)
    setup = [machine.project / "scripts" / "setup"]
    done = subprocess.run(setup, env={"PATH": str(machine.bin)}, capture_output=True, text=True, check=False)
    told = "setup: cfn-guard-rs could not be installed; without it, ceap check --engine library does not work\n"
    assert (done.returncode, done.stderr.partition("compiling them\n")[2]) == (0, "" if has_wheel else told)
    assert (machine.project / ".venv/bin/python").exists()


PIP = "for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21; do echo Collecting p$n==1.$n '(from x)'; done"


def test_elsewhere_than_on_a_terminal_one_package_of_twenty_is_shown(machine: Machine) -> None:
    machine.add_installers(
        pip=f"echo Looking in indexes: x; echo Ignoring p45: markers; {PIP}; echo Installing collected x"
    )
    assert machine.progress() == [
        "  package 20 of 45: p19",
        "  all packages are here; installing them",
        "  compiling them",
    ]


def test_on_a_terminal_every_package_is_shown_in_one_line(machine: Machine) -> None:
    machine.add_installers(
        pip="echo 'Processing /x/two_words-1.0-py3-none-any.whl (from x)'; echo Collecting p2==1.2; "
        "echo '  Downloading p2 (1 kB)'; echo 'WARNING: slow' >&2; echo Installing collected packages: p1"
    )
    own, terminal = pty.openpty()
    subprocess.run([machine.project / "scripts" / "setup"], env={"PATH": str(machine.bin)}, stderr=terminal, check=True)
    os.close(terminal)
    shown = os.read(own, 10_000).decode().replace("\r\n", "\n").partition("take a minute\n")[2]
    os.close(own)
    assert shown == (
        "\x1b[K  package 1 of 45: two_words\r\x1b[K  package 2 of 45: p2\r"
        "\x1b[K  all packages are here; installing them\n\x1b[K  compiling them\n"
    )


def test_what_uv_does_is_shown_without_a_line_for_each_package(machine: Machine) -> None:
    said = [
        "Using Python 3.12",
        "Resolved 97 packages in 2s",
        "Downloading moto (6.9MiB)",
        " Downloaded moto",
        "Installed 97 packages in 1s",
        " + attrs==26.1",
        " + moto==5.2",
    ]
    machine.add_installers(uv="; ".join(f"echo '{line}' >&2" for line in said))
    assert machine.progress() == ["  Resolved 97 packages in 2s", "  Installed 97 packages in 1s"]


@pytest.mark.parametrize("uv", [None, "echo 'error: no route' >&2; exit 2"])
def test_why_an_installer_failed_is_shown(machine: Machine, uv: str | None) -> None:
    machine.add_installers(pip="echo Collecting p1==1.1; echo 'ERROR: no match for p1' >&2; exit 1", uv=uv)
    by_uv = ["  error: no route", "setup: uv could not; trying pip"] if uv else []
    last = "setup: the dependencies could not be installed; is the package index reachable?"
    assert machine.progress() == [*by_uv, "  ERROR: no match for p1", last]
    assert not (machine.project / ".venv").exists()
