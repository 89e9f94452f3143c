"""Places of a source that mutation may change, each with the change: one small fault a place."""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import Final, NamedTuple

OPERATORS: Final[dict[type[ast.AST], tuple[str, str]]] = {
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.And: ("and", "or"),
    ast.Or: ("or", "and"),
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "+"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "+"),
    ast.Pow: ("**", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
}
"""Each operator and what stands for it in the mutant."""

UNREAD: Final = ("encoding", "strict", "frozen", "kw_only", "maxsize", "usedforsecurity")
"""Keywords that stay: the machine of tests writes UTF-8 and forbids no hash, the type checker holds others, and a
smaller cache is as good."""

TYPING: Final = ("assert_never", "cast", "TypeVar", "NewType")
"""Calls that say something to the type checker alone."""


class Place(NamedTuple):
    """Bytes `start` to `end` of a file become `new`; `before` and `after` show the lines, joined by a space.

    `scope` names the classes and functions around, as in `Store.put`; it is empty outside of them.
    """

    file: str
    line: int
    scope: str
    kind: str
    start: int
    end: int
    new: str
    before: str
    after: str

    def apply(self, source: bytes) -> bytes:
        return source[: self.start] + self.new.encode() + source[self.end :]


def find_places(file: str, source: bytes) -> list[Place]:
    """Return every place of a source, from top to bottom."""
    finder = _Finder(file, source)
    finder.visit(ast.parse(source))
    return sorted(finder.places, key=lambda place: (place.start, place.end, place.kind))


class _Finder(ast.NodeVisitor):
    def __init__(self, file: str, source: bytes) -> None:
        self.file = file
        self.source = source
        self.places: list[Place] = []
        self.scope: list[str] = []
        self.line_starts = [0, *accumulate(len(line) for line in source.splitlines(keepends=True))]

    def visit(self, node: ast.AST) -> None:
        if _says_nothing_at_run_time(node):
            return
        for kind, start, end, new in self._changes(node):
            self._add(kind, start, end, new)
        named = [node.name] if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) else []
        self.scope += named
        for child in _children(node):
            self.visit(child)
        del self.scope[len(self.scope) - len(named) :]

    def _add(self, kind: str, start: int, end: int, new: str) -> None:
        first, last = self.source.rfind(b"\n", 0, start) + 1, self.source.find(b"\n", end)
        head, tail = self.source[first:start].decode(), self.source[end : last if last >= 0 else None].decode()
        before = " ".join((head + self.source[start:end].decode() + tail).split())
        after = " ".join((head + new + tail).split())
        line = bisect_right(self.line_starts, start)
        self.places.append(Place(self.file, line, ".".join(self.scope), kind, start, end, new, before, after))

    def _changes(self, node: ast.AST) -> Iterator[tuple[str, int, int, str]]:
        """Yield the kind of each change of a node, the bytes from, to, and what stands there instead."""
        match node:
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                for one, op, other in zip([left, *comparators], ops, comparators, strict=False):
                    yield self._operator("comparison", one, op, other)
            case ast.BoolOp(op=op, values=values):
                yield self._operator("logic", values[0], op, values[1])
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                yield self._operator("arithmetic", left, op, right)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                yield "logic", *self._span(node), f"({self._text(operand)})"
            case ast.Constant() | ast.JoinedStr():
                yield from self._other_value(node)
            case ast.Return(value=ast.expr() as value) if not _is_nothing(value):
                yield "return", *self._span(value), "None"
            case ast.Break():
                yield "loop", *self._span(node), "continue"
            case ast.Continue():
                yield "loop", *self._span(node), "break"
            case ast.Call():
                yield from self._arguments(node)
            case _ if _is_dropped(node):
                yield "statement", *self._span(node), "pass"
        for test in _tests(node):
            yield "condition", *self._span(test), f"(not ({self._text(test)}))"

    def _arguments(self, call: ast.Call) -> Iterator[tuple[str, int, int, str]]:
        for keyword in call.keywords:
            if keyword.arg and keyword.arg not in UNREAD:
                start, end = self._span(keyword)
                while self.source[end : end + 1] in (b",", b" ", b"\n"):
                    end += 1
                yield "argument", start, end, ""

    def _other_value(self, node: ast.Constant | ast.JoinedStr) -> Iterator[tuple[str, int, int, str]]:
        match getattr(node, "value", ""):
            case bool() as value:
                yield "truth", *self._span(node), str(not value)
            case int() | float() as value:
                yield "number", *self._span(node), repr(value + 1)
            case str() | bytes() as value:
                text = self._text(node)
                quote = min("\"'", key=lambda mark: text.find(mark) % len(text))
                yield "text", *self._span(node), f"{'b' * isinstance(value, bytes)}{quote}MUTATED{quote}"

    def _operator(self, kind: str, left: ast.expr, op: ast.AST, right: ast.expr) -> tuple[str, int, int, str]:
        old, new = OPERATORS[type(op)]
        start = self.source.index(old.encode(), self._span(left)[1], self._span(right)[0])
        return kind, start, start + len(old), new

    def _span(self, node: ast.AST) -> tuple[int, int]:
        assert isinstance(node, ast.expr | ast.stmt | ast.keyword)
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self.line_starts[node.lineno - 1] + node.col_offset
        return start, self.line_starts[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return self.source[start:end].decode()


def _tests(node: ast.AST) -> list[ast.expr]:
    """Return the conditions that a node decides by, but for those that are changed as comparison or logic."""
    match node:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) | ast.Assert(test=test):
            found = [test]
        case ast.comprehension(ifs=ifs):
            found = ifs
        case ast.match_case(guard=ast.expr() as guard):
            found = [guard]
        case _:
            found = []
    return [test for test in found if not isinstance(test, ast.Compare | ast.UnaryOp | ast.Constant)]


def _is_dropped(node: ast.AST) -> bool:
    """Return whether a statement can go without a name missing after it."""
    match node:
        case ast.Expr() | ast.Raise() | ast.Delete() | ast.AugAssign():
            return True
        case ast.Assign(targets=targets):
            return all(isinstance(target, ast.Attribute | ast.Subscript) for target in targets)
        case _:
            return False


def _says_nothing_at_run_time(node: ast.AST) -> bool:
    match node:
        case (
            ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()) | ast.If(test=ast.Name(id="TYPE_CHECKING"))
        ):
            return True
        case ast.AnnAssign(annotation=ast.Name(id="TypeAlias")) | ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case ast.Call(func=ast.Name(id=name)) | ast.Expr(value=ast.Call(func=ast.Name(id=name))):
            return name in TYPING
        case ast.keyword(arg=arg):
            return arg in UNREAD
        case _:
            return False


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what lies in a node but annotations, and the parts of an f-string's formats."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "format_spec"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant):
                continue
            if isinstance(child, ast.AST):
                yield child


def _is_nothing(node: ast.expr) -> bool:
    """Return whether a value is None, or False, which conditions take for the same."""
    return isinstance(node, ast.Constant) and node.value in (None, False)
