from __future__ import annotations

from templates import naming


def test_a_stack_is_named_as_the_resources_in_it_begin() -> None:
    assert naming.stack("realtime", "dev") == "ceap-realtime-dev"
    assert naming.stack(naming.FOUNDATION, "prod") == "ceap-foundation-prod"
    assert naming.resource("realtime").replace("${Environment}", "dev") == naming.stack("realtime", "dev")
