"""What a mark claims, held against what the test does: each holder shows what its kind of proof demands."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Final, NamedTuple

from ceap.scaffold import sample
from tests.proofs.promises import KINDS, Property
from tests.proofs.sources import Case, Sources, dotted

SAMPLE: Final = tuple(folder for folder in sample.FOLDERS if folder.startswith("tests/"))
"""A project without the sample has none of these tests, and holds the same properties."""

_FORM: Final = '@pytest.mark.property(NUMBER, "KIND")'
_REFUSALS: Final = ("ConfigError", "refusal")
_EXPECTED: Final = ("pytest.raises", "refusal")
"""Calls that fail a test in which nothing is refused."""
_GENERATED: Final = ("templates.stacks", "ceap.project")


class Holder(NamedTuple):
    """A test that alone proves a property in one kind of proof."""

    property: int
    kind: str
    case: Case


def holders(sources: Sources, path: str | None = None) -> list[Holder]:
    """Return the tests with marks of the right form, of a module or of all."""
    return [
        Holder(*values, case)
        for case in sources.tests(path)
        for mark in case.marks
        if (values := _values(mark)) is not None
    ]


def missing(held: Collection[tuple[int, str]], properties: Mapping[int, Property]) -> list[str]:
    """Return the promises that nothing keeps."""
    return [
        f"property {number}: no {KINDS[kind]} ({kind}) holds it, and the requirements promise one"
        for number, promised in properties.items()
        for kind in promised.kinds
        if (number, kind) not in held
    ]


def faults(sources: Sources, properties: Mapping[int, Property], path: str | None = None) -> list[str]:
    """Return what is wrong with the marks of a module's tests, or of all: a text for each, with the test's id."""
    return [
        f"{case.id}: {fault}"
        for case in sources.tests(path)
        if case.marks or of_rules(case)
        for fault in _faults_of(sources, properties, case)
    ]


def of_rules(case: Case) -> bool:
    """Tell a test whose cases carry the marks of rules."""
    return any("proves(" in ast.unparse(decorator) for decorator in case.function.decorator_list)


def _faults_of(sources: Sources, properties: Mapping[int, Property], case: Case) -> Iterator[str]:
    if not asserts(case.function):
        yield "it holds a property, and its body compares nothing"
    if case.path.startswith(SAMPLE) or (case.path.startswith("tests/handlers/test_")):
        yield "a test of the sample holds no property: mark one of the framework"
    for mark in case.marks:
        values = _values(mark)
        if values is None:
            yield f"{ast.unparse(mark)}: write {_FORM}, with a kind of M, H or E"
            continue
        number, kind = values
        if number not in properties or kind not in properties[number].kinds:
            yield f"the requirements do not promise {kind} for property {number}"
        elif fault := _fault_of_kind(sources, case, kind):
            yield fault
    claimed = [values for mark in case.marks if (values := _values(mark))]
    if len(set(claimed)) < len(claimed):
        yield "it has the same mark twice"


def _fault_of_kind(sources: Sources, case: Case, kind: str) -> str | None:
    match kind:
        case "H":
            decorators = [ast.unparse(decorator) for decorator in case.function.decorator_list]
            return None if any(each.startswith("given(") for each in decorators) else "H is a test with @given"
        case "M":
            used = {node.id for node in ast.walk(case.function) if isinstance(node, ast.Name)}
            return None if used & set(_REFUSALS) else "M is a test that sees a ConfigError"
        case _:
            return None if _runs_a_generated_template(sources, case) else "E is a run of a generated template"


def _runs_a_generated_template(sources: Sources, case: Case) -> bool:
    """Tell whether the test or its helpers have the local engine and what generates templates."""
    used = defaultdict(set)
    for module, node, _ in sources.reached(case):
        names = {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}
        for name in names & module.imported.keys():
            source, original = module.imported[name]
            used[source].add(original)
            used[f"{source}.{original}"].add("")
    runs = "Engine" in used["ceap.local.engine"]
    return runs and any(source in used for source in _GENERATED)


def _values(mark: ast.Call) -> tuple[int, str] | None:
    match [argument.value for argument in mark.args if isinstance(argument, ast.Constant)]:
        case [int(number), "M" | "H" | "E" as kind] if len(mark.args) == 2:
            return number, kind
    return None


@cache
def asserts(node: ast.AST) -> bool:
    """Tell whether a definition itself compares something, or expects a failure."""
    return any(
        (isinstance(child, ast.Assert) and _depends(child.test))
        or (isinstance(child, ast.Call) and dotted(child.func) in _EXPECTED)
        for child in ast.walk(node)
    )


def _depends(test: ast.expr) -> bool:
    """Tell a comparison from a constant, such as `assert True`."""
    return any(isinstance(child, ast.Name) for child in ast.walk(test))
