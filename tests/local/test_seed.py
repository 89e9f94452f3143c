"""Seeds: what is read of their folders, what is refused, and what stands in buckets and tables afterwards."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec import Struct

from ceap.errors import UsageError
from ceap.local import seed
from ceap.local.engine import Engine
from ceap.local.seed_values import read_value
from handlers.runtime.needs import Index, Needs, Table
from templates.render import render
from templates.stacks import foundation_stack
from tests.strategies import workflow_of

TABLES = {
    "config": Table(name="config", partition_key="PK", sort_key="SK"),
    "records": Table(
        name="records", partition_key="PK", sort_key="SK", indexes=(Index("ByGroup", "GSI1PK", sort_key="GSI1SK"),)
    ),
    "told": Table(name="told", partition_key="key"),
}
ODD_KEYS = ["a b/ü+%41&#?.csv", "day/1.jsonl", "top"]


def write(folder: Path, name: str, content: bytes = b"") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def refusal(folder: Path) -> str:
    """Return what is said of a seed that is refused, without the folder."""
    with pytest.raises(UsageError) as refused:
        seed.load_seed(folder, [], TABLES)
    return str(refused.value).removeprefix(f"{folder}/")


def test_files_become_objects_of_exactly_their_keys_and_lines_become_items(engine: Engine, tmp_path: Path) -> None:
    for key in ODD_KEYS:
        write(tmp_path, f"s3/my-exports/{key}", key.encode())
    write(
        tmp_path,
        "tables/config.jsonl",
        b'{"PK": "A", "SK": "1", "n": 0.10, "big": 12345678901234567890123456789, "s": "", "no": null}\n\n'
        b'{"PK": "A", "SK": "2", "list": [1, {"a": true}], "map": {"x": "y"}}',
    )
    foundation = engine.deploy(render(foundation_stack()), "ceap-foundation-dev", {"Environment": "dev"})
    loaded = seed.load_seed(tmp_path, ["my-exports", "declared"], TABLES)
    seed.plant(loaded, engine.client, foundation.outputs)

    assert engine.trace == []  # no role's policy was asked
    assert dict(engine.objects("my-exports")) == {key: key.encode() for key in ODD_KEYS}
    assert dict(engine.objects("declared")) == {}
    items = engine.client("dynamodb").scan(TableName="ceap-config-dev", ConsistentRead=True)["Items"]
    assert sorted(items, key=lambda item: str(item["SK"])) == [
        {
            "PK": {"S": "A"},
            "SK": {"S": "1"},
            "n": {"N": "0.10"},
            "big": {"N": "12345678901234567890123456789"},
            "s": {"S": ""},
            "no": {"NULL": True},
        },
        {
            "PK": {"S": "A"},
            "SK": {"S": "2"},
            "list": {"L": [{"N": "1"}, {"M": {"a": {"BOOL": True}}}]},
            "map": {"M": {"x": {"S": "y"}}},
        },
    ]
    assert seed.describe(loaded) == (
        f"seed {tmp_path}: bucket my-exports with 3 objects, bucket declared with 0 objects, table config with 2 items"
    )


def test_more_items_than_one_request_takes_are_all_put(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, "tables/told.jsonl", b"".join(b'{"key": "%d"}\n' % number for number in range(60)))
    foundation = engine.deploy(render(foundation_stack()), "ceap-foundation-dev", {"Environment": "dev"})
    seed.plant(seed.load_seed(tmp_path, [], TABLES), engine.client, foundation.outputs)
    assert engine.client("dynamodb").scan(TableName="ceap-told-dev")["Count"] == 60


def test_a_mark_of_utf_8_and_line_ends_of_windows_change_no_item(tmp_path: Path) -> None:
    write(tmp_path, "tables/told.jsonl", b'\xef\xbb\xbf{"key": "1"}\r\n{"key": "2"}\r\n')
    assert seed.load_seed(tmp_path, [], TABLES).tables == {"told": [{"key": {"S": "1"}}, {"key": {"S": "2"}}]}


def test_of_an_earlier_run_only_the_tables_are_taken(tmp_path: Path) -> None:
    for name in ("report.json", "executions/e1/A/output.json", "s3/my-exports/a"):
        write(tmp_path, name)
    assert seed.describe(seed.load_seed(tmp_path, [], TABLES)) == f"seed {tmp_path}, an earlier run: no table"
    write(tmp_path, "tables/told.jsonl", b'{"key": "a"}\n')
    loaded = seed.load_seed(tmp_path, [], TABLES)
    assert (loaded.buckets, loaded.tables) == ({}, {"told": [{"key": {"S": "a"}}]})


def test_a_source_bucket_has_the_name_of_the_local_run() -> None:
    bucket = "acme-${Environment}-${AWS::AccountId}-${AWS::Region}"
    step = {"stage": "TakeStage", "handler": "take", "settings": {"source_bucket": bucket}}
    workflow = workflow_of({"name": "orders", "type": "EXPRESS", "steps": [step]})
    assert seed.source_buckets(workflow) == ["acme-local-123456789012-us-east-1"]


def test_without_a_folder_only_the_source_buckets_are_made() -> None:
    loaded = seed.load_seed(None, ["my-exports"], TABLES)
    assert loaded == seed.Seed(
        folder=None, is_run=False, buckets={"my-exports": {}}, tables={}, values={}, functions={}, unused=[]
    )
    assert seed.describe(loaded) == "seed: bucket my-exports with 0 objects"
    assert seed.describe(seed.load_seed(None, [], TABLES)) == ""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "secret/a",
            "secret: a seed has no 'secret'; did you mean secrets? allowed: s3, tables, secrets, parameters, functions",
        ),
        ("secrets", "secrets: is no folder; put each value into a file of its own: secrets/{name}"),
        ("s3", "s3: the seed's folder cannot be read: Not a directory; make it a folder"),
        ("s3/file", "s3/file: is no folder; put it into the folder of its bucket: s3/{bucket}/{key}"),
        (
            "s3/My_Exports/a",
            "s3/My_Exports: 'My_Exports' is no name of a bucket; allowed: 3 to 63 of a-z, 0-9, hyphen and single dots",
        ),
        (
            "s3/ceap-workflow-local-1/a",
            "s3/ceap-workflow-local-1: is a bucket of the foundation, which a seed cannot fill; name another",
        ),
        ("tables/config.json", "tables/config.json: is not {table}.jsonl; rename or remove it"),
        (
            "tables/configs.jsonl",
            "tables/configs.jsonl: there is no table 'configs'; did you mean config? allowed: config, records, told",
        ),
        ("tables/told.jsonl/a", "tables/told.jsonl: is no file; remove it"),
    ],
)
def test_what_a_seed_has_no_place_for_is_refused(tmp_path: Path, name: str, message: str) -> None:
    write(tmp_path, name)
    assert refusal(tmp_path) == message


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the seed's folder cannot be read: No such file or directory; make it a"):
        seed.load_seed(tmp_path / "none", [], TABLES)


def test_a_key_that_is_too_long_is_refused(tmp_path: Path) -> None:
    key = "/".join(["ü" * 100] * 6)
    write(tmp_path, f"s3/my-exports/{key}")
    assert refusal(tmp_path) == f"s3/my-exports/{key}: its key has 1,205 bytes; allowed: 1,024; shorten it"


@pytest.mark.parametrize("name", ["tables", "s3/my-exports", "s3/my-exports/a/b", "tables/told.jsonl"])
def test_a_link_is_refused_wherever_it_leads(tmp_path: Path, name: str) -> None:
    inside = write(tmp_path, "seed/s3/other/a").parent
    link = tmp_path / "seed" / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(inside)
    place = link.relative_to(tmp_path / "seed")
    assert refusal(tmp_path / "seed") == (
        f"{place}: is a symbolic link, and a seed holds files and folders only; put a copy there"
    )


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    write(tmp_path, "s3/my-exports/a")
    os.mkfifo(tmp_path / "s3/my-exports/pipe")
    assert refusal(tmp_path) == "s3/my-exports/pipe: is no file; remove it"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "is not JSON: Expecting property name enclosed in double quotes, column 2; write one item a line, as a"),
        (b'"text"', 'is not an object; write an item as {"name": value, ...}'),
        (b'{"PK": "\xff"}', "byte 8 is not UTF-8; save the file as UTF-8"),
        (b'{"PK": "A", "SK": "2", "n": NaN}', "has NaN, which JSON does not know; write a number, a string or null"),
        (b'{"PK": "A", "SK": "2", "n": 1e400}', "has a number that DynamoDB refuses; allowed: 38 digits"),
        (b'{"PK": "A", "SK": "2", "n": 1%s}' % (b"0" * 5000), "has a number that DynamoDB refuses"),
        (b'{"PK": "A"}', "lacks SK, of the key of table records; add it"),
        (b'{"PK": 1, "SK": "2"}', "PK is of a key of table records, but no string; put it in quotes"),
        (b'{"PK": "A", "SK": "2", "GSI1PK": null}', "GSI1PK is of a key of table records, but no string"),
        (b'{"PK": "", "SK": "2"}', "PK of its item would be empty, DynamoDB allows no empty key; fill it"),
        (b'{"PK": "A", "SK": "%s"}' % (b"x" * 1025), "SK of its item would have 1025 bytes, DynamoDB allows 1024"),
        (b'{"PK": "A", "SK": "2", "t": "%s"}' % (b"x" * 410_000), "its item in table records would have 410"),
        (b'{"PK": "A", "SK": "1", "other": 1}', "has the key of line 1, which it would replace; remove one"),
        (b'{"PK": "A", "SK": "2", "l": %s}' % (b"[" * 100_000), "is nested too deep; flatten it"),
    ],
)
def test_a_wrong_line_is_refused_with_its_number(tmp_path: Path, line: bytes, message: str) -> None:
    write(tmp_path, "tables/records.jsonl", b'{"PK": "A", "SK": "1"}\n\n' + line + b"\n")
    said = refusal(tmp_path)
    assert said.startswith(f"tables/records.jsonl:3: {message}")
    assert "\n" not in said


VALUES = Needs(settings=Struct, secrets=("key-${Environment}", "/deep/key"), parameters=("/url", "plain", "/a/url"))


def values_of(folder: Path, *, default: Path | None = None) -> dict[str, dict[str, str]]:
    """Return the secrets and parameters of a seed by the names under which they are planted."""
    loaded = seed.load_seed(folder, [], TABLES, [VALUES], default=default)
    return {
        kind: {name: read_value(path) for name, path in sorted(files.items())} for kind, files in loaded.values.items()
    }


def test_files_are_secrets_and_parameters_of_their_names_without_one_line_end(tmp_path: Path) -> None:
    for name, content in (("key-local", b"hush\n"), ("deep/key", b"a\r\n"), ("other/key", b" b \n\n")):
        write(tmp_path, f"secrets/{name}", content)
    for name, content in (
        ("url", b"1"),
        ("plain", b"2"),
        ("a/url", b"3"),
        ("other/url", b"4"),
        ("another", "ü".encode()),
    ):
        write(tmp_path, f"parameters/{name}", content)
    assert values_of(tmp_path) == {
        "secrets": {"/deep/key": "a", "key-local": "hush", "other/key": " b \n"},
        "parameters": {"/a/url": "3", "/other/url": "4", "/url": "1", "another": "ü", "plain": "2"},
    }
    loaded = seed.load_seed(tmp_path, [], TABLES, [VALUES])
    assert seed.describe(loaded) == f"seed {tmp_path}: 3 secrets, 5 parameters"
    assert "hush" not in repr(loaded)


def test_secrets_and_parameters_are_there_in_the_engine(engine: Engine, tmp_path: Path) -> None:
    write(tmp_path, "secrets/key-local", b"hush\n")
    write(tmp_path, "parameters/a/url", b"x" * 8192)
    seed.plant(seed.load_seed(tmp_path, [], TABLES, [VALUES]), engine.client, {})
    assert engine.client("secretsmanager").get_secret_value(SecretId="key-local")["SecretString"] == "hush"
    assert engine.client("ssm").get_parameter(Name="/a/url")["Parameter"]["Value"] == "x" * 8192


def test_a_kept_run_has_no_secrets_so_those_of_the_default_folder_are_taken(tmp_path: Path) -> None:
    write(tmp_path, "run/report.json")
    write(tmp_path, "run/tables/told.jsonl", b'{"key": "1"}')
    for name in ("s3/my-exports/a", "tables/config.jsonl", "secrets/key-local", "parameters/plain"):
        write(tmp_path, f"default/{name}", b"1")
    assert values_of(tmp_path / "run", default=tmp_path / "default") == {
        "secrets": {"key-local": "1"},
        "parameters": {"plain": "1"},
    }
    loaded = seed.load_seed(tmp_path / "run", [], TABLES, [VALUES], default=tmp_path / "default")
    assert (loaded.buckets, list(loaded.tables)) == ({}, ["told"])
    assert values_of(tmp_path / "run", default=tmp_path / "none") == {}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("secrets/my key", b"a", "write its name in Secrets Manager: 1 to 512 letters, digits, /_+=.@-"),
        ("parameters/a=b", b"a", "write its name in Parameter Store: letters, digits, _.- and /, at most 1,011"),
        ("secrets/a", b"\n", "its value has 0 bytes; allowed: 1 to 65,536; write a made-up value"),
        ("secrets/a", b"x" * 65_537, "its value has 65,537 bytes; allowed: 1 to 65,536; write a made-up value"),
        ("parameters/a", b"x" * 8193, "its value has 8,193 bytes; allowed: 1 to 8,192; write a made-up value"),
        ("secrets/a", b"ab\xff", "byte 2 is not UTF-8; save the file as UTF-8, bytes as base64"),
    ],
)
def test_a_secret_or_parameter_that_aws_would_refuse_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    write(tmp_path, name, content)
    assert refusal(tmp_path) == f"{name}: {message}"


def test_functions_are_those_that_steps_name_and_others_are_told(tmp_path: Path) -> None:
    for name in ("RateFunctionArn/lambda_function.py", "OldFunctionArn/lambda_function.py", "OldFunctionArn.json"):
        write(tmp_path, f"functions/{name}")
    loaded = seed.load_seed(tmp_path, [], TABLES, functions={"RateFunctionArn": "RateStage"})
    assert (list(loaded.functions), loaded.unused) == (["RateFunctionArn"], ["OldFunctionArn"])
    assert seed.describe(loaded) == (
        f"seed {tmp_path}: existing function RateFunctionArn, functions/OldFunctionArn, which no step names"
    )


@pytest.mark.parametrize("default", ["fixtures", "none"])
def test_a_function_that_is_not_there_is_refused_with_its_place(tmp_path: Path, default: str) -> None:
    write(tmp_path, "fixtures/functions/OldFunctionArn/lambda_function.py")
    write(tmp_path, "run/report.json")
    for folder in (None, tmp_path / "run"):
        with pytest.raises(UsageError) as refused:
            seed.load_seed(folder, [], TABLES, functions={"RateFunctionArn": "RateStage"}, default=tmp_path / default)
        place = tmp_path / default / "functions" / "RateFunctionArn" / "lambda_function.py"
        assert str(refused.value).startswith(f"{place}: is missing: RateStage is done by an existing function")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("functions", "is no folder; put the code of a function into {}/functions/NAME/"),
        ("functions/lambda_function.py", "belongs to no function; the code of one is a folder, such as {}/functions/"),
        ("functions/RateFunctionArn.json", "belongs to no function; the code of one is a folder, such as"),
    ],
)
def test_what_belongs_to_no_function_is_refused(tmp_path: Path, name: str, message: str) -> None:
    write(tmp_path, name)
    assert refusal(tmp_path).startswith(f"{name}: {message.format(tmp_path)}")


def test_a_link_in_the_code_of_a_function_is_refused(tmp_path: Path) -> None:
    code = write(tmp_path, "functions/RateFunctionArn/lambda_function.py")
    (code.parent / "shared.py").symlink_to(code)
    with pytest.raises(UsageError, match=r"RateFunctionArn/shared.py: is a symbolic link"):
        seed.load_seed(tmp_path, [], TABLES, functions={"RateFunctionArn": "RateStage"})
