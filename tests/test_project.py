"""What holds for the project as a whole: its targets, its documentation, its pins, its proofs."""

import importlib.util
import re
import subprocess
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ceap.cli import COMMANDS
from ceap.deploy.wheels import GLIBC_MINOR, MACHINE
from templates import lambda_runtime

ROOT = Path(__file__).parent.parent
PACKAGES = ("ceap", "templates", "handlers")
SOURCES = {".py", ".guard", ".sh", ""}


def tracked() -> Iterator[Path]:
    """Yield every file of the project but what .gitignore names, and the data of local runs, which may be binary."""
    ignored = [".git", *(line.strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").split())]
    folders = [ROOT]
    while folders:
        for path in sorted(folders.pop().iterdir()):
            if any(fnmatch(path.name, pattern) for pattern in ignored) or path == ROOT / "workflows" / "fixtures":
                continue
            if path.is_dir():
                folders.append(path)
            else:
                yield path


def documentation() -> str:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return "\n".join(page.read_text(encoding="utf-8") for page in pages)


def documented(word: str) -> set[str]:
    """Return what follows a word, `make` or `ceap`, in the code of the documentation."""
    code = re.findall(r"```.*?```|`[^`\n]+`", documentation(), re.DOTALL)
    return {name for piece in code for name in re.findall(rf"\b{word} ([a-z]+)\b", piece)}


def targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))


def owners(package: str) -> set[str]:
    """Return the distributions beside ours that brought a top-level package of this name."""
    return set(packages_distributions().get(package, [])) - {"ceap"}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_other_distribution_brought_a_package_of_our_name(package: str) -> None:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin == str(ROOT / package / "__init__.py")
    assert owners(package) == set()


def test_a_second_owner_of_a_package_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "rude-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rude\nVersion: 1.0\n")
    (info / "top_level.txt").write_text("handlers\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert owners("handlers") == {"rude"}


def test_the_licence_that_the_project_file_names_is_there_in_full() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (project["license"], project["license-files"]) == ("Apache-2.0", ["LICENSE"])
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert re.findall(r"^   (\d+)\. ", text, re.MULTILINE) == [str(number) for number in range(1, 10)]
    assert "APPENDIX: How to apply the Apache License to your work." in text
    assert "\n   Copyright 2026 the ceap authors\n" in text


def test_glue_is_no_package_because_others_ship_one() -> None:
    assert not (ROOT / "glue" / "__init__.py").exists()


def test_make_help_lists_every_target() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = re.findall(r"^make (\w+) +\S", done.stdout, re.MULTILINE)
    assert set(listed) == targets()


def test_every_target_is_documented_and_every_documented_target_exists() -> None:
    assert documented("make") == targets()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_module_and_is_documented(command: str) -> None:
    assert importlib.util.find_spec(f"ceap.commands.{command}") is not None
    assert command in documented("ceap")


def test_no_file_is_longer_than_400_lines() -> None:
    lines = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in tracked()
        if path.suffix in SOURCES and path.name != ".gitignore"
    }
    assert {name: count for name, count in lines.items() if count > 400} == {}
    assert "Makefile" in lines


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    machine = re.compile(
        "|".join(("/ro" + "ot/", r"/ho" + r"me/\w", "/Us" + r"ers/\w", "/wo" + "rk/", "/opt/" + "pypi"))
    )
    found = [
        f"{path.relative_to(ROOT)}: {hit.group()}"
        for path in tracked()
        if (hit := machine.search(path.read_text(encoding="utf-8")))
    ]
    assert found == []


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE))


def test_the_locks_have_every_dependency_of_the_project_file() -> None:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, groups = content["project"], content["dependency-groups"]
    run = [*project["dependencies"], *project["optional-dependencies"]["local"], *groups["setup"]]
    for lock, wanted in (("requirements.lock", run), ("requirements-dev.lock", groups["dev"])):
        locked = pins(lock)
        lacking = [
            str(requirement)
            for requirement in map(Requirement, wanted)
            if not requirement.specifier.contains(locked.get(canonicalize_name(requirement.name), "0"))
        ]
        assert (lock, lacking) == (lock, [])


def test_the_locks_of_a_run_and_of_tests_agree() -> None:
    run, tests = pins("requirements.lock"), pins("requirements-dev.lock")
    assert [name for name in run.keys() & tests.keys() if run[name] != tests[name]] == []


def test_what_ceap_imports_is_there_without_what_tests_need() -> None:
    locks = ("requirements.lock", "requirements-library.lock", "requirements-glue.lock")
    run, owned = {name for lock in locks for name in pins(lock)}, packages_distributions()
    sources = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in sources
        for name in re.findall(r"^ *(?:import|from) (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        if (owners := owned.get(name, [])) and not {canonicalize_name(owner) for owner in owners} & {"ceap", *run}
    }
    assert found == {"ceap/testing.py: pytest"}


def test_a_target_sets_up_what_its_recipe_calls() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    wanted = {}
    for target, needs, recipe in re.findall(r"^([a-z-]+):([^#\n]*)##.*\n((?:\t.*\n)*)", makefile, re.MULTILINE):
        if re.search(r"\$\(BIN\)/(ruff|mypy|lint-imports|pytest|python -m (tests|bench))", recipe):
            wanted[target] = needs.split()
    assert wanted.pop("test") == ["lint"]
    assert set(wanted) >= {"bare", "mutants", "docs", "bench", "lint", "format"}
    assert {name: needs for name, needs in wanted.items() if ".venv/dev" not in needs} == {}


def test_the_locks_of_the_functions_are_for_the_runtime_that_the_templates_declare() -> None:
    makefile, sets = ((ROOT / name).read_text(encoding="utf-8") for name in ("Makefile", "scripts/lock-sets"))
    assert f"FOR_FUNCTIONS = --python-platform {MACHINE}-manylinux_2_{GLIBC_MINOR} " in makefile
    assert f"$(FOR_FUNCTIONS) --python-version {lambda_runtime.PYTHON} handlers/requirements.in" in makefile
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [oldest] = re.findall(r">=([\d.]+)", project["requires-python"])
    assert re.findall(r"--python-version (\S+)", sets) == [oldest, lambda_runtime.PYTHON]
