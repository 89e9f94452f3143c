"""Set-up takes a Python that it supports, and on others says what to do and leaves nothing behind.

It shows how far the installation is.
"""

import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.terminals import read_all

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
        (self.project / "requirements-dev.lock").write_text("d1==1.1\nd2==1.2\n")
        for tool in ("sh", "dirname", "rm", "grep", "mkdir", "cp", "awk", "cat"):
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
        self.add("python3.12", f"{answers} cp $0 .venv/bin/python;; *' -r requirements'*) {pip or ':'};; esac")
        if uv is not None:
            make = f"mkdir -p .venv/bin; cp {self.bin}/python3.12 .venv/bin/python"
            self.add("uv", f"case $* in *'pip install'*) {uv};; *) {make};; esac")

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        setup = [str(self.project / "scripts" / "setup"), *words]
        given = {"PATH": str(self.bin), **environment}
        return subprocess.run(setup, env=given, capture_output=True, text=True, check=False)

    def progress(self) -> list[str]:
        """Return what set-up says after its first line, where standard error is no terminal."""
        return self.run().stderr.splitlines()[1:]

    def set_up(self, **environment: str) -> tuple[int, str]:
        done = self.run(**environment)
        left = sorted(path.name for path in self.project.iterdir())
        assert left == ["requirements-dev.lock", "requirements.lock", "scripts"]
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
    said = done.stderr.partition("take a minute\n")[2]
    assert (done.returncode, said) == (0, ("" if has_wheel else told) + "  compiling them\n")
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
    assert read_all(own).partition("take a minute\n")[2] == (
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
    shown = ["  Resolved 97 packages in 2s", "  Installed 97 packages in 1s", "  compiling them"]
    assert machine.progress() == shown


@pytest.mark.parametrize("uv", [None, "echo 'error: no route' >&2; exit 2"])
def test_why_an_installer_failed_is_shown(machine: Machine, uv: str | None) -> None:
    machine.add_installers(pip="echo Collecting p1==1.1; echo 'ERROR: no match for p1' >&2; exit 1", uv=uv)
    by_uv = ["  error: no route", "setup: uv could not; trying pip"] if uv else []
    last = "setup: the dependencies could not be installed; is the package index reachable?"
    assert machine.progress() == [*by_uv, "  ERROR: no match for p1", last]
    assert not (machine.project / ".venv").exists()


def test_the_pip_of_the_lock_is_installed_by_the_wheel_that_python_brings(machine: Machine) -> None:
    entry = "pip==26.1 \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\n    # via ceap\n"
    lock = machine.project / "requirements.lock"
    lock.write_text("a==1\n    # via pip\n" + entry + "pipe==1 \\\n    --hash=sha256:3\n")
    answers = "case $* in *version_info*) echo 3.12;; *WHEEL_PKG_DIR*) echo /wheels/pip-1.whl;; "
    answers += "*_base_executable*) echo $0;; *'-m venv'*) mkdir -p .venv/bin; cp $0 .venv/bin/python;; "
    answers += f"/wheels/pip-1.whl/pip*) echo $* > {machine.bin}/words; cat > {machine.bin}/asked;; esac"
    machine.add("python3.12", answers)
    assert machine.run().returncode == 0
    words = "install --quiet --no-compile --no-deps --only-binary :all: --require-hashes -r /dev/stdin\n"
    assert (machine.bin / "words").read_text() == f"/wheels/pip-1.whl/pip {words}"
    assert (machine.bin / "asked").read_text() == entry


def test_what_tests_need_is_added_to_what_is_there(machine: Machine) -> None:
    machine.add_installers(
        pip="echo 'Requirement already satisfied: d1==1.1 in x'; echo Collecting d2==1.2; exit $DONE"
    )
    machine.run(DONE="0")
    added = machine.run("dev", DONE="0")
    told = "Adding to .venv what tests and lint need, once\n"
    assert (added.returncode, added.stderr) == (0, f"{told}  compiling them\n")
    failed = machine.run("dev", DONE="1")
    reason = "setup: the dependencies could not be installed; is the package index reachable?\n"
    assert (failed.returncode, failed.stderr) == (1, told + reason)
    assert (machine.project / ".venv/bin/python").exists()


@pytest.mark.parametrize("uv", [None, "", "exit 2"])
def test_the_project_is_installed_by_uv_if_it_can(uv: str | None, machine: Machine) -> None:
    wanted = f"--no-deps --quiet --no-build-isolation --editable {machine.project}\n"
    answers = "case $* in *version_info*) echo 3.12;; *_base_executable*) echo $0;; *'-m venv'*) mkdir -p .venv/bin;"
    answers += f"cp $0 .venv/bin/python;; *editable*) echo $* > {machine.bin}/pip-did;; esac"
    machine.add("python3.12", answers)
    machine.run()
    if uv is not None:
        machine.add("uv", f"echo $* > {machine.bin}/uv-did; {uv}")
    assert machine.run("project").returncode == 0
    did = {path.name: path.read_text() for path in machine.bin.glob("*-did")}
    by_uv = {"uv-did": f"pip install --python {machine.project}/.venv/bin/python {wanted}"}
    by_pip = {"pip-did": f"-m pip install --no-compile {wanted}"}
    assert did == {**(by_uv if uv is not None else {}), **(by_pip if uv != "" else {})}


def test_what_set_up_does_not_compile_no_command_imports() -> None:
    [pattern] = re.findall(r"compileall .*-x '(.*)'", SETUP.read_text())
    commands = sorted(path.stem for path in (SETUP.parent.parent / "ceap" / "commands").glob("[a-z]*.py"))
    names = [
        *(f"ceap.commands.{name}" for name in commands),
        "cfnlint.api",
        "moto.server",
        "moto.backends",
        "rich.table",
    ]
    program = f"import {', '.join(names)}, sys; print(*(getattr(m, '__file__', '') for m in sys.modules.values()))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    inside = [path.partition("site-packages")[2] for path in loaded]
    assert len(inside) > 500
    assert [path for path in inside if re.search(pattern, path)] == []
