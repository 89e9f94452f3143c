"""Which tests are nearest to a module: those of its mirror, then those that import it, then importers of importers."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Final, NamedTuple

FOLDERS: Final = ("ceap", "templates", "handlers", "glue", "tests")
_NAMED: Final = re.compile(r"\"(?:\w+/)*(\w+\.py)\"")
"""What starts a script names its file."""

WHOLE: Final = {
    "templates/": "tests/policy/test_freshness.py",
    "handlers/": "tests/policy/test_freshness.py",
    "ceap/policy/": "tests/policy/test_reference.py",
}
"""Tests that compare all that is made of a package, the templates and the page of rules, with what is committed."""

FARTHEST: Final = 3
"""How many imports a test may be away. Beyond, it tests something else."""


class Tree(NamedTuple):
    """The files of a project, and for each Python file the files that import it."""

    files: frozenset[str]
    importers: dict[str, set[str]]


def load_tree(root: Path) -> Tree:
    """Read the imports of every Python file of a project."""
    sources = {path.relative_to(root).as_posix(): path for folder in FOLDERS for path in (root / folder).rglob("*.py")}
    importers: dict[str, set[str]] = defaultdict(set)
    for file, path in sources.items():
        source = path.read_text(encoding="utf-8")
        for module in (*_imported(ast.parse(source), file), *_discovered(source, path, root)):
            for imported in (f"{module}.py", f"{module}/__init__.py", f"glue/{module}.py"):
                if imported in sources and imported != file:
                    importers[imported].add(file)
        for script in _NAMED.findall(source) if not file.startswith("tests/") else ():
            for started in sources.keys() - {file}:
                if started.endswith(f"/{script}") and started.startswith(
                    f"{path.parent.relative_to(root).as_posix()}/"
                ):
                    importers[started].add(file)
    return Tree(frozenset(sources), importers)


def nearest_tests(tree: Tree, file: str) -> list[list[str]]:
    """Return the test files of a module in rounds, nearest first; a round may be empty.

    The first holds those of the mirror, and what compares all that the package makes; the last the rest of the
    package's tests: some run a module that they do not import, as Spark runs a job.
    """
    mirror = _mirror(file)
    mirrors = _mirroring(tree, [file])
    whole = {test for package, test in WHOLE.items() if file.startswith(package)} & tree.files - mirrors
    first = sorted(mirrors) + sorted(whole)
    rounds, seen, edge = [first], {file, *first}, {file}
    for _ in range(FARTHEST):
        edge = {importer for one in edge for importer in tree.importers.get(one, ())}
        # A test of a command runs it by its name, and does not import it.
        edge = (edge | _mirroring(tree, edge)) - seen
        seen |= edge
        rounds.append(_sorted(filter(_is_test, edge), mirror, tree.files))
    package = "/".join(mirror.split("/")[:2])
    beside = (test for test in tree.files - seen if _is_test(test) and test.startswith(f"{package}/"))
    return [*rounds, _sorted(beside, mirror, tree.files)]


def _mirror(file: str) -> str:
    """Return the test that mirrors a module, without its ending."""
    path = Path(file.removeprefix("ceap/"))
    name = path.parent.name if path.stem == "__init__" else path.stem
    return (Path("tests") / path.parent / f"test_{name}").as_posix()


def _mirroring(tree: Tree, files: Iterable[str]) -> set[str]:
    """Return the tests that mirror one of some files."""
    mirrors = tuple(_mirror(file) for file in files if not file.startswith("tests/"))
    names = tuple(f"{mirror}_" for mirror in mirrors)
    return {test for test in tree.files if test.removesuffix(".py") in mirrors or test.startswith(names)}


def _sorted(tests: Iterable[str], mirror: str, files: Collection[str]) -> list[str]:
    """Return tests that mirror no other module before those that do, and those of the mirror's folder first.

    A folder within it holds what takes longer: runs of all recordings, of faults, of a browser.
    """

    def rank(test: str) -> tuple[bool, int, int, str]:
        pairs = zip(Path(test).parts, Path(mirror).parts, strict=False)
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        module = test.removeprefix("tests/").replace("/test_", "/")
        return module in files or f"ceap/{module}" in files, -shared, test.count("/"), test

    return sorted(tests, key=rank)


def _is_test(file: str) -> bool:
    return file.startswith("tests/") and Path(file).name.startswith("test_")


def _discovered(source: str, path: Path, root: Path) -> Iterator[str]:
    """Yield the modules of a package that loads whatever lies in its folder."""
    if path.name == "__init__.py" and "iter_modules(__path__)" in source:
        yield from (module.relative_to(root).with_suffix("").as_posix() for module in path.parent.glob("*.py"))


def _imported(source: ast.AST, file: str) -> Iterator[str]:
    """Yield the paths, without ending, of what a file imports, and of modules that it may mean."""
    for node in ast.walk(source):
        match node:
            case ast.Import(names=names):
                yield from (name.name.replace(".", "/") for name in names)
            case ast.ImportFrom(module=str() as module, names=names, level=0):
                folder = module.replace(".", "/")
                yield folder
                yield from (f"{folder}/{name.name}" for name in names)
            case _:
                pass
