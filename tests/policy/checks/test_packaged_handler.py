from __future__ import annotations

import pytest

from templates import discovery
from tests.policy.broken import said
from tests.policy.changes import of, sub, without
from tests.policy.samples import Json

RULE = "WIRE07_PACKAGED_HANDLER"
PLACE = "/Resources/TakeFunction/Properties"


@pytest.mark.parametrize("handler", ["handlers.extract.handler", "take.handler", "handlers.take.main"])
def test_a_handler_that_the_package_does_not_hold_is_found(handler: str) -> None:
    cure = f"fix: handlers.NAME.handler, NAME one of {', '.join(discovery.handler_names())}"
    found = said(RULE, "express", of("TakeFunction", "Handler", handler))
    assert found == [(f"handlers/ holds no {handler} | {cure}", f"{PLACE}/Handler")]


def test_a_function_that_names_no_handler_is_found() -> None:
    [(message, place)] = said(RULE, "express", without("TakeFunction", "Handler"))
    assert message.startswith("no handler is named | fix: handlers.NAME.handler")
    assert place == f"{PLACE}/Handler"


@pytest.mark.parametrize(
    ("function", "handler", "found", "wanted"),
    [("RateFunction", "rate", "base", "sorting"), ("TakeFunction", "take", "sorting", "base")],
)
def test_a_zip_with_other_packages_than_the_handler_s_is_found(
    function: str, handler: str, found: str, wanted: str
) -> None:
    change = of(function, "Code", "S3Key", sub(f"${{HandlersPrefix}}{found}.zip"))
    message = (
        f"${{HandlersPrefix}}{found}.zip does not hold the packages of handlers/{handler}.py | "
        f"fix: S3Key: !Sub ${{HandlersPrefix}}{wanted}.zip"
    )
    place = f"/Resources/{function}/Properties/Code/S3Key/Fn::Sub"
    assert said(RULE, "express", change) == [(message, place)]


def test_a_function_with_other_code_is_left_alone() -> None:
    def change(data: Json) -> None:
        of("TakeFunction", "Handler", "index.handler")(data)
        of("TakeFunction", "Code", {"ZipFile": "exports.handler = async () => 1"})(data)

    assert said(RULE, "express", change) == []


def test_the_function_that_calls_an_existing_one_has_the_handler_of_the_framework() -> None:
    place = "/Resources/TakeFunction/Properties/Handler"
    message = "handlers/ holds no handlers.legacy.handler | fix: handlers.NAME.handler, NAME one of runtime.legacy"
    assert said(RULE, "legacy", of("TakeFunction", "Handler", "handlers.legacy.handler")) == [(message, place)]
