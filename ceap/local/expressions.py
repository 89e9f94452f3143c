"""moto's expressions of DynamoDB, each parsed once: what depends on the text alone is not made again for each call.

A workflow sends the same few expressions for every record. moto parses each of them twice a call, copies its tree with
`copy.deepcopy`, and asks abstract base classes about every node for each of its ten checks. Answers and errors are
moto's own.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from moto.dynamodb import comparisons
from moto.dynamodb.parsing import ast_nodes, expressions, validators

from ceap.local.hooks import replace

_KEPT: Final = 1024
"""How many expressions are kept; a workflow has some ten."""

# moto hides the types of these modules from type checkers.
_NODES: Final[Any] = ast_nodes
_EXPRESSIONS: Final[Any] = expressions
_UPDATES: Final[Any] = _EXPRESSIONS.UpdateExpressionParser
_CONDITIONS: Final[Any] = comparisons.ConditionExpressionParser
_CHECKS: Final[Any] = validators
_parse_update: Final = _UPDATES.make
_parse_condition: Final = _CONDITIONS.parse
_make_operand: Final = _CONDITIONS._make_operand
_Counts: Any = _CHECKS.ActionCountValidator
_Paths: Any = _CHECKS.OverlappingPathsValidator

Names: TypeAlias = tuple[tuple[str, str], ...] | None
"""The ExpressionAttributeNames of a call, in an order that does not depend on the call."""


@lru_cache(maxsize=1)
def install() -> None:
    """Hook moto's parsers and checks, once per process; AttributeError if moto lacks a part."""
    replace(_UPDATES, "make", staticmethod(parse_update))
    replace(_CHECKS, "ActionCountValidator", CountedOnce)
    replace(_CHECKS, "OverlappingPathsValidator", ComparedOnce)
    replace(_CHECKS.Validator, "__init__", _begin_validation)
    replace(_NODES.DepthFirstTraverser, "traverse_node_recursively", _traverse)
    replace(_CONDITIONS, "parse", _parse)
    replace(_CONDITIONS, "_make_operand", _operand)


@lru_cache(maxsize=_KEPT)
def parse_update(text: str) -> Any:
    """Return the tree of an update expression, which its validator copies; raises moto's errors."""
    tree = _parse_update(text)
    tree.text = text
    return tree


class CountedOnce(_Counts):  # type: ignore[misc]  # mypy does not see its base
    """Checks how many clauses of a kind an update has: its text tells."""

    def traverse(self, node: Any) -> Any:
        _count_clauses(node.text)
        return node


class ComparedOnce(_Paths):  # type: ignore[misc]  # mypy does not see its base
    """Checks whether paths of an update overlap: its text and names tell."""

    def traverse(self, node: Any) -> Any:
        _compare_paths(node.text, _key(self.expression_attribute_names))
        return node


@lru_cache(maxsize=_KEPT)
def _count_clauses(text: str) -> None:
    _Counts().traverse(_copy(parse_update(text)))


@lru_cache(maxsize=_KEPT)
def _compare_paths(text: str, names: Names) -> None:
    _Paths(None if names is None else dict(names)).traverse(_copy(parse_update(text)))


def _key(names: Mapping[str, str] | None) -> Names:
    return None if names is None else tuple(sorted(names.items()))


def _begin_validation(self: Any, expression: Any, **given: Any) -> None:
    """Do as moto's constructor of a validator, which copies the tree with `copy.deepcopy`."""
    for name in ("expression_attribute_names", "expression_attribute_values", "item", "table"):
        setattr(self, name, given[name])
    self.processors = self.get_ast_processors()
    self.node_to_validate = _copy(expression)


def _copy(node: Any) -> Any:
    """Return a copy of a parsed tree; what is no node in it is a text or a number."""
    if _kinds(())[type(node)] == "other":
        return node
    made = object.__new__(type(node))
    made.__dict__.update(node.__dict__)
    if node.children is not None:
        made.children = [_copy(child) for child in node.children]
        for child in made.children:
            if _kinds(())[type(child)] != "other":
                child.parent = made
    return made


class _Kinds(dict[type, Literal["other", "node", "wanted"]]):
    """What a class is to a check that processes nodes of some classes, found when it is first asked for."""

    def __init__(self, wanted: tuple[type, ...]) -> None:
        super().__init__()
        self._wanted: Final = wanted

    def __missing__(self, kind: type) -> Literal["other", "node", "wanted"]:
        is_node = issubclass(kind, _NODES.Node)
        self[kind] = "other" if not is_node else "wanted" if issubclass(kind, self._wanted) else "node"
        return self[kind]


_kinds: Final = lru_cache(maxsize=_KEPT)(_Kinds)


def _traverse(self: Any, node: Any, child_id: int = -1) -> Any:
    """Do as moto's traversal, which asks each node for its class, and the check for what it takes, every time."""
    has_hook = type(self).pre_processing_of_child is not _NODES.DepthFirstTraverser.pre_processing_of_child
    kinds = _kinds(self.nodes_to_be_processed())
    return _walk(self, self.pre_processing_of_child if has_hook else None, kinds, node, child_id)


def _walk(check: Any, prepare: Callable[[Any, int], None] | None, kinds: _Kinds, node: Any, child_id: int) -> Any:
    kind = kinds[type(node)]
    if kind == "other":
        return node
    parent = node.parent
    for number, child in enumerate(node.children or ()):
        if prepare:
            prepare(node, number)
        if kinds[type(child)] != "other":
            _walk(check, prepare, kinds, child, number)
    if kind == "wanted":
        node = check.process(node)
        node.parent = parent
        if parent:
            parent.children[child_id] = node
    return node


class _Tree(_CONDITIONS):  # type: ignore[misc]  # mypy does not see its base
    """Parses a condition to a tree in which a value is known by its name only."""

    parse = _parse_condition

    def _make_op_condition(self, node: Any) -> Any:
        return node


@lru_cache(maxsize=_KEPT)
def _parse_once(text: str, names: Names, values: tuple[str, ...] | None) -> tuple[Any, list[str], list[str]]:
    """Return the tree of a condition, and the placeholders of names and of values in it; raises moto's errors."""
    parser = _Tree(text, None if names is None else dict(names), None if values is None else dict.fromkeys(values))
    return parser.parse(), parser.expr_attr_names_found, parser.expr_attr_values_found


def _parse(self: Any) -> Any:
    if not self.condition_expression:
        return _parse_condition(self)
    values = self.expression_attribute_values
    known = None if values is None else tuple(sorted(values))
    tree, names_found, values_found = _parse_once(
        self.condition_expression, _key(self.expression_attribute_names), known
    )
    self.expr_attr_names_found.extend(names_found)
    self.expr_attr_values_found.extend(values_found)
    return self._make_op_condition(tree)


def _operand(self: Any, node: Any) -> Any:
    if node.kind == self.Kind.EXPRESSION_ATTRIBUTE_VALUE:
        return comparisons.AttributeValue(self.expression_attribute_values[node.text])
    return _make_operand(self, node)
