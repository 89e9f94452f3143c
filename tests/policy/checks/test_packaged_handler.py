from __future__ import annotations

import pytest

from tests.policy.broken import said
from tests.policy.changes import of, without
from tests.policy.samples import Json

RULE = "WIRE07_PACKAGED_HANDLER"
PLACE = "/Resources/ETLFunction/Properties"


@pytest.mark.parametrize("handler", ["handlers.extract.handler", "etl.handler", "handlers.etl.main"])
def test_a_handler_that_the_package_does_not_hold_is_found(handler: str) -> None:
    cure = "fix: handlers.NAME.handler, NAME one of etl, filter, reactive, score, store"
    found = said(RULE, "express", of("ETLFunction", "Handler", handler))
    assert found == [(f"[WIRE07] handlers/ holds no {handler} | {cure}", f"{PLACE}/Handler")]


def test_a_runtime_and_an_architecture_that_the_package_is_not_built_for_are_found() -> None:
    assert said(RULE, "express", of("ETLFunction", "Runtime", "python3.12")) == [
        ("[WIRE07] the package is built for another runtime | fix: Runtime python3.13", f"{PLACE}/Runtime")
    ]
    message = "[WIRE07] the package is built for another architecture | fix: Architectures [arm64]"
    assert said(RULE, "express", without("ETLFunction", "Architectures")) == [(message, f"{PLACE}/Architectures")]


def test_a_function_with_other_code_is_left_alone() -> None:
    def change(data: Json) -> None:
        of("ETLFunction", "Handler", "index.handler")(data)
        of("ETLFunction", "Runtime", "nodejs22.x")(data)
        of("ETLFunction", "Code", {"ZipFile": "exports.handler = async () => 1"})(data)

    assert said(RULE, "express", change) == []
