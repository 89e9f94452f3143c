"""The seams of `seams.yaml`: parts of libraries that the project replaces, hooks or reads though they are private.

A seam holds the digest of each part's source. After an upgrade `python -m tests.seams` writes the digests anew, once
somebody has looked at what changed.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from types import FunctionType
from typing import Final, NamedTuple

import msgspec

ROOT: Final = Path(__file__).parents[1]
LIST: Final = Path(__file__).with_name("seams.yaml")
PYTHON: Final = "python"
"""Stands for the digest of a part of Python itself, whose source differs by version: such a part need only be there."""

_DIGITS: Final = 12
_Statement = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Import | ast.ImportFrom


class Seam(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file of ours takes of libraries, and why; `parts` holds digests by module and name in it."""

    used_by: str
    why: str
    parts: dict[str, dict[str, str]]


class Part(NamedTuple):
    """A name in a module: of a class, function or constant, of a member of a class, or of what its objects hold."""

    module: str
    name: str

    @property
    def last(self) -> str:
        return self.name.rpartition(".")[2]


def load_seams() -> list[Seam]:
    return msgspec.yaml.decode(LIST.read_bytes(), type=list[Seam])


def parts_of(seam: Seam) -> Iterator[tuple[Part, str]]:
    """Yield the parts of a seam with their digests."""
    for module, names in seam.parts.items():
        for name, digest in names.items():
            yield Part(module, name), digest


def origin_of(part: Part) -> Part:
    """Return the part that defines a name which a module imports from its own distribution."""
    statements = list(_defining(part))
    if len(statements) == 1 and isinstance(statements[0], ast.ImportFrom):
        statement = statements[0]
        module = _imported_from(part.module, statement)
        if module.partition(".")[0] == part.module.partition(".")[0]:
            [name] = [each.name for each in statement.names if (each.asname or each.name) == part.last]
            return origin_of(Part(module, name))
    return part


def source_of(part: Part) -> str:
    """Return the source of all statements that define a part; of an imported module, also what is taken of it.

    Empty if the library has no such part.
    """
    lines = _text(part.module).splitlines()
    statements = list(_defining(part))
    pieces = ["\n".join(lines[_first(statement) - 1 : statement.end_lineno]) for statement in statements]
    if any(isinstance(statement, ast.Import) for statement in statements):
        taken = {
            ast.unparse(node)
            for node in ast.walk(_tree(part.module))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == part.name
        }
        pieces += sorted(taken)
    return "\n".join(pieces)


def digest_of(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()[:_DIGITS]


def changes(seam: Seam) -> Iterator[str]:
    """Yield what a library has changed of a seam, and what to look at."""
    cure = f"look whether {seam.used_by} is still right ({seam.why}), then run `python -m tests.seams`"
    for part, digest in parts_of(seam):
        if digest == PYTHON:
            if not _is_in_python(part):
                yield f"Python has no {part.module}.{part.name}: {cure}"
        elif not (source := source_of(part)):
            yield f"{part.module} has no {part.name}: {cure}"
        elif digest_of(source) != digest:
            yield f"{part.module} has another {part.name}: {cure}"


def private_uses(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each attribute that is private to what is not this file's own."""
    text = file.read_text(encoding="utf-8")
    if not _PRIVATE.search(text):  # most files; to parse them all takes seconds
        return
    tree = ast.parse(text)
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    own |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _is_self(node.value)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.match("_[^_]", node.attr) and node.attr not in own | _NAMED_TUPLE:
            yield node.lineno, node.attr


def overridden(ours: type) -> Iterator[Part]:
    """Yield the methods and properties of a library's classes that a class of ours defines anew."""
    for name, value in vars(ours).items():
        if isinstance(value, FunctionType | property | classmethod) and name != "__init__":
            base = next((base for base in ours.__mro__[1:] if name in vars(base)), object)
            if _is_of_a_library(base):
                yield Part(base.__module__, f"{base.__qualname__}.{name}")


_PRIVATE: Final = re.compile(r"(?<!\bself)(?<!\bcls)\._[a-z]", re.IGNORECASE)
_NAMED_TUPLE: Final = frozenset({"_asdict", "_fields", "_make", "_replace"})


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in {"self", "cls"}


def _is_of_a_library(kind: type) -> bool:
    package = kind.__module__.partition(".")[0]
    return package not in sys.stdlib_module_names and package not in {"msgspec", "ceap", "templates", "handlers"}


def _is_in_python(part: Part) -> bool:
    try:
        attrgetter(part.name)(importlib.import_module(part.module))
    except AttributeError:
        return bool(source_of(part))
    return True


def _file(module: str) -> Path:
    """Return the file of a module, which need not be there; neither it nor its packages are imported."""
    package, *rest = module.split(".")
    spec = find_spec(package)
    assert spec is not None, f"{package} is not installed"
    assert spec.origin is not None, f"{package} has no source"
    if not rest:
        return Path(spec.origin)
    path = Path(spec.origin).parent.joinpath(*rest)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def _text(module: str) -> str:
    file = _file(module)
    return file.read_text(encoding="utf-8") if file.is_file() else ""


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_text(module))


def _defining(part: Part) -> Iterator[_Statement]:
    """Yield the statements that define a part; of a member that no class body has, those that set it on `self`."""
    scope: ast.Module | ast.ClassDef = _tree(part.module)
    *outer, name = part.name.split(".")
    for each in outer:
        kinds = [found for found in _in_scope(scope, each) if isinstance(found, ast.ClassDef)]
        if not kinds:
            return
        scope = kinds[-1]
    found = list(_in_scope(scope, name))
    if not found and isinstance(scope, ast.ClassDef):
        found = [node for node in ast.walk(scope) if _sets(node, name)]  # type: ignore[misc]  # only assignments do
    yield from found


def _in_scope(scope: ast.AST, name: str) -> Iterator[_Statement]:
    for node in ast.iter_child_nodes(scope):
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                if node.name == name:
                    yield node
            case ast.Import() | ast.ImportFrom():
                if any((each.asname or each.name.partition(".")[0]) == name for each in node.names):
                    yield node
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                if any(isinstance(each, ast.Name) and each.id == name for each in _targets(node)):
                    yield node
            case ast.If() | ast.Try() | ast.With() | ast.ExceptHandler():
                yield from _in_scope(node, name)
            case _:
                pass


def _sets(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and any(
        isinstance(each, ast.Attribute) and each.attr == name and _is_self(each.value) for each in _targets(node)
    )


def _targets(node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def _first(statement: _Statement) -> int:
    decorators = statement.decorator_list if isinstance(statement, ast.FunctionDef | ast.ClassDef) else []
    return min([statement.lineno, *(each.lineno for each in decorators)])


def _imported_from(module: str, statement: ast.ImportFrom) -> str:
    if not statement.level:
        return statement.module or ""
    packages = module.split(".") if _file(module).name == "__init__.py" else module.split(".")[:-1]
    base = packages[: len(packages) - statement.level + 1]
    return ".".join([*base, *([statement.module] if statement.module else [])])


def write() -> None:
    """Write the digests anew into the list, and nothing else of it."""
    text = LIST.read_text(encoding="utf-8")
    for seam in load_seams():
        for part, digest in parts_of(seam):
            if digest != PYTHON:
                module, name = re.escape(part.module), re.escape(part.name)
                entry = rf'(^    {module}:\n(?:      .*\n)*?      {name}:) ".*"'
                text = re.sub(entry, rf'\g<1> "{digest_of(source_of(part))}"', text, flags=re.MULTILINE)
    LIST.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
