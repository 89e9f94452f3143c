"""Which tests are nearest to a module."""

from pathlib import Path

import pytest

from tests.mutation.nearest import Tree, load_tree, nearest_tests

SOURCES = {
    "templates/budget.py": "",
    "templates/model.py": "from templates.budget import LIMIT",
    "ceap/local/clock.py": "def now():\n    from templates import model",
    "handlers/runtime/sources/__init__.py": "",
    "ceap/policy/checks/__init__.py": "names = pkgutil.iter_modules(__path__)",
    "ceap/policy/checks/no_null.py": "",
    "tests/policy/test_all.py": "import ceap.policy.checks",
    "tests/policy/recorded/test_every.py": "import ceap.policy.checks",
    "tests/policy/test_beside.py": "",
    "tests/policy/test_freshness.py": "",
    "tests/test_first.py": "import ceap.policy.checks",
    "tests/support.py": "import templates.budget",
    "tests/templates/test_budget.py": "from tests import support",
    "tests/templates/test_budget_limits.py": "",
    "tests/templates/test_model.py": "from templates import budget",
    "tests/local/test_clock.py": "from ceap.local.clock import now",
    "tests/local/test_other.py": "from tests.support import a",
    "tests/local/test_far.py": "",
    "ceap/local/debugger.py": "",
    "ceap/commands/invoke.py": "from ceap.local.debugger import debug",
    "tests/commands/test_invoke.py": "",
    "tests/handlers/runtime/sources/test_sources.py": "",
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    root = tmp_path_factory.mktemp("project")
    for name, source in SOURCES.items():
        path: Path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return load_tree(root)


def test_the_mirror_and_what_compares_all_come_first_then_importers_then_theirs(tree: Tree) -> None:
    assert nearest_tests(tree, "templates/budget.py") == [
        ["tests/templates/test_budget.py", "tests/templates/test_budget_limits.py", "tests/policy/test_freshness.py"],
        ["tests/templates/test_model.py"],
        ["tests/local/test_other.py", "tests/local/test_clock.py"],
        [],
        [],
    ]


def test_the_mirror_of_ceap_lies_one_folder_higher(tree: Tree) -> None:
    assert nearest_tests(tree, "ceap/local/clock.py")[0] == ["tests/local/test_clock.py"]


def test_a_test_that_mirrors_an_importer_counts_as_one(tree: Tree) -> None:
    assert nearest_tests(tree, "ceap/local/debugger.py")[:2] == [[], ["tests/commands/test_invoke.py"]]


def test_a_package_is_mirrored_by_a_test_of_its_name(tree: Tree) -> None:
    rounds = nearest_tests(tree, "handlers/runtime/sources/__init__.py")
    assert rounds[0] == ["tests/handlers/runtime/sources/test_sources.py", "tests/policy/test_freshness.py"]


def test_what_a_package_loads_from_its_folder_counts_as_imported_and_the_near_folder_comes_first(tree: Tree) -> None:
    assert nearest_tests(tree, "ceap/policy/checks/no_null.py") == [
        [],
        [],
        ["tests/policy/test_all.py", "tests/policy/recorded/test_every.py", "tests/test_first.py"],
        [],
        ["tests/policy/test_beside.py", "tests/policy/test_freshness.py"],
    ]
