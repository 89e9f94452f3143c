"""Limits, each met exactly and passed by one: what AWS or ceap allows is accepted, one more is refused."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from templates.errors import ConfigError
from templates.schema import schema_text
from tests.strategies import workflow_of

STEP = {"stage": "S", "handler": "take", "timeout_s": 1}
JOB = {"stage": "J", "glue": "heavy"}


def declared(*steps: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"name": "a", "type": "EXPRESS", "steps": list(steps) or [STEP], **keys}


def standard(*steps: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return declared(*steps, **keys) | {"type": "STANDARD"}


def step(**keys: Any) -> dict[str, Any]:
    return declared({**STEP, **keys})


def job(**keys: Any) -> dict[str, Any]:
    return standard({**JOB, **keys})


def retry(kind: str, **keys: Any) -> dict[str, Any]:
    return standard({**STEP}, {**JOB}, retry={kind: keys})


def stages(count: int) -> list[dict[str, Any]]:
    return [{**STEP, "stage": f"S{number}"} for number in range(count)]


def settings_of(size: int) -> dict[str, Any]:
    """Return a declaration whose settings are so many bytes of JSON."""
    field = "ü" + "x" * (size - len(b'{"field":"\xc3\xbc"}'))
    return declared({**STEP, "handler": "sift", "settings": {"field": field}})


def environment_of(size: int) -> dict[str, Any]:
    """Return a declaration whose function has variables of so many bytes, as `{"KEY":"value",...}`."""
    empty = {"stage": "S", "legacy": "OrdersFunctionArn", "timeout_s": 1, "environment": {"AB": ""}}
    fixed = {"SETTINGS": "{}", "POWERTOOLS_SERVICE_NAME": "ceap-a", "LEGACY_FUNCTION_ARN": "x" * 256, "AB": ""}
    taken = len(json.dumps(fixed, separators=(",", ":")))
    return declared(empty | {"environment": {"AB": "x" * (size - taken)}})


def message_of(size: int) -> dict[str, Any]:
    """Return a declaration that sends a message of so many bytes to an existing function, which takes any."""
    message = {"text": "x" * (size - len('{"text":""}'))}
    existing = {"stage": "S", "legacy": "OrdersFunctionArn", "timeout_s": 1}
    return declared(existing, schedule={"expression": "rate(1 hour)", "message": message})


def objects(**keys: str) -> dict[str, Any]:
    return declared({**STEP, "settings": {"source_bucket": "my-exports"}}, s3_events=keys)


def tags(count: int) -> dict[str, str]:
    return {f"Key{number}": "v" for number in range(count)}


class Pair(NamedTuple):
    """What a limit allows exactly, one more, and how the refusal of that begins."""

    exact: dict[str, Any]
    over: dict[str, Any]
    said: str


def number(make: Any, key: str, place: str, low: int | None, high: int | None) -> dict[str, Pair]:
    """Return the pairs of a whole number with these limits."""
    found = {}
    if low is not None:
        found[f"{place} of {low}"] = Pair(make(**{key: low}), make(**{key: low - 1}), f"{place} is {low - 1}: expected")
    if high is not None:
        found[f"{place} of {high}"] = Pair(
            make(**{key: high}), make(**{key: high + 1}), f"{place} is {high + 1}: expected"
        )
    return found


def in_standard(**keys: Any) -> dict[str, Any]:
    return standard({**STEP, **keys})


def retry_lambda(**keys: Any) -> dict[str, Any]:
    return retry("lambda", **keys)


def retry_glue(**keys: Any) -> dict[str, Any]:
    return retry("glue", **keys)


NUMBERS = [
    (in_standard, "LambdaStep", "timeout_s", "steps[0].timeout_s", 1, 900),
    (step, "LambdaStep", "memory_mb", "steps[0].memory_mb", 128, 10240),
    (step, "LambdaStep", "ephemeral_storage_mb", "steps[0].ephemeral_storage_mb", 512, 10240),
    (step, "LambdaStep", "reserved_concurrency", "steps[0].reserved_concurrency", 1, None),
    (step, "LambdaStep", "rejected_percent", "steps[0].rejected_percent", 1, 100),
    (job, "GlueStep", "workers", "steps[0].workers", 2, 299),
    (job, "GlueStep", "timeout_min", "steps[0].timeout_min", 1, 10079),
    (retry_lambda, "RetryPolicy", "max_attempts", "retry.lambda.max_attempts", 0, 10),
    (retry_lambda, "RetryPolicy", "interval_s", "retry.lambda.interval_s", 1, 3600),
    (retry_lambda, "RetryPolicy", "backoff_rate", "retry.lambda.backoff_rate", 1, 10),
    (retry_glue, "GlueRetryPolicy", "max_attempts", "retry.glue.max_attempts", 0, 10),
    (retry_glue, "GlueRetryPolicy", "interval_s", "retry.glue.interval_s", 1, 3600),
    (retry_glue, "GlueRetryPolicy", "backoff_rate", "retry.glue.backoff_rate", 1, 10),
]
"""Every number of the schema with limits, as AWS has them: how to declare it, where it stands, least and most."""

PAIRS = {
    "50 steps": Pair(declared(*stages(50)), declared(*stages(51)), "steps has 51 entries"),
    "1 step": Pair(declared(), declared() | {"steps": []}, "steps is []"),
    "64 characters of a function's name": Pair(
        declared({**STEP, "stage": "S" * 44 + "Stage"}),
        declared({**STEP, "stage": "S" * 45 + "Stage"}),
        f"steps[0].stage is '{'S' * 45}Stage': the function ceap-a-${{Environment}}-{'S' * 45} could have 65 ",
    ),
    "64 characters of a job's name": Pair(
        standard({**JOB, "stage": "J" * 44}), standard({**JOB, "stage": "J" * 45}), "steps[0].stage is 'JJJJ"
    ),
    "64 characters with a long name of the workflow": Pair(
        declared(name="n" * 44), declared(name="n" * 45), "steps[0].stage is 'S': the function ceap-nnn"
    ),
    "80 characters of a state": Pair(
        declared({**STEP, "stage": "S" * 80}, naming="generated"),
        declared({**STEP, "stage": "S" * 81}, naming="generated"),
        "steps[0].stage has 81 characters; Step Functions allows 80: shorten it",
    ),
    "a generated name with all of the stack's": Pair(
        declared(name="n" * 7, naming="generated", steps=[{**STEP, "stage": "S" * 40}]),
        declared(name="n" * 8, naming="generated", steps=[{**STEP, "stage": "S" * 40}]),
        f"steps[0].stage is '{'S' * 40}': the name that CloudFormation generates for its function keeps 25 ",
    ),
    "80 characters of the queue of undelivered alerts": Pair(
        standard(name="n" * 38),
        standard(name="n" * 39),
        f"name is '{'n' * 39}': the queue ceap-{'n' * 39}-${{Environment}}-alert-dead-letter-queue could have 81 ",
    ),
    "80 characters of the queue of a trigger": Pair(
        message_of(100) | {"name": "n" * 36},
        message_of(100) | {"name": "n" * 37},
        f"name is '{'n' * 37}': the queue ceap-{'n' * 37}-${{Environment}}-trigger-dead-letter-queue could have 81 ",
    ),
    "1,024 bytes of a description": Pair(
        declared(description="ü" * 512), declared(description="ü" * 512 + "x"), "description has 1025 bytes"
    ),
    "300 s of a step in EXPRESS": Pair(step(timeout_s=300), step(timeout_s=301), "steps[0].timeout_s is 301; an EXPR"),
    "300 s of all steps in EXPRESS": Pair(
        declared({**STEP, "timeout_s": 200}, {**STEP, "stage": "T", "timeout_s": 100}),
        declared({**STEP, "timeout_s": 200}, {**STEP, "stage": "T", "timeout_s": 101}),
        "steps take up to 301 s together",
    ),
    "3,072 bytes of settings": Pair(
        settings_of(3072), settings_of(3073), "steps[0].settings take 3073 bytes as JSON; at most 3072 fit"
    ),
    "4,096 bytes of a function's variables": Pair(
        environment_of(4096), environment_of(4097), "steps[0].environment takes 4,097 bytes as JSON with what ceap sets"
    ),
    "two characters of a variable's name": Pair(
        step(environment={"AB": ""}), step(environment={"A": ""}), "steps[0].environment.A has a name"
    ),
    "63 characters of a bucket": Pair(
        step(settings={"source_bucket": "b" * 63}),
        step(settings={"source_bucket": "b" * 64}),
        "steps[0].settings.source_bucket is 'bbb",
    ),
    "63 characters of a bucket in the longest environment": Pair(
        step(settings={"source_bucket": "b" * 51 + "${Environment}"}),
        step(settings={"source_bucket": "b" * 52 + "${Environment}"}),
        "steps[0].settings.source_bucket is 'bbb",
    ),
    "3 characters of a bucket": Pair(
        step(settings={"source_bucket": "bbb"}), step(settings={"source_bucket": "bb"}), "steps[0].settings.source_b"
    ),
    "0 of a handler's own setting": Pair(
        step(settings={"max_rejected": 0}), step(settings={"max_rejected": -1}), "steps[0].settings.max_rejected is -1"
    ),
    "50 tags": Pair(declared(tags=tags(50)), declared(tags=tags(51)), "tags has 51 tags; AWS allows 50"),
    "128 characters of a tag's key": Pair(
        declared(tags={"k" * 128: "v"}), declared(tags={"k" * 129: "v"}), f"tags.{'k' * 129} has a key of 129 "
    ),
    "1 character of a tag's key": Pair(declared(tags={"k": "v"}), declared(tags={"": "v"}), "tags. has a key of 0 "),
    "256 characters of a tag's value": Pair(
        declared(tags={"k": "v" * 256}), declared(tags={"k": "v" * 257}), "tags.k has a value of 257 characters"
    ),
    "256 characters of a tag's value in the longest environment": Pair(
        declared(tags={"k": "v" * 244 + "${Environment}"}),
        declared(tags={"k": "v" * 245 + "${Environment}"}),
        "tags.k has a value of 257 characters",
    ),
    "1 character of a tag's value": Pair(
        declared(tags={"k": "v"}), declared(tags={"k": ""}), "tags.k has a value of 0"
    ),
    "122,880 bytes of a schedule's message": Pair(
        message_of(122_880), message_of(122_881), "schedule.message has 122,881 bytes"
    ),
    "512 characters of a prefix": Pair(objects(prefix="p" * 512), objects(prefix="p" * 513), "s3_events.prefix is"),
    "512 characters of a suffix": Pair(objects(suffix="p" * 512), objects(suffix="p" * 513), "s3_events.suffix is"),
    "1,024 bytes of a key": Pair(
        objects(prefix="ü" * 256, suffix="p" * 512),
        objects(prefix="ü" * 256 + "p", suffix="p" * 512),
        "s3_events has a prefix and a suffix of 1,025 bytes; a key has at most 1,024",
    ),
    **{
        name: pair
        for make, _, key, place, low, high in NUMBERS
        for name, pair in number(make, key, place, low, high).items()
    },
}


def refusal_of(declaration: dict[str, Any]) -> str:
    """Return the refusal of a declaration, without the file that it begins with."""
    with pytest.raises(ConfigError) as caught:
        workflow_of(declaration)
    return str(caught.value).partition("declaration.yaml: ")[2]


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_a_limit_may_be_met_exactly_and_not_passed_by_one(pair: Pair) -> None:
    assert workflow_of(pair.exact).name == pair.exact["name"]
    assert refusal_of(pair.over).startswith(pair.said)


def test_every_number_of_the_schema_has_the_limits_that_aws_has() -> None:
    found = {
        (name, key): (limits.get("minimum"), limits.get("maximum"))
        for name, kind in json.loads(schema_text())["$defs"].items()
        for key, value in kind.get("properties", {}).items()
        for limits in (value, *value.get("anyOf", ()))
        if {"minimum", "maximum"} & {*limits}
    }
    legacy = {("LegacyStep", key): limits for (name, key), limits in found.items() if name == "LambdaStep"}
    assert found == legacy | {(name, key): (low, high) for _, name, key, _, low, high in NUMBERS}
