from __future__ import annotations

from ceap.testing import invoke, message
from handlers.runtime.needs import Grant, Needs, parameter_variable, secret_variable, table_variable
from tests import reference
from tests.handlers.support import declared, uses

MODULES = {name: reference.load_stage(name) for name in ("take", "sift", "rate", "keep", "tell")}


def test_each_stage_uses_what_it_declares_and_declares_what_it_uses(aws: None) -> None:
    previous = None
    for stage, module in MODULES.items():
        body = message([{"id": "r1"}, {"id": "r2"}]) if previous is None else None
        with uses() as used:
            invoke(module.handler, stage, previous=previous, initial_data=body)
        assert used == declared(module.NEEDS), stage
        previous = stage


def test_the_variable_of_a_table_is_its_name_in_capitals() -> None:
    assert table_variable("score_cache") == "TABLE_SCORE_CACHE"


def test_names_of_secrets_and_parameters_give_variables() -> None:
    assert secret_variable("vendor/api-key-${Environment}") == "SECRET_VENDOR_API_KEY_ENVIRONMENT_NAME"
    assert parameter_variable("/vendor/url") == "PARAMETER_VENDOR_URL_NAME"


def test_grants_may_have_effects_and_reading_has_none() -> None:
    settings = MODULES["take"].NEEDS.settings
    assert Needs(settings=settings, grants=(Grant(("sqs:SendMessage",), "*"),)).has_side_effects
    assert not Needs(settings=settings, secrets=("a",), parameters=("b",)).has_side_effects
