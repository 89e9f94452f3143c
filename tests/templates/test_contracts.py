from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from textwrap import dedent
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from templates import discovery
from templates.config import parse_workflow
from templates.contracts import Misfit, fields_of, find_misfit, type_problem
from templates.errors import ConfigError
from templates.source import parse_source


class Place(msgspec.Struct):
    city: str
    zip: str | None = None


class Order(msgspec.Struct, rename="camel"):
    order_id: str
    count: int = 1
    price: float | UnsetType = UNSET
    place: Place | None = None
    lines: list[Place] = []
    notes: dict[str, Any] = {}


class Brief(msgspec.Struct, omit_defaults=True):
    count: int = 1


class Strict(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    order_id: str


class Sale(msgspec.Struct, tag="sale"):
    amount: float


class Refund(msgspec.Struct, tag="refund"):
    amount: float


class Tree(msgspec.Struct):
    children: list[Tree]


class Leaf(msgspec.Struct):
    name: str
    children: list[Leaf]


class Bush(msgspec.Struct):
    children: list[Leaf]


class Size(Enum):
    SMALL = 1
    LARGE = 2


def takes(**fields: Any) -> Any:
    """Return a type that requires these fields."""
    return msgspec.defstruct("Taken", list(fields.items()))


CITY: Any = takes(city=str)
STREET: Any = takes(street=str)


@pytest.mark.parametrize(
    ("yields", "wanted"),
    [
        (dict[str, Any], dict[str, Any]),
        (Order, Order),
        (Order, dict[str, Any]),
        (Order, Any),
        (dict[str, Any], Brief),
        (Order, takes(orderId=str, count=float)),
        (Order, takes(place=Place | None)),
        (Order, takes(lines=list[CITY])),
        (Order, takes(notes=dict[str, int])),
        (takes(at=datetime, kind=Literal["a"], price=Decimal, tags=set[str]), takes(at=str, kind=str, tags=list[str])),
        (takes(price=Decimal), takes(price=str)),
        (takes(price=str), takes(price=Decimal)),
        (takes(price=float), takes(price=Decimal)),
        (takes(size=Literal[1, 2]), takes(size=int)),
        (takes(size=Size), takes(size=float)),
        (takes(size=int), takes(size=Literal[1, 2])),
        (takes(pair=tuple[int, int]), takes(pair=list[float])),
        (takes(any=Any), takes(any=Place)),
        (takes(sizes=dict[str, int]), takes(sizes=dict[str, float])),
        (Sale | Refund, Sale | Refund),
        (Sale, Sale | Refund),
    ],
)
def test_what_is_always_written_fits_what_is_required(yields: Any, wanted: Any) -> None:
    assert find_misfit(yields, wanted) is None


@pytest.mark.parametrize(
    ("yields", "wanted", "misfit"),
    [
        (dict[str, Any], Order, ("orderId", "string", "promises no field")),
        (Order, takes(customer=str), ("customer", "string", "has no such field")),
        (Order, takes(price=float), ("price", "number", "may leave it out")),
        (Brief, takes(count=int), ("count", "integer", "may leave it out")),
        (Order, takes(orderId=int), ("orderId", "integer", "may write string there")),
        (takes(count=float), takes(count=int), ("count", "integer", "may write number there")),
        (Order, takes(place=Place), ("place", "object", "may write null there")),
        (Order, takes(lines=list[STREET]), ("lines[].street", "string", "has no such field")),
        (Order, takes(place=takes(zip=str) | None), ("place.zip", "string", "may write null there")),
        (takes(price=Decimal), takes(price=float), ("price", "number", "may write string there")),
        (takes(size=Literal[1, "x"]), takes(size=int), ("size", "integer", "may write string there")),
        (takes(tags=list[str]), takes(tags=set[int]), ("tags[]", "integer", "may write string there")),
        (takes(pair=tuple[int, str]), takes(pair=list[int]), ("pair[]", "integer", "may write string there")),
        (takes(pair=list[str]), takes(pair=tuple[int, int]), ("pair[]", "integer", "may write string there")),
        (takes(a=dict[str, str]), takes(a=dict[str, int]), ("a.*", "integer", "may write string there")),
        (takes(a=dict[str, Any]), takes(a=Place), ("a.city", "string", "promises no field")),
        (Order, Strict, ("count", "absent", "writes it")),
        (Sale | Refund, Sale, ("type", "'sale'", "has the tag 'refund'")),
        (takes(amount=float), Sale, ("type", "'sale'", "has the tag None")),
    ],
)
def test_the_first_field_that_may_be_missing_or_of_another_kind_is_named(
    yields: Any, wanted: Any, misfit: tuple[str, str, str]
) -> None:
    assert find_misfit(yields, wanted) == Misfit(*misfit)


KINDS = st.sampled_from([int, float, str, bool, None, list[int], dict[str, int], Place])
FIELDS = st.dictionaries(st.sampled_from("abc"), KINDS, max_size=3)
VALUES = {int: 1, float: 1.5, str: "x", bool: True, None: None, Place: Place("x")}


@given(FIELDS, FIELDS)
def test_a_record_of_a_type_that_fits_is_read(yields: dict[str, Any], wanted: dict[str, Any]) -> None:
    given_type, taken = takes(**yields), takes(**wanted)
    record = given_type(*(VALUES.get(kind, [1] if kind == list[int] else {"k": 1}) for kind in yields.values()))
    encoded = msgspec.json.encode(record)
    try:
        msgspec.json.decode(encoded, type=taken)
    except msgspec.ValidationError:
        assert find_misfit(given_type, taken) is not None
    else:
        assert find_misfit(given_type, taken) is None


@pytest.mark.parametrize("kind", [dict, dict[str, Any], Order, Sale | Refund, Any, Tree])
def test_records_are_objects(kind: Any) -> None:
    assert type_problem(kind) is None


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (str, "; give a Struct, dict[str, Any], or a union of Structs with tags"),
        (list[Order], "; give a Struct, dict[str, Any], or a union of Structs with tags"),
        (Order | None, "; give a Struct, dict[str, Any], or a union of Structs with tags"),
        (Order("o1"), ", which JSON has no form for: "),
        (Sale | takes(a=int), ", which JSON has no form for: "),
        (takes(a=msgspec.Raw), " with msgspec.Raw in it, which may hold anything; give the type of its value"),
    ],
)
def test_no_other_type_is_one_of_records(kind: Any, said: str) -> None:
    assert said in str(type_problem(kind))


def test_a_type_that_only_the_type_checker_imports_is_named(folder: Path) -> None:
    declare(folder, late="yields = msgspec.defstruct('Own', [('when', 'datetime')])")
    with pytest.raises(ConfigError) as refused:
        discovery.load_needs("late")
    assert str(refused.value).endswith("'datetime' is not defined; import it, outside of `if TYPE_CHECKING:`")


def test_a_type_that_holds_itself_is_compared_and_listed_once() -> None:
    assert find_misfit(Tree, Bush) == Misfit("children[].name", "string", "has no such field")
    assert find_misfit(Bush, Tree) is None
    assert [path for path, _, _ in fields_of(Bush)] == ["children", "children[].name", "children[].children"]


MODULE = """\
    from typing import Any
    import msgspec
    from handlers.runtime.needs import Needs
    from handlers.runtime.stage import WorkflowLambdaHandler

    class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True): ...
    class Order(msgspec.Struct, rename="camel"):
        order_id: str
    class Priced(Order):
        price: float
    NEEDS = Needs(settings=Settings)
    class Stage(WorkflowLambdaHandler):
        {types}
        def process_data(self, records, stage):
            yield from records
    handler = Stage(NEEDS)
"""


def declare(folder: Path, *steps: str, **types: str) -> str:
    """Write a handler for each of the types; return a declaration with these steps."""
    for name, text in types.items():
        (folder / f"{name}.py").write_text(dedent(MODULE).format(types=text))
    lines = "".join(f"  - stage: {step.split(': ')[1].capitalize()}Stage\n    {step}\n" for step in steps)
    return f"name: orders\ntype: STANDARD\nsteps:\n{lines}"


LEGACY_STEP = "- stage: OldfunctionarnStage\n    legacy: OldFunctionArn\n"


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_workflow(parse_source(text, "orders.yaml"))
    return str(caught.value)


def test_a_stage_that_requires_what_the_one_before_does_not_promise_is_refused_by_field_and_types(folder: Path) -> None:
    text = declare(folder, "handler: plain", "handler: price", plain="pass", price="record_type = Priced")
    assert refusal(text) == (
        "orders.yaml:7: steps[1].handler is 'price', which takes Priced and requires orderId (string), but PlainStage "
        "yields dict, which promises no field; declare what it makes (`yields` in handlers/plain.py), or put a stage "
        "between them that makes Priced"
    )


def test_a_stage_yields_what_it_takes_unless_it_says_otherwise(folder: Path) -> None:
    types = {
        "order": "record_type = Order",
        "pricing": "record_type, yields = Order, Priced",
        "priced": "record_type = Priced",
    }
    parse_workflow(parse_source(declare(folder, "handler: pricing", "handler: priced", **types), "orders.yaml"))
    text = declare(folder, "handler: order", "handler: priced")
    assert "requires price (number), but OrderStage yields Order, which has no such field" in refusal(text)


def test_a_glue_job_hands_on_what_it_is_given(folder: Path, glue: Path) -> None:
    (glue / "merge.py").write_text('if __name__ == "__main__":\n    pass\n')
    text = declare(folder, "handler: loose", "glue: merge", "handler: tight", loose="pass", tight="record_type = Order")
    assert "steps[2].handler is 'tight', which takes Order and requires orderId (string), but LooseStage" in refusal(
        text
    )


def test_what_an_existing_function_returns_is_known_only_when_it_runs(folder: Path) -> None:
    steps = ("handler: loose", "legacy: OldFunctionArn", "handler: tight")
    text = declare(folder, *steps, loose="pass", tight="record_type = Order")
    parse_workflow(parse_source(text, "orders.yaml"))
    assert "steps[1].handler is 'tight', which takes Order" in refusal(text.replace(f"  {LEGACY_STEP}", ""))


def test_what_the_message_holds_is_known_only_when_it_comes(folder: Path, glue: Path) -> None:
    (glue / "merge.py").write_text('if __name__ == "__main__":\n    pass\n')
    for steps in (("handler: first",), ("glue: merge", "handler: first")):
        text = declare(folder, *steps, first="record_type = Order")
        assert len(parse_workflow(parse_source(text, "orders.yaml")).steps) == len(steps)


@pytest.mark.parametrize("name", ["record_type", "yields"])
def test_a_type_that_no_record_can_have_is_refused(folder: Path, name: str) -> None:
    declare(folder, **{f"lists_{name}": f"{name} = list[Order]"})
    text = f"handlers/lists_{name}.py: {name} is list[handlers.lists_{name}.Order]; give a Struct, dict[str, Any], or"
    with pytest.raises(ConfigError) as refused:
        discovery.load_needs(f"lists_{name}")
    assert str(refused.value).startswith(text)
