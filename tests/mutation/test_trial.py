"""What the tool says of faults that are planted in a project of two functions, of which one is tested."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.mutation.nearest import Tree, load_tree
from tests.mutation.places import Place, find_places
from tests.mutation.report import describe
from tests.mutation.trial import Copy

SOURCE = """
def dozens(number):
    while number > 0:
        yield 12
        number -= 1


def is_many(number):
    return number > 3
"""
TESTS = """
from templates.dozen import dozens


def test_three_dozens():
    assert list(dozens(3)) == [12, 12, 12]


def test_something_else_that_fails():
    assert 1 == 2
"""


class Project(NamedTuple):
    """A small project, its server, and its places by what they become."""

    copy: Copy
    tree: Tree
    places: dict[str, Place]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    root = tmp_path_factory.mktemp("mutation") / "project"
    files = {
        "templates/__init__.py": "",
        "templates/dozen.py": SOURCE,
        "tests/templates/test_dozen.py": TESTS.replace("def test_something_else", "def something_else"),
        "tests/templates/test_broken.py": TESTS,
        "pyproject.toml": "[tool.pytest.ini_options]\naddopts = ['--import-mode=importlib']",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    copy = Copy(root)
    places = find_places("templates/dozen.py", SOURCE.encode())
    yield Project(copy, load_tree(root), {place.after: place for place in places})
    copy.close()


def attempt(project: Project, after: str) -> str | None:
    return project.copy.attempt(project.places[after], project.tree).test


def test_a_fault_is_noticed_by_the_test_that_fails(project: Project) -> None:
    assert attempt(project, "yield 13") == "tests/templates/test_dozen.py::test_three_dozens"


def test_a_fault_of_what_no_test_runs_survives(project: Project) -> None:
    (project.copy.root / "tests/templates/test_broken.py").rename(project.copy.root / "broken")
    tree = load_tree(project.copy.root)
    trial = project.copy.attempt(project.places["return number >= 3"], tree)
    (project.copy.root / "broken").rename(project.copy.root / "tests/templates/test_broken.py")
    score, lines = describe("templates", [trial], 0, [])
    assert (score, lines) == (
        0.0,
        [
            "templates: 0 of 1 changes noticed (0.0%)",
            "  not noticed: templates/dozen.py:9 [comparison] return number > 3  ->  return number >= 3",
        ],
    )


def test_the_source_is_as_it_was_after_each_trial(project: Project) -> None:
    attempt(project, "yield 13")
    assert (project.copy.root / "templates/dozen.py").read_text(encoding="utf-8") == SOURCE


def test_a_fault_without_an_end_is_noticed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.mutation.trial.BUDGET_S", 0.5)
    monkeypatch.setattr("tests.mutation.trial.OVER_S", 0.5)
    trial = project.copy.attempt(project.places["pass"], project.tree)
    assert trial.said.startswith("timed out: tests/templates/test_dozen.py::test_three_dozens")


def test_a_test_that_fails_without_any_change_notices_nothing(project: Project) -> None:
    broken = "tests/templates/test_broken.py::test_something_else_that_fails"
    trial = project.copy.attempt(project.places["return number >= 3"], project.tree)
    assert trial.test == broken
    assert project.copy.failing(["tests/templates/test_dozen.py::test_three_dozens", broken]) == [broken]
    assert describe("templates", [trial], 0, [broken])[0] == 0.0


def test_a_source_that_cannot_be_imported_is_noticed(project: Project) -> None:
    place = project.places["yield 13"]._replace(new="12 (")
    assert project.copy.attempt(place, project.tree).test == "tests/templates/test_dozen.py"
    assert project.copy.failing(["tests/templates/test_dozen.py"]) == []
