"""Plain data as Structs, and where in it an error is."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from templates.conversion import convert
from templates.errors import ConfigError
from templates.source import Source


class Sku(msgspec.Struct, rename="kebab"):
    unit_price: float = 0.0


class Settings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    skus: dict[str, float] = {}
    nested: dict[str, dict[str, list[Sku]]] = {}
    by_number: dict[int, str] = {}
    channels: dict[str, Literal["mail", "phone"]] = {}
    short: dict[Annotated[str, Meta(max_length=2)], int] = {}


def refusal(raw: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        convert(Source("x.yaml", raw, {}), raw, Settings, ("settings",))
    return str(caught.value)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"skus": {"z": 1, "a": "b", "c": "d"}}, "settings.skus.a is 'b': expected float, got str"),
        ({"skus": {"only": "b"}}, "settings.skus.only is 'b': expected float, got str"),
        (
            {"nested": {"x": {"y": []}, "u": {"v": [], "w": [{}, {"unit-price": "1"}], "z": []}}},
            "settings.nested.u.w[1].unit-price is '1': expected float, got str",
        ),
        ({"channels": {"a": "mail", "b": "male"}}, "settings.channels.b is 'male': did you mean mail? allowed: mail, "),
        ({"by_number": {"1": "a", "x": "b"}}, "settings.by_number has the key 'x': expected int, got str"),
        ({"short": {"ab": 1, "abc": 2}}, "settings.short has the key 'abc': expected str of length <= 2"),
    ],
)
def test_a_wrong_value_in_a_mapping_is_named_with_its_key(raw: Any, message: str) -> None:
    assert refusal(raw).startswith(f"x.yaml: {message}")


def test_a_mapping_by_numbers_takes_the_keys_that_a_declaration_can_hold() -> None:
    raw = {"by_number": {"1": "a"}}
    assert convert(Source("x.yaml", raw, {}), raw, Settings, ()) == Settings(by_number={1: "a"})
