"""Existing functions of a seed: what a folder and the file beside it may hold, and what is made of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ceap.errors import UsageError
from ceap.local.existing_functions import ExistingFunction, load_function, template_of

CODE = "def lambda_handler(event, context):\n    return event\n"
TABLE = "arn:aws:dynamodb:${AWS::Region}:${AWS::AccountId}:table/t"
READ = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": TABLE}


def load(folder: Path, configuration: Any = None, **files: str) -> ExistingFunction:
    """Load the function RateFunctionArn with these modules, and what is beside them: a text, or a document."""
    home = folder / "RateFunctionArn"
    home.mkdir()
    for name, text in (files or {"lambda_function": CODE}).items():
        (home / f"{name}.py").write_text(text, encoding="utf-8")
    if configuration is not None:
        text = configuration if isinstance(configuration, str) else json.dumps(configuration)
        (folder / "RateFunctionArn.json").write_text(text, encoding="utf-8")
    return load_function(home, sorted(path for path in home.rglob("*") if path.is_file()))


def resources(function: ExistingFunction) -> dict[str, Any]:
    keys = {"RateFunctionArn": "rate.zip"}
    template = json.loads(template_of({"RateFunctionArn": function}, "artifacts", keys, account="1"))
    return {name: body["Properties"] for name, body in template["Resources"].items()}


def test_a_folder_alone_is_a_function_with_lambdas_own_handler_that_may_only_write_its_log(tmp_path: Path) -> None:
    made = resources(load(tmp_path, lambda_function=CODE, helper=""))
    function = made["RateFunctionArn"]
    assert (function["FunctionName"], function["Handler"]) == ("RateFunction", "lambda_function.lambda_handler")
    assert (function["Timeout"], function["MemorySize"], function["Environment"]) == (60, 1024, {"Variables": {}})
    assert function["Code"] == {"S3Bucket": "artifacts", "S3Key": "rate.zip"}
    assert made["RateFunctionArnLogGroup"] == {"LogGroupName": "/aws/lambda/RateFunction"}
    [policy] = made["RateFunctionArnRole"]["Policies"]
    [statement] = policy["PolicyDocument"]["Statement"]
    assert statement == {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
    [trust] = made["RateFunctionArnRole"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust == {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }


def test_the_file_beside_it_says_what_else_it_has(tmp_path: Path) -> None:
    given = {
        "handler": "app/main.run",
        "timeout_s": 5,
        "memory_mb": 256,
        "environment": {"TABLE": "t-${Environment}"},
        "policy": {"Statement": [READ]},
    }
    home = tmp_path / "RateFunctionArn" / "app"
    home.mkdir(parents=True)
    (home / "main.py").write_text(CODE, encoding="utf-8")
    (tmp_path / "RateFunctionArn.json").write_text(json.dumps(given), encoding="utf-8")
    made = resources(load_function(home.parent, [home / "main.py"]))
    function = made["RateFunctionArn"]
    assert (function["Handler"], function["Timeout"], function["MemorySize"]) == ("app/main.run", 5, 256)
    assert function["Environment"] == {"Variables": {"TABLE": "t-local"}}
    _, own = made["RateFunctionArnRole"]["Policies"]
    assert own["PolicyDocument"]["Statement"] == [{**READ, "Resource": "arn:aws:dynamodb:us-east-1:1:table/t"}]


def test_byte_code_is_no_part_of_the_code(tmp_path: Path) -> None:
    home = tmp_path / "F"
    (home / "__pycache__").mkdir(parents=True)
    files = [home / "lambda_function.py", home / "__pycache__" / "lambda_function.cpython-311.pyc"]
    assert list(load_function(home, files).files) == ["lambda_function.py"]


@pytest.mark.parametrize(
    ("configuration", "told"),
    [
        ({"timeout": 3}, r"unknown field `timeout`; allowed: handler, timeout_s, memory_mb, environment, policy"),
        ({"timeout_s": 901}, r"`int` <= 900 - at `\$.timeout_s`"),
        ({"memory_mb": 64}, r"`int` >= 128 - at `\$.memory_mb`"),
        ({"environment": {"N": 1}}, r"Expected `str`, got `int` - at `\$.environment"),
        ({"handler": "lambda_function"}, r"matching regex .* - at `\$.handler`"),
        ({"policy": {"Statement": [{**READ, "Action": "read"}]}}, r"policy: Statement\[0\].Action: 'read' must be as"),
        ({"policy": {"Statement": [{**READ, "Principal": "*"}]}}, r"policy: Statement\[0\]: Principal may not stand"),
        ("{", "is not JSON: "),
    ],
)
def test_a_wrong_configuration_is_refused_with_its_file(tmp_path: Path, configuration: Any, told: str) -> None:
    with pytest.raises(UsageError, match=rf"^{tmp_path}/RateFunctionArn.json: .*{told}"):
        load(tmp_path, configuration)


def test_a_configuration_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "RateFunctionArn.json").write_bytes(b"\xff")
    with pytest.raises(UsageError, match=r"RateFunctionArn.json: cannot be read: .* make it a text file in UTF-8"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("configuration", "place"), [(None, "lambda_function.py"), ({"handler": "app.main.run"}, "app/main.py")]
)
def test_code_without_the_module_of_its_handler_is_refused(tmp_path: Path, configuration: Any, place: str) -> None:
    with pytest.raises(UsageError, match=rf"^{tmp_path}/RateFunctionArn/{place}: is missing, the module of"):
        load(tmp_path, configuration, other=CODE)
