from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates.config import load_workflow, parse_workflow
from templates.errors import ConfigError
from templates.model import LambdaStep, RetryPolicy, WorkflowType
from templates.source import parse_source
from tests.strategies import declarations, workflow_of
from tests.templates.support import VALID, changed, refusal


def test_a_declaration_becomes_a_workflow_with_the_defaults() -> None:
    workflow = parse_workflow(parse_source(VALID, "orders.yaml"))
    assert (workflow.name, workflow.type) == ("orders", WorkflowType.EXPRESS)
    assert (
        LambdaStep(stage="TakeStage", handler="take", timeout_s=60, memory_mb=1024),
        LambdaStep(stage="SiftStage", handler="sift", timeout_s=60, memory_mb=1024),
    ) == workflow.steps
    assert RetryPolicy(max_attempts=2, interval_s=20, backoff_rate=2.0) == workflow.retry.lambda_


def test_a_retrier_keeps_the_defaults_that_are_not_given() -> None:
    workflow = parse_workflow(parse_source(VALID + "retry: {lambda: {max_attempts: 1}}\n", "orders.yaml"))
    assert RetryPolicy(max_attempts=1, interval_s=20, backoff_rate=2.0) == workflow.retry.lambda_


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            VALID + "retries: {}\n",
            "orders.yaml:8: retries is an unknown key; did you mean retry?",
            id="unknown key",
        ),
        pytest.param(
            changed("handler: sift", "handlr: sift"),
            "orders.yaml:7: steps[1].handlr is an unknown key; did you mean handler?",
            id="unknown key of a step",
        ),
        pytest.param(
            VALID + "retry: {lambda: {attempts: 2}}\n",
            "orders.yaml:8: retry.lambda.attempts is an unknown key; did you mean max_attempts? "
            "allowed: max_attempts, interval_s, backoff_rate",
            id="unknown key of a retrier",
        ),
        pytest.param(
            changed("handler: sift", "glue: heavy"),
            "orders.yaml:7: steps[1].glue is 'heavy', but an EXPRESS workflow cannot wait for a Glue job: "
            "make it a Lambda step or set type: STANDARD",
            id="Glue in EXPRESS",
        ),
        pytest.param(
            VALID + "    timeout_s: 301\n",
            "orders.yaml:8: steps[1].timeout_s is 301; an EXPRESS workflow allows at most 300 s in all; "
            "shorten the step or set type: STANDARD",
            id="301 s",
        ),
        pytest.param(
            VALID + "    timeout_s: 241\n",
            "orders.yaml:3: steps take up to 301 s together (the sum of their timeout_s, 60 where none is given); "
            "an EXPRESS workflow allows at most 300 s in all; shorten steps or set type: STANDARD",
            id="301 s together",
        ),
        pytest.param(
            VALID + "    timeout_s: 901\n",
            "orders.yaml:8: steps[1].timeout_s is 901: expected int <= 900 "
            "(seconds; AWS Lambda allows at most 900, longer work is for a Glue step)",
            id="901 s",
        ),
        pytest.param(
            changed("SiftStage", "TakeStage"),
            "orders.yaml:6: steps[1].stage is 'TakeStage' and an earlier step has that name; rename one of them",
            id="duplicate stage",
        ),
        pytest.param(
            changed("SiftStage", "Take"),
            "orders.yaml:6: steps[1].stage is 'Take' beside 'TakeStage': both would be 'Take' in names; rename one",
            id="colliding stage",
        ),
        pytest.param(
            changed("SiftStage", "ReceiveMessage"),
            "orders.yaml:6: steps[1].stage is 'ReceiveMessage', a reserved name; "
            "choose another than initial, ReceiveMessage, StageInput, Stage",
            id="reserved stage",
        ),
        pytest.param(
            changed("SiftStage", "sift-stage"),
            "orders.yaml:6: steps[1].stage is 'sift-stage': expected str "
            "(state name and S3 folder: letters and digits, a capital first, e.g. ScoreStage)",
            id="malformed stage",
        ),
        pytest.param(
            changed("orders", "Orders"),
            "orders.yaml:1: name is 'Orders': expected str (part of every name: a-z, 0-9 and hyphens)",
            id="bad name",
        ),
        pytest.param(
            changed("orders", "foundation"),
            "orders.yaml:1: name is 'foundation', the name of the stack that all workflows share; choose another",
            id="the foundation's name",
        ),
        pytest.param(
            changed("orders", "o" * 41).replace("SiftStage", "SievedStage"),
            "orders.yaml:6: steps[1].stage is 'SievedStage': the function "
            f"ceap-{'o' * 41}-${{Environment}}-Sieved could have 66 characters with an Environment of 12; "
            "AWS Lambda allows 64: shorten the stage or the workflow's name by 2",
            id="name too long",
        ),
        pytest.param(
            changed("handler: sift", "handler: sfit"),
            "orders.yaml:7: steps[1].handler is 'sfit', and there is no handlers/sfit.py; did you mean sift?",
            id="unknown handler",
        ),
        pytest.param(
            changed("handler: sift", "timeout_s: 3"),
            "orders.yaml:6: steps[1] has neither handler nor glue nor legacy; give exactly one: handler for a Lambda "
            "step, glue for a Glue step, legacy for one that an existing function does",
            id="no handler",
        ),
        pytest.param(
            changed("EXPRESS", "EXPRES"),
            "orders.yaml:2: type is 'EXPRES': did you mean EXPRESS? allowed: EXPRESS, STANDARD "
            "(EXPRESS: five minutes in all, Lambda only; STANDARD: longer, Glue)",
            id="unknown type",
        ),
        pytest.param(
            changed("EXPRESS", "STANDARD").replace("handler: sift", "glue: heavvy"),
            "orders.yaml:7: steps[1].glue is 'heavvy', and there is no glue/heavvy.py; did you mean heavy? allowed: ",
            id="unknown job",
        ),
        pytest.param(
            changed("name: orders\n", ""),
            "orders.yaml:1: name is missing: add it (part of every name: a-z, 0-9 and hyphens)",
            id="no name",
        ),
        pytest.param(
            "name: orders\ntype: EXPRESS\nsteps: []\n",
            "orders.yaml:3: steps is []; a workflow has at least one step: list its stages",
            id="zero steps",
        ),
        pytest.param(
            VALID + "    settings: {unles: []}\n",
            "orders.yaml:8: steps[1].settings.unles is an unknown key; ",
            id="unknown setting",
        ),
        pytest.param(
            VALID.replace("handler: take\n", "handler: take\n    settings: {max_rejected: often}\n"),
            "orders.yaml:6: steps[0].settings.max_rejected is 'often': expected int, got str",
            id="wrong setting",
        ),
        pytest.param(
            changed("type:", "description: costs ${5}\ntype:"),
            "orders.yaml:2: description holds '${', which CloudFormation would replace; leave it out",
            id="a token in the description",
        ),
        pytest.param(
            changed("type:", f"description: {'ü' * 513}\ntype:"),
            "orders.yaml:2: description has 1026 bytes; CloudFormation allows 1024: shorten it",
            id="a description too long in bytes",
        ),
        pytest.param(
            changed("type:", "description: 'see {{resolve:ssm:x}}'\ntype:"),
            "orders.yaml:2: description holds '{{resolve:', which CloudFormation would replace at deployment, after "
            "`ceap check`; write the value; a handler reads what `secrets` and `parameters` of its NEEDS name",
            id="a dynamic reference in the description",
        ),
        pytest.param(
            changed("type:", "description: |\n  two\n  lines\ntype:"),
            "orders.yaml:2: description is 'two\\nlines\\n'; write one line of printable characters",
            id="a description of several lines",
        ),
        pytest.param(
            VALID + "    settings: {unless: [.nan]}\n",
            "orders.yaml:8: steps[1].settings.unless[0] is .nan, which YAML reads as nan; "
            "write a finite number of at most 18 characters, or '.nan' in quotes for the text",
            id="a setting that is no number",
        ),
        pytest.param(
            VALID + "    settings: {unless: text}\n",
            "orders.yaml:8: steps[1].settings.unless is 'text': expected array, got str",
            id="a setting of the wrong type",
        ),
        pytest.param(
            VALID + "overrides: {Queue: {DelaySeconds: !Ref Delay}}\n",
            "orders.yaml:8: the tag !Ref is not supported here; write the long form, e.g. {Ref: Queue}",
            id="a short-form intrinsic",
        ),
        pytest.param(
            VALID + "overrides: {Queue: {DelaySeconds: }}\n",
            "orders.yaml:8: overrides.Queue.DelaySeconds is null, which CloudFormation refuses; "
            "write a value or remove the key",
            id="a null in overrides",
        ),
        pytest.param(
            VALID + "overrides: {TakeFuncton: {MemorySize: 512}}\n",
            "orders.yaml:8: overrides.TakeFuncton is not a resource of the workflow's template; "
            "did you mean TakeFunction?",
            id="an override of no resource",
        ),
        pytest.param(
            changed("handler: sift", "handler: __init__"),
            "orders.yaml:7: steps[1].handler is '__init__', and handlers/__init__.py is not a stage; allowed: ",
            id="the package of handlers",
        ),
        pytest.param(
            VALID + "overrides: {Queue: {1: 2}}\n",
            "orders.yaml:8: overrides.Queue has the key 1, which is not text; write it in quotes",
            id="a key that is a number",
        ),
        pytest.param(
            VALID + "overrides: {Queue: {Tags: !!set {a}}}\n",
            "orders.yaml:8: the tag !!set is not supported here; write the value without it, text in quotes",
            id="a set",
        ),
        pytest.param(
            "name: a\ntype: EXPRESS\nsteps:\n"
            + "".join(f"  - {{stage: S{n}, handler: take, timeout_s: 1}}\n" for n in range(51)),
            "orders.yaml:3: steps has 51 entries; a workflow has at most 50 steps: split it in two",
            id="too many steps",
        ),
        pytest.param(
            "name: " + "[" * 200_000 + "\n",
            "orders.yaml: nested deeper than 100 levels; write it flatter",
            id="deeper than the stack",
        ),
        pytest.param(
            VALID + "    settings: {unless: [urgnt]}\n",
            "orders.yaml:8: steps[1].settings.unless[0] is 'urgnt': did you mean urgent? allowed: new, paid, urgent",
            id="a setting that is none of its values",
        ),
        pytest.param("", "orders.yaml: the file is empty; declare at least name, type and steps", id="empty"),
        pytest.param(
            "# nothing yet\n", "orders.yaml: the file is empty; declare at least name, type and steps", id="a comment"
        ),
        pytest.param(
            VALID + "---\n" + VALID,
            "orders.yaml:8: a second document begins here; keep one workflow per file",
            id="several documents",
        ),
        pytest.param(
            VALID + "type: STANDARD\n",
            "orders.yaml:8: type stands twice, first in line 2; keep one of them",
            id="repeat",
        ),
        pytest.param(
            VALID + "    handler: take\n",
            "orders.yaml:8: steps[1].handler stands twice, first in line 7; keep one of them",
            id="repeated key of a step",
        ),
        pytest.param(
            "name: [orders\n",
            "orders.yaml:2: not YAML: did not find expected ',' or ']'; correct the syntax",
            id="not YAML",
        ),
        pytest.param(
            "- a\n- b\n",
            "orders.yaml:1: a declaration is a mapping with name, type and steps, not ['a', 'b']",
            id="a list",
        ),
        pytest.param(
            "name: orders\ntype: EXPRESS\nsteps: &steps [*steps]\n",
            "orders.yaml:3: steps[0] refers to itself; write the value out",
            id="a circle",
        ),
    ],
)
def test_a_wrong_declaration_is_refused_with_file_place_value_and_cure(text: str, message: str) -> None:
    assert refusal(text).startswith(message)


def test_settings_that_do_not_fit_the_environment_are_refused() -> None:
    text = VALID + f"    settings: {{field: {'x' * 3072}}}\n"
    assert "at most 3072 fit the function's environment: shorten them" in refusal(text)


# Each takes a text wherever a declaration may hold one.
TEXTS = [
    ("name", VALID.replace("name: orders", "name: {}")),
    ("type", VALID.replace("type: EXPRESS", "type: {}")),
    ("description", VALID + "description: {}\n"),
    ("steps[0].stage", VALID.replace("TakeStage", "{}")),
    ("steps[0].handler", VALID.replace("take", "{}")),
    ("steps[1].settings.unless[0]", VALID + "    settings:\n      unless: [{}]\n"),
    ("steps[1].glue", VALID.replace("handler: sift", "glue: {}")),
    ("retry.lambda.interval_s", VALID + "retry:\n  lambda:\n    interval_s: {}\n"),
    ("overrides.Queue.Name[1].Ref", VALID + "overrides:\n  Queue:\n    Name:\n      - a\n      - Ref: {}\n"),
]


@pytest.mark.parametrize(("place", "text"), TEXTS)
@pytest.mark.parametrize("reference", ["{{resolve:ssm:x}}", "a{{ resolve:secretsmanager:db}}"])
def test_a_dynamic_reference_is_refused_in_every_text(place: str, text: str, reference: str) -> None:
    message = refusal(text.replace("{}", f"'{reference}'"))
    assert message.partition(": ")[2].startswith(f"{place} holds '{{{{resolve:', which CloudFormation would replace")


def test_a_dynamic_reference_is_refused_in_a_key() -> None:
    message = refusal(VALID + "overrides: {Queue: {'{{resolve:ssm:x}}': 1}}\n")
    assert message.startswith("orders.yaml:8: overrides.Queue.{{resolve:ssm:x}} holds '{{resolve:'")


@pytest.mark.parametrize(("place", "text"), TEXTS)
def test_a_value_that_yaml_reads_in_two_ways_is_refused_everywhere(place: str, text: str) -> None:
    message = refusal(text.replace("{}", "060"))
    assert message.partition(": ")[2] == (
        f"{place} is 060, which YAML 1.1 reads as 48 and YAML 1.2 as 60; "
        "write 48 or 60, or '060' in quotes for the text"
    )


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("name: orders", "name: |\n  orders", "name"),
        ("stage: TakeStage", "stage: |\n      TakeStage", "steps[0].stage"),
        (
            "handler: take",
            "handler: take\n    settings:\n      source_bucket: |\n        my-exports",
            "steps[0].settings",
        ),
    ],
)
def test_a_name_that_ends_in_a_line_feed_is_refused(old: str, new: str, place: str) -> None:
    message = refusal(changed(old, new))
    assert re.match(rf"orders\.yaml:\d+: {re.escape(place)}[.\w]* is '[\w-]+\\n': expected str \(", message)
    assert message.endswith("); write it on one line, without | or >")


def test_a_name_that_is_too_long_for_the_queue_of_undelivered_alerts_is_refused() -> None:
    name = "o" * 39
    text = VALID.replace("name: orders", f"name: {name}").replace("TakeStage", "T").replace("SiftStage", "S")
    assert refusal(text.replace("EXPRESS", "STANDARD")) == (
        f"orders.yaml:1: name is '{name}': the queue ceap-{name}-${{Environment}}-alert-dead-letter-queue could have "
        "81 characters with an Environment of 12; Amazon SQS allows 80: shorten the workflow's name by 1"
    )


def test_a_missing_file_a_folder_and_a_binary_file_are_refused(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\x80\x81\x00")
    with pytest.raises(ConfigError, match=r"missing\.yaml: there is no such file; name a declaration"):
        load_workflow(tmp_path / "missing.yaml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_workflow(tmp_path)
    with pytest.raises(ConfigError, match=r"binary\.yaml: not a text file"):
        load_workflow(binary)


@pytest.mark.parametrize("wanted", list(WorkflowType))
def test_one_setting_selects_the_type(wanted: WorkflowType) -> None:
    assert parse_workflow(parse_source(changed("EXPRESS", wanted), "orders.yaml")).type == wanted


@given(declaration=declarations(), data=st.data())
def test_an_express_workflow_over_the_limit_is_refused(declaration: dict[str, Any], data: st.DataObject) -> None:
    steps = declaration["steps"]
    assert sum(step.timeout_s for step in workflow_of(declaration).lambda_steps) <= 300
    step = data.draw(st.sampled_from(steps))
    step["timeout_s"] += 301 - sum(step["timeout_s"] for step in steps)
    with pytest.raises(ConfigError, match="an EXPRESS workflow allows at most 300 s in all; shorten"):
        workflow_of(declaration)


@given(declaration=declarations(), data=st.data())
def test_an_express_workflow_with_a_glue_step_is_refused(declaration: dict[str, Any], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(declaration["steps"]) - 1))
    declaration["steps"][index] = {"stage": declaration["steps"][index]["stage"], "glue": "job"}
    with pytest.raises(ConfigError, match=r"steps\[\d+]\.glue is 'job', but an EXPRESS workflow cannot wait"):
        workflow_of(declaration)


def test_a_template_is_told_from_its_declaration() -> None:
    with pytest.raises(ConfigError) as error:
        load_workflow(Path("generated/orders.template.yaml"))
    assert str(error.value) == (
        "generated/orders.template.yaml: is a template; "
        "name the declaration it is generated from: workflows/orders.yaml"
    )
