"""Each block of code on the pages is run, parsed or compared; one that is not is named, with its reason."""

from __future__ import annotations

import argparse
import ast
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from itertools import dropwhile
from pathlib import Path
from typing import Any

import botocore.session  # type: ignore[import-untyped]  # botocore ships no types
import msgspec
import pytest
import yaml
from botocore import xform_name
from botocore.exceptions import UnknownServiceError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.ceap_toml import Config, load_config
from ceap.cli import build_parser
from ceap.project import ROOT
from ceap.scaffold.sample import FOLDERS
from templates.config import parse_workflow
from templates.errors import ConfigError
from templates.model import Declaration
from templates.source import parse_source
from tests.pages import STEP
from tests.pages.blocks import Block, all_blocks, command_lines, programs
from tests.pages.known import FORMS, PROGRAMS, RUN, TEXTS
from tests.test_project import targets

BLOCKS = all_blocks()
USAGE = re.compile(r"(ceap [a-z]+)(?= )[^\n]*[A-Z|\[]")
OF_SHELL = {"until", "do", "done", "while", "if", "then", "fi", "!", "}", "resource()", "{"}
OF_AWS_CLI = {"--query", "--output", "--region", "--profile", "--endpoint-url", "--max-items"}
CUSTOM = {
    ("cloudformation", "deploy"): {
        *("--stack-name", "--template-file", "--parameter-overrides", "--capabilities", "--s3-bucket"),
        *("--no-fail-on-empty-changeset", "--tags"),
    },
    ("s3", "cp"): {"--recursive"},
    ("s3", "ls"): {"--recursive"},
    ("cloudformation", "wait"): {"--stack-name"},
}
"""Commands of the AWS CLI that are no operation of a service. Source: AWS CLI Command Reference."""


def of(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language in language.split()]


def a_block(text: str, language: str = "sh") -> Block:
    return Block("page.md", 1, language, text)


def test_every_block_says_in_which_language_it_is() -> None:
    assert [str(block) for block in BLOCKS if block.language not in {*PARSERS, "text"}] == []
    assert len(BLOCKS) > 200


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language != "text"], ids=str)
def test_every_block_of_code_is_right_in_its_language(block: Block) -> None:
    assert PARSERS[block.language](block) == []


@pytest.mark.parametrize("block", of("python diff csv"), ids=str)
def test_every_block_of_python_is_run(block: Block) -> None:
    assert [test for (page, languages), test in RUN.items() if page == block.page and block.language in languages]


@pytest.mark.parametrize("block", of("text"), ids=str)
def test_every_shown_text_is_usage_or_compared_or_has_its_reason(block: Block) -> None:
    if USAGE.match(block.text):
        assert usage_problems(block) == []
    else:
        known = [key for key in (*TEXTS, *FORMS) if key[0] == block.page and block.text.startswith(key[1])]
        assert len(known) == 1
        for part, file in (FORMS[key] for key in known if key in FORMS):
            assert part in block.text
            assert part in (ROOT / file).read_text(encoding="utf-8")


def test_what_is_known_of_blocks_is_of_a_block_and_names_a_test() -> None:
    idle = [
        key
        for key in (*TEXTS, *FORMS)
        if not any(block.page == key[0] and block.text.startswith(key[1]) for block in BLOCKS)
    ]
    idle += [
        key for key in RUN if not {block.language for block in BLOCKS if block.page == key[0]} >= set(key[1].split())
    ]
    assert idle == []
    for test in (*RUN.values(), *(value for value in TEXTS.values() if value.startswith("tests/") and "::" in value)):
        path, _, name = test.partition("::")
        if path.startswith(FOLDERS) and not (ROOT / path).exists():  # of the sample, which is removed
            continue
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, test
    for reason in (*TEXTS.values(), *PROGRAMS.values()):
        named = re.findall(r"\btests/[\w/]+\.py", reason)
        assert [path for path in named if not path.startswith(FOLDERS) and not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", ["docs/tutorial.md", "docs/runbook/a-day.md"])
def test_pages_that_are_run_step_by_step_have_no_other_block(page: str) -> None:
    steps = STEP.findall((ROOT / page).read_text(encoding="utf-8"))
    assert len(steps) == len([block for block in BLOCKS if block.page == page])


@pytest.mark.skipif(not (ROOT / "glue/latest.py").exists(), reason="the sample's job is removed")
def test_the_job_that_the_reference_shows_is_the_committed_one() -> None:
    [block] = [block for block in of("python") if block.page == "docs/reference/glue.md"]
    shown, committed = (ast.parse(text) for text in (block.text, (ROOT / "glue/latest.py").read_text(encoding="utf-8")))
    without = [node for node in committed.body if not is_text(node) and not is_future(node)]
    assert [ast.unparse(undocumented(node)) for node in shown.body] == [
        ast.unparse(undocumented(node)) for node in without
    ]


def is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def undocumented(node: ast.stmt) -> ast.stmt:
    if isinstance(node, ast.FunctionDef):
        node.body = [inner for inner in node.body if not is_text(inner)]
    return node


def test_the_test_of_an_upload_is_that_of_the_reference_with_other_names() -> None:
    texts = {block.page: block.text for block in of("python") if "put_source" in block.text}
    names = re.compile(r'"[^"]*"')
    upload, reference = (names.sub('""', texts[f"docs/{page}"]) for page in (
        "how-to/start-by-schedule-or-upload.md", "reference/testing.md"))  # fmt: skip
    assert upload == reference


def test_the_document_of_the_reference_is_read_as_one() -> None:
    [block] = [block for block in of("text") if block.text.startswith('{"executionId"')]
    document = json.loads(block.text.replace(", ...", ""))
    assert (document["stage"], [record["customerId"] for record in document["data"]]) == ("FilterStage", ["c1", "c2"])


# What is right in a language.


def shell_problems(block: Block) -> list[str]:
    """Return what is wrong with the commands of a block: words, options, targets and operations that do not exist."""
    found: list[str] = []
    for line in command_lines(block):
        for words in programs(line):
            called = list(dropwhile(OF_SHELL.__contains__, words))
            found += program_problems(called) if called else []
    return found


def program_problems(words: list[str]) -> Iterator[str]:
    match words:
        case [("ceap" | ".venv/bin/ceap"), *rest]:
            yield from ceap_problems(rest)
        case [".venv/bin/python", "-m", _, *rest] | [".venv/bin/coverage", *rest] if "ceap" in rest:
            yield from ceap_problems(rest[rest.index("ceap") + 1 :])
        case ["make", *rest]:
            yield from (f"make {word}" for word in rest if "=" not in word and word not in targets())
        case ["aws", service, operation, *rest]:
            yield from aws_problems(service, operation, rest)
        case [program, *_] if program not in PROGRAMS:
            yield f"{program} is not known"


def ceap_problems(words: list[str]) -> Iterator[str]:
    try:
        build_parser(words[:1]).parse_args(words)
    except SystemExit:
        yield f"ceap {' '.join(words)}: cannot be parsed"


def aws_problems(service: str, operation: str, words: list[str]) -> Iterator[str]:
    options = {word.partition("=")[0] for word in words if word.startswith("--")}
    known = CUSTOM.get((service, operation)) or options_of(service, operation)
    if known is None:
        yield f"aws {service} {operation} does not exist"
    else:
        yield from (f"aws {service} {operation} {option}" for option in sorted(options - known - OF_AWS_CLI))


@cache
def options_of(service: str, operation: str) -> frozenset[str] | None:
    """Return the options of an operation, as the AWS CLI makes them from botocore's model of the service."""
    try:
        model = botocore.session.get_session().get_service_model({"s3api": "s3"}.get(service, service))
    except UnknownServiceError:
        return None
    by_name = {xform_name(name, "-"): name for name in model.operation_names}
    if operation not in by_name:
        return None
    shape = model.operation_model(by_name[operation]).input_shape
    return frozenset(f"--{xform_name(member, '-')}" for member in (shape.members if shape else ()))


def usage_problems(block: Block) -> list[str]:
    """Return the options that a usage shows and the command lacks."""
    problems = []
    for part in re.split(r"^(?=ceap )", block.text, flags=re.MULTILINE)[1:]:
        command = part.split()[1]
        [sub] = [each for each in build_parser([command])._actions if isinstance(each, argparse._SubParsersAction)]
        known = set(sub.choices[command]._option_string_actions)
        problems += [f"{command}: {word}" for word in re.findall(r"--[a-z][\w-]*", part) if word not in known]
    return problems


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, which stand for their values."""


_Loader.add_multi_constructor("!", lambda loader, tag, node: f"{tag}")


def yaml_problems(block: Block) -> list[str]:
    """Return what no declaration may say, if a block is one, a list of steps, or keys of one."""
    data = yaml.load(block.text, Loader=_Loader)
    assert data is not None
    if isinstance(data, dict) and ({"type", "steps"} <= data.keys() or data.keys() <= DECLARED):
        return declaration_problems(data)
    if isinstance(data, list) and all(isinstance(step, dict) and "stage" in step for step in data):
        return declaration_problems({"steps": data})
    return []


DECLARED = {field.encode_name for field in msgspec.structs.fields(Declaration)} - {"name"}
STAND_INS = {"handler": "take", "glue": "heavy"}
"""A handler and a job that the tests have, for those of the pages, whose settings they do not know."""


def stand_in(key: str, value: Any) -> Any:
    is_ours = key == "handler" and (ROOT / f"tests/reference/handlers/{value}.py").exists()
    return value if is_ours else STAND_INS.get(key, value)


def declaration_problems(data: dict[str, Any]) -> list[str]:
    """Return why the generator refuses a declaration, whose missing keys are filled in."""
    steps = []
    for step in data.get("steps", [{"stage": "TakeStage", "handler": "take"}]):
        steps.append({key: stand_in(key, value) for key, value in step.items() if key != "settings"})
        if bucket := step.get("settings", {}).get("source_bucket"):
            steps[-1]["settings"] = {"source_bucket": bucket}
    given = {key: value for key, value in data.items() if key not in {"resources", "overrides"}}
    whole = {"name": "page", "type": "STANDARD"} | given | {"steps": steps}
    try:
        parse_workflow(parse_source(yaml.safe_dump(whole), "page.yaml"))
    except ConfigError as error:
        return [str(error)]
    return []


def toml_problems(block: Block) -> list[str]:
    tomllib.loads(block.text)
    return []


@pytest.mark.parametrize("block", of("toml"), ids=str)
def test_every_ceap_toml_of_the_pages_is_read(block: Block, tmp_path: Path) -> None:
    parameters = tomllib.loads(block.text).keys() <= set(Config.__struct_fields__)
    text = block.text if parameters else f"[env.dev.parameters]\n{block.text}"
    (tmp_path / "ceap.toml").write_text(text, encoding="utf-8")
    config = load_config(tmp_path)
    assert config != Config()


def json_problems(block: Block) -> list[str]:
    rest = block.text.strip()
    while rest:  # one document, or one a line
        _, end = json.JSONDecoder().raw_decode(rest)
        rest = rest[end:].lstrip()
    return []


def python_problems(block: Block) -> list[str]:
    ast.parse(block.text)
    return []


def diff_problems(block: Block) -> list[str]:
    return [line for line in block.text.splitlines() if line[:1] not in {"+", "-", " "}]


def markdown_problems(block: Block) -> list[str]:
    return [] if re.match(r"#+ \w", block.text) else ["no heading"]


def csv_problems(block: Block) -> list[str]:
    header, *rows = block.text.splitlines()
    return [] if rows and "," in header else ["no rows"]


PARSERS: dict[str, Callable[[Block], list[str]]] = {
    "console": shell_problems,
    "csv": csv_problems,
    "diff": diff_problems,
    "json": json_problems,
    "markdown": markdown_problems,
    "python": python_problems,
    "sh": shell_problems,
    "toml": toml_problems,
    "yaml": yaml_problems,
}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ceap run workflows/x.yaml --fial A", "ceap run workflows/x.yaml --fial A: cannot be parsed"),
        (".venv/bin/coverage run -m ceap check --fromat text", "ceap check --fromat text: cannot be parsed"),
        ("make setup ENV=dev", "make setup"),
        ("aws sqs peek-message --queue-url x", "aws sqs peek-message does not exist"),
        ("aws sqs send-message --queue x", "aws sqs send-message --queue"),
        ("x=$(aws sts whoami --query A)", "aws sts whoami does not exist"),
        ("cat a | curl example", "curl is not known"),
    ],
)
def test_a_command_that_does_not_exist_is_seen(text: str, problem: str) -> None:
    assert shell_problems(a_block(text)) == [problem]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("yaml", "name: a\ntype: EXPRESS\nsteps:\n  - {stage: A, handler: b, timeout: 5}\n"),
        ("yaml", "- {stage: A, glue: b, timeout_s: 5}\n"),
        ("yaml", "vpc: maybe\n"),
        ("diff", "+a\nb\n"),
    ],
)
def test_a_block_that_is_wrong_in_its_language_is_seen(language: str, text: str) -> None:
    assert PARSERS[language](a_block(text, language)) != []
