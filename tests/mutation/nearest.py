"""Which tests are nearest to a module: those of its mirror, then those that import it, then importers of importers."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

FOLDERS: Final = ("ceap", "templates", "handlers", "glue", "tests")
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
        for module in _imported(ast.parse(path.read_bytes()), file):
            for imported in (f"{module}.py", f"{module}/__init__.py", f"glue/{module}.py"):
                if imported in sources and imported != file:
                    importers[imported].add(file)
    return Tree(frozenset(sources), importers)


def nearest_tests(tree: Tree, file: str) -> list[list[str]]:
    """Return the test files of a module in rounds, nearest first; a round may be empty."""
    mirror = _mirror(file)
    first = sorted(test for test in tree.files if _is_test(test) and _mirrors(test, mirror))
    rounds, seen, edge = [first], {file, *first}, {file}
    for _ in range(FARTHEST):
        edge = {importer for one in edge for importer in tree.importers.get(one, ())} - seen
        seen |= edge
        # Beside the mirror first: what lies in another folder is about something else.
        away = str(Path(mirror).parent)
        rounds.append(sorted(filter(_is_test, edge), key=lambda test: (not test.startswith(away), test)))
    return rounds


def _mirror(file: str) -> str:
    """Return the test that mirrors a module, without its ending."""
    path = Path(file.removeprefix("ceap/"))
    name = path.parent.name if path.stem == "__init__" else path.stem
    return (Path("tests") / path.parent / f"test_{name}").as_posix()


def _mirrors(test: str, mirror: str) -> bool:
    return test == f"{mirror}.py" or test.startswith(f"{mirror}_")


def _is_test(file: str) -> bool:
    return file.startswith("tests/") and Path(file).name.startswith("test_")


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
