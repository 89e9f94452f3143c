"""The sources of all tests: each test with its marks, and what it calls of the tests' own helpers and fixtures."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from pathlib import PurePosixPath
from typing import NamedTuple, TypeAlias

from tests.proofs.promises import ROOT

Definition: TypeAlias = ast.FunctionDef | ast.ClassDef


class Module:
    """A file of tests or helpers: what it defines at its top, and what it imports from where."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def defined(self) -> dict[str, Definition]:
        return {node.name: node for node in self.tree.body if isinstance(node, Definition)}

    @cached_property
    def imported(self) -> dict[str, tuple[str, str]]:
        """Return module and name there, by the name here."""
        return {
            name.asname or name.name: (node.module or "", name.name)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ImportFrom)
            for name in node.names
        }


class Case(NamedTuple):
    """A test as it is written; its parametrised cases are one."""

    path: str
    name: str
    function: ast.FunctionDef

    @property
    def id(self) -> str:
        return f"{self.path}::{self.name}"

    @property
    def marks(self) -> list[ast.Call]:
        """Return the calls of `pytest.mark.property` that decorate the test."""
        return [
            call
            for call in self.function.decorator_list
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.property"
        ]


class Sources:
    """The modules of tests by their paths, relative to the project."""

    def __init__(self, modules: Mapping[str, Module]) -> None:
        self._modules = modules

    @classmethod
    def load(cls) -> Sources:
        paths = [*(ROOT / "tests").rglob("*.py"), ROOT / "ceap/testing.py"]
        return cls({str(path.relative_to(ROOT).as_posix()): Module(path.read_text(encoding="utf-8")) for path in paths})

    def changed(self, path: str, text: str) -> Sources:
        """Return these sources with another text of one module."""
        return Sources({**self._modules, path: Module(text)})

    def module(self, path: str) -> Module:
        return self._modules[path]

    def tests(self, path: str | None = None) -> Iterator[Case]:
        """Yield the tests of a module, or of all."""
        for name in sorted(self._modules) if path is None else [path]:
            if name.rpartition("/")[2].startswith("test_"):
                for node in self._modules[name].defined.values():
                    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                        yield Case(name, node.name, node)

    def reached(self, test: Case) -> Iterator[tuple[Module, Definition, bool]]:
        """Yield the test and all that it uses of the tests' helpers, with its module, and whether it is a fixture."""
        todo: list[tuple[str, Definition, bool]] = [(test.path, test.function, False)]
        seen = set()
        while todo:
            path, node, is_fixture = todo.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            yield self._modules[path], node, is_fixture
            used = [*(self._find(path, name) for name in _names(node))]
            used += [self._fixture(path, name) for name in _parameters(node)]
            todo += [(*found, _is_fixture(found[1])) for found in used if found]

    def _find(self, path: str, name: str) -> tuple[str, Definition] | None:
        """Return the definition of a name, possibly of an imported module's: `reference.load_stage`."""
        module = self._modules[path]
        first, _, rest = name.partition(".")
        if not rest and first in module.defined:
            return path, module.defined[first]
        if first in module.imported:
            source, original = module.imported[first]
            file = self._file(f"{source}.{original}" if rest else source)
            if file and file != path:
                return self._find(file, rest or original)
        return None

    def _file(self, module: str) -> str | None:
        name = module.replace(".", "/")
        return next((path for path in (f"{name}.py", f"{name}/__init__.py") if path in self._modules), None)

    def _fixture(self, path: str, name: str) -> tuple[str, Definition] | None:
        """Return the fixture that a parameter asks for: of the module, a conftest.py above it or the plugin."""
        folders = PurePosixPath(path).parents
        places = [path, *(f"{folder}/conftest.py" for folder in folders), "ceap/testing.py"]
        for place in filter(self._modules.__contains__, places):
            found = self._find(place, name)
            if found and _is_fixture(found[1]):
                return found
        return None


def dotted(node: ast.expr) -> str:
    """Return the name of what is called, `a.b.c`; what stands before may be left out."""
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return f"{dotted(node.value)}.{node.attr}"
        case _:
            return ""


@cache
def _names(node: ast.AST) -> frozenset[str]:
    """Return the names that a definition uses, `a.b` of attributes of names too."""
    names = {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}
    dotted = {
        f"{child.value.id}.{child.attr}"
        for child in ast.walk(node)
        if isinstance(child, ast.Attribute) and isinstance(child.value, ast.Name)
    }
    return frozenset(names | dotted)


def _parameters(node: Definition) -> list[str]:
    if isinstance(node, ast.ClassDef):
        return []
    return [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]


def _is_fixture(node: Definition) -> bool:
    return any("fixture" in ast.unparse(decorator) for decorator in node.decorator_list)
