from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest

from ceap.deploy.diff.change import ContractChanged, StageRuns
from ceap.deploy.diff.compare import compare
from ceap.deploy.diff.contracts import Handlers, read_fields
from templates.contracts import Contract
from tests.deploy.diff.support import synthesized


class Order(msgspec.Struct):
    id: str


class Priced(msgspec.Struct):
    id: str
    price: int


def contract(takes: Any, yields: Any = None) -> Contract:
    return Contract(takes, yields or takes, message=dict[str, Any])


def declaration(*handlers: str) -> dict[str, Any]:
    steps = [{"stage": f"{name.capitalize()}{number}Stage", "handler": name} for number, name in enumerate(handlers)]
    return {"name": "x", "type": "EXPRESS", "steps": steps}


PAIR: Final = synthesized(declaration("take", "sift"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({}, {"take": contract(Order), "sift": contract(Order)}, []),
        (
            {},
            {"take": contract(Order), "sift": contract(Priced)},
            [("Sift1Stage", True, "requires price (integer) of Take0Stage, which has no such field")],
        ),
        (
            {"take": contract(Order)},
            {"take": contract(Priced), "sift": contract(Priced)},
            [("Take0Stage", True, "requires price (integer) of records: older ones are refused")],
        ),
        (
            {"sift": contract(Priced)},
            {"take": contract(Order), "sift": contract(Order)},
            [("Sift1Stage", True, "is the last, and no longer promises price (integer)")],
        ),
    ],
)
def test_what_a_stage_takes_must_be_promised(
    old: dict[str, Contract], new: dict[str, Contract], said: list[tuple[str, bool, str]]
) -> None:
    fields = {name: read_fields(one) for name, one in old.items()}
    changes = compare(PAIR, PAIR, handlers=Handlers(new.get, fields.get)).changes
    assert changes == tuple(ContractChanged(stage, is_broken=broken, said=text) for stage, broken, text in said)


def test_messages_for_a_handler_that_is_not_known_may_not_fit() -> None:
    new = synthesized(declaration("rate", "sift"))
    handlers = Handlers({"rate": contract(Order)}.get, lambda _: None)
    changes = compare(PAIR, new, handlers=handlers).changes
    assert [change for change in changes if isinstance(change, ContractChanged)] == [
        ContractChanged(
            "Rate0Stage",
            is_broken=None,
            said="gets the messages that were written for handler take: whether they fit is not known here",
        )
    ]


def test_what_an_existing_function_takes_and_returns_is_not_known_and_breaks_nothing() -> None:
    steps = [{"stage": "Take0Stage", "legacy": "TakeFunctionArn"}, {"stage": "Sift1Stage", "handler": "sift"}]
    old = synthesized({"name": "x", "type": "EXPRESS", "steps": steps})
    handlers = Handlers({"take": contract(Order), "sift": contract(Priced)}.get, lambda _: None)
    assert compare(old, old, handlers=handlers).changes == ()
    [runs, misfit, unknown] = [
        change
        for change in compare(old, PAIR, handlers=handlers).changes
        if isinstance(change, ContractChanged | StageRuns)
    ]
    assert runs == StageRuns("Take0Stage", "handler take", "function of TakeFunctionArn")
    assert misfit == ContractChanged(
        "Sift1Stage", is_broken=True, said="requires price (integer) of Take0Stage, which has no such field"
    )
    assert unknown == ContractChanged(
        "Take0Stage",
        is_broken=None,
        said="gets the messages that were written for function of TakeFunctionArn: whether they fit is not known here",
    )
