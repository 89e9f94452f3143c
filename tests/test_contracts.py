"""The JSON Schemas of a workflow's stages, and the parts of a page that are written from their types."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from ceap.contracts import fill_page, workflow_schemas
from templates.config import load_workflow
from templates.errors import ConfigError
from tests.reference import EXPRESS, MESSAGE, STAGES, STANDARD
from tests.strategies import workflow_of

ANY_OBJECT = {"type": "object"}


def test_the_schemas_say_what_the_message_is_and_what_each_stage_takes_and_yields() -> None:
    schemas = workflow_schemas(load_workflow(EXPRESS))
    assert list(schemas) == ["$schema", "title", "message", "stages", "$defs"]
    assert schemas["stages"] == {stage: {"takes": ANY_OBJECT, "yields": ANY_OBJECT} for stage in STAGES}


def test_a_message_is_judged_by_its_schema() -> None:
    schemas = workflow_schemas(load_workflow(EXPRESS))
    validator = Draft202012Validator(schemas | schemas["message"])
    assert validator.is_valid(json.loads(MESSAGE))
    assert not validator.is_valid({"source": {"kind": "inline"}})
    assert not validator.is_valid({"source": {"kind": "nowhere", "records": []}})


def test_a_glue_job_hands_on_what_it_is_given() -> None:
    workflow = load_workflow(STANDARD)
    schemas = workflow_schemas(workflow)
    assert workflow.glue_steps
    assert set(schemas["stages"]) == {step.stage for step in workflow.steps}


PAGE = "# Stages\n\n<!-- contract tell -->\nold\n<!-- end -->\n\nText.\n\n<!-- record tell -->\n<!-- end -->\n"


def test_the_parts_of_a_page_are_written_anew_and_the_rest_stays() -> None:
    filled = fill_page(PAGE)
    assert filled == (
        "# Stages\n\n<!-- contract tell -->\n\n| takes | yields | tables | events |\n|---|---|---|---|\n"
        "| any JSON object | any JSON object | `told` (UpdateItem) | `RecordReady` |\n\n<!-- end -->\n\nText.\n\n"
        "<!-- record tell -->\n\n| field | JSON | |\n|---|---|---|\n\n<!-- end -->\n"
    )
    assert fill_page(filled) == filled


def test_a_part_of_a_handler_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"handlers/gone\.py: cannot be imported"):
        fill_page(PAGE.replace("tell", "gone"))


def test_an_existing_function_takes_and_returns_any_object_and_any_message() -> None:
    steps = [{"stage": "OldStage", "legacy": "OldFunctionArn"}, {"stage": "TellStage", "handler": "tell"}]
    schemas = workflow_schemas(workflow_of({"name": "a", "type": "STANDARD", "steps": steps}))
    assert schemas["stages"]["OldStage"] == {"takes": ANY_OBJECT, "yields": ANY_OBJECT}
    assert schemas["message"] == {}
