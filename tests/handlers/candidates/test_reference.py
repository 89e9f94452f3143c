"""The reference page names every setting, parameter and code that there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import msgspec
from jsonschema import Draft202012Validator

import handlers
from ceap.contracts import fill_page, workflow_schemas
from handlers import etl, filter, reactive, score, store  # noqa: A004 - the stage is called so
from handlers.candidates.filters import Filter
from handlers.candidates.mapping import TARGETS
from handlers.runtime.metrics import NAMESPACE
from handlers.runtime.tally import Share
from templates.config import parse_workflow
from templates.source import parse_source
from tests.handlers.candidates.support import candidate

HANDLERS = Path(handlers.__file__).parent
PAGE = (HANDLERS.parent / "docs" / "reference" / "handlers.md").read_text(encoding="utf-8")
STAGES = (etl, filter, score, store, reactive)


def test_what_each_stage_takes_and_yields_stands_there_as_its_code_says() -> None:
    assert fill_page(PAGE) == PAGE, "run make docs"
    stages = re.findall(r"^## (\w+)\n\n<!-- contract (\w+) -->", PAGE, re.MULTILINE)
    assert stages == [(name, name) for name in ("etl", "filter", "score", "store", "reactive")]
    assert re.findall(r"^\| `customerId` \| string \| required \|$", PAGE, re.MULTILINE)


def test_every_setting_and_parameter_stands_in_the_reference() -> None:
    structs = [module.Settings for module in STAGES] + list(get_args(Filter))
    names = {field.name for struct in structs for field in msgspec.structs.fields(struct)} | set(TARGETS)
    assert {name for name in names if f"`{name}`" not in PAGE} == set()


def test_every_metric_stands_in_the_reference() -> None:
    measures = [module.handler.measure(Share()) for module in STAGES]
    names = {name for measure in measures for name in measure} | {"StageDuration", NAMESPACE}
    assert {name for name in names if name not in PAGE} == set()


def test_every_code_of_a_rejection_stands_in_the_reference() -> None:
    files = [path for folder in ("candidates", "runtime") for path in (HANDLERS / folder).rglob("*.py")]
    files += [Path(str(module.__file__)) for module in STAGES]
    sources = "".join(path.read_text(encoding="utf-8") for path in files)
    codes = set(re.findall(r'(?:Rejection|BadRecordError|BadRow|_bad_csv)\("([A-Z_]+)"', sources)) | {etl.DISABLED}
    assert len(codes) > 12
    assert {code for code in codes if code not in PAGE} == set()


def test_a_candidate_is_judged_by_the_schema_that_ceap_schema_prints() -> None:
    stages = [("etl", "ETL"), ("store", "Store")]
    steps = "".join(f"  - {{stage: {name}Stage, handler: {handler}}}\n" for handler, name in stages)
    workflow = parse_workflow(parse_source(f"name: a\ntype: EXPRESS\nsteps:\n{steps}", "a.yaml"))
    schemas = workflow_schemas(workflow)
    validator = Draft202012Validator(schemas | schemas["stages"]["ETLStage"]["yields"])
    written = msgspec.to_builtins(candidate())
    assert validator.is_valid(written)
    assert not validator.is_valid(written | {"customerId": 1})
    assert schemas["stages"]["StoreStage"]["takes"] == schemas["stages"]["ETLStage"]["yields"]


def test_the_records_of_a_message_are_those_that_the_first_stage_takes() -> None:
    text = "name: a\ntype: EXPRESS\nsteps:\n  - {stage: StoreStage, handler: store}\n"
    schemas = workflow_schemas(parse_workflow(parse_source(text, "a.yaml")))
    validator = Draft202012Validator(schemas | schemas["message"])
    written = msgspec.to_builtins(candidate())
    assert validator.is_valid({"source": {"kind": "inline", "records": [written]}})
    assert not validator.is_valid({"source": {"kind": "inline", "records": [written, {"customerId": "c1"}]}})
