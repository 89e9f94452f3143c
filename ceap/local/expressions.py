"""moto's expressions of DynamoDB, each parsed once: what depends on the text alone is not made again for each call.

A workflow sends the same few expressions for every record. moto parses each of them twice a call, copies its tree with
`copy.deepcopy`, and asks abstract base classes about every node for each of its ten checks. Answers and errors are
moto's own.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias

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
    replace(_CHECKS.ExpressionAttributeResolvingProcessor, "pre_processing_of_child", _resolve_values_only)
    replace(_NODES.DepthFirstTraverser, "traverse_node_recursively", _traverse)
    replace(_NODES.Node, "find_clauses", _find_clauses)
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


class _Kinds(dict[type, Any]):
    """By the class of a node: the first of some classes that it is, Node if it is none; None for what is no node.

    It is found when it is first asked for: these are abstract base classes, which are slow to tell.
    """

    def __init__(self, wanted: tuple[type, ...]) -> None:
        super().__init__()
        self._wanted: Final = wanted

    def __missing__(self, kind: type) -> Any:
        found = next((each for each in (*self._wanted, _NODES.Node) if issubclass(kind, each)), None)
        self[kind] = found
        return found


_kinds: Final = lru_cache(maxsize=_KEPT)(_Kinds)
_NODE_KINDS: Final = _Kinds(())
_ACTION_KINDS: Final = _Kinds(
    (
        _NODES.UpdateExpressionSetAction,
        _NODES.UpdateExpressionRemoveAction,
        _NODES.UpdateExpressionDeleteAction,
        _NODES.UpdateExpressionAddAction,
    )
)
_PARENT_KINDS: Final = _Kinds((_NODES.Expression, _NODES.UpdateExpressionFunction))


def _copy(node: Any) -> Any:
    """Return a copy of a parsed tree; what is no node in it is a text or a number."""
    made = object.__new__(type(node))
    made.__dict__.update(node.__dict__)
    if node.children is not None:
        made.children = [child if _NODE_KINDS[type(child)] is None else _copy(child) for child in node.children]
        for child in made.children:
            if _NODE_KINDS[type(child)]:
                child.parent = made
    return made


def _find_clauses(self: Any, clause_types: Any) -> list[Any]:
    clauses: list[Any] = []
    for child in self.children or ():
        if type(child) in clause_types:
            clauses.append(child)
        elif _PARENT_KINDS[type(child)] not in (None, _NODES.Node):
            clauses.extend(child.find_clauses(clause_types))
    return clauses


def _resolve_values_only(self: Any, parent_node: Any, child_id: int) -> None:
    if _ACTION_KINDS[type(parent_node)] is not _NODES.Node:
        self.resolving = child_id != 0


def _traverse(self: Any, node: Any, child_id: int = -1) -> Any:
    """Do as moto's traversal, which asks each node for its class, and the check for what it takes, every time."""
    processors = self._processing_map()
    has_hook = type(self).pre_processing_of_child is not _NODES.DepthFirstTraverser.pre_processing_of_child
    return _walk(
        self.pre_processing_of_child if has_hook else None, processors, _kinds(tuple(processors)), node, child_id
    )


def _walk(
    prepare: Callable[[Any, int], None] | None, processors: Mapping[type, Any], kinds: _Kinds, node: Any, child_id: int
) -> Any:
    kind = kinds[type(node)]
    if kind is None:
        return node
    parent = node.parent
    for number, child in enumerate(node.children or ()):
        if prepare:
            prepare(node, number)
        if kinds[type(child)]:
            _walk(prepare, processors, kinds, child, number)
    if kind in processors:
        node = processors[kind](node)
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
