"""The rule on new objects in the engine: what it matches, what it sends, and who lets it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ceap.local.cloudformation import DeployError
from ceap.local.deliveries import Delivery
from ceap.local.engine import Engine
from ceap.local.object_events import transform
from templates.triggers import MESSAGE
from tests.local.support import deploy_triggered, triggered_template
from tests.local.test_schedules import kept, properties

NAME = "rule ceap-triggered-dev-objects"
TRANSFORMER = {
    "InputPathsMap": {"bucket": "$.detail.bucket.name", "key": "$.detail.object.key"},
    "InputTemplate": MESSAGE,
}
TARGET = ("Targets", 0)


def announce(engine: Engine, key: str, bucket: str = "my-exports-dev") -> list[Delivery]:
    return engine.announce_object(bucket, key, 6)


def test_a_new_object_becomes_the_message_that_names_it_and_the_execution_succeeds(engine: Engine) -> None:
    deployed = deploy_triggered(engine)
    assert announce(engine, "orders/1.csv") == [Delivery(NAME, "s3://my-exports-dev/orders/1.csv")]
    [body] = engine.messages(deployed.queue)
    assert json.loads(body) == {"source": {"kind": "s3", "bucket": "my-exports-dev", "key": "orders/1.csv"}}
    [execution] = engine.drain()
    assert (execution.status, engine.problems(), kept(engine)) == ("SUCCEEDED", [], [])


@pytest.mark.parametrize(
    ("key", "bucket"),
    [
        ("orders/1.json", "my-exports-dev"),
        ("other/1.csv", "my-exports-dev"),
        ("Orders/1.csv", "my-exports-dev"),
        ("orders/1.csv.gz", "my-exports-dev"),
        ("orders/1.csv", "your-exports"),
    ],
)
def test_another_object_sends_nothing(engine: Engine, key: str, bucket: str) -> None:
    deployed = deploy_triggered(engine)
    assert announce(engine, key, bucket) == []
    assert engine.messages(deployed.queue) == []


@pytest.mark.parametrize(
    ("wanted", "key", "matches"),
    [
        ({"prefix": "orders/"}, "orders/1", True),
        ({"prefix": "orders/"}, "my/orders/1", False),
        ({"suffix": ".csv"}, "a/b.csv", True),
        ({"suffix": ".csv"}, "a/b.csv2", False),
        ({"wildcard": r"a\*b*.csv"}, "a*b1.csv", True),
        ({"wildcard": r"a\*b*.csv"}, "axb1.csv", False),
        ({"wildcard": r"a\\*.csv"}, "a\\1.csv", True),
    ],
)
def test_keys_match_by_prefix_suffix_and_wildcard(
    engine: Engine, wanted: dict[str, str], key: str, matches: bool
) -> None:
    template = triggered_template()
    properties(template, "ObjectRule")["EventPattern"]["detail"]["object"]["key"] = [wanted]
    deploy_triggered(engine, template)
    assert bool(announce(engine, key)) == matches


@pytest.mark.parametrize("key", ['say "hello" \\ there', "über straße a+b%20c?", "<key> <bucket>", "🛒", "a\tb"])
def test_a_key_is_in_the_message_as_it_is(key: str) -> None:
    event = {"detail": {"bucket": {"name": "my-exports-dev"}, "object": {"key": key}}}
    message = json.loads(transform(TRANSFORMER, event))
    assert message == {"source": {"kind": "s3", "bucket": "my-exports-dev", "key": key}}


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("EventPattern", "detail", "object", "key"), [{"anything-but": "a"}], "does not model this EventPattern"),
        (("EventPattern", "detail", "object", "key"), ["orders/1.csv"], "does not model this EventPattern"),
        (("EventPattern", "detail", "object", "size"), [1], "does not model this EventPattern"),
        (("EventPattern", "detail", "bucket", "name"), [{"prefix": "my"}], "does not model this EventPattern"),
        (("EventPattern", "detail-type"), ["Object Deleted"], "does not model this EventPattern"),
        (("EventPattern", "account"), ["1"], "does not model this EventPattern"),
        ((*TARGET, "Input"), "{}", "does not model Input of a target"),
        (
            (*TARGET, "InputTransformer", "InputPathsMap", "key"),
            "$.detail.object.etag",
            r"does not model \$\.detail\.object\.etag in InputPathsMap",
        ),
        (
            (*TARGET, "InputTransformer", "InputTemplate"),
            '{"event": <aws.events.event>}',
            "InputPathsMap lacks aws.events.event of the InputTemplate",
        ),
        (
            (*TARGET, "InputTransformer", "InputTemplate"),
            '{"key": "<key>"}',
            "no JSON object whose variables stand without quotes",
        ),
        (
            (*TARGET, "InputTransformer", "InputTemplate"),
            "{<key>: 1}",
            "no JSON object whose variables stand without quotes",
        ),
        (
            (*TARGET, "InputTransformer", "InputTemplate"),
            '"a new object"',
            "no JSON object whose variables stand without quotes",
        ),
    ],
)
def test_a_rule_that_the_engine_does_not_model_is_refused(
    engine: Engine, place: tuple[str | int, ...], value: object, message: str
) -> None:
    template = triggered_template()
    inner: Any = properties(template, "ObjectRule")
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(DeployError, match=message):
        deploy_triggered(engine, template)
