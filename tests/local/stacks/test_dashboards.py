"""Dashboards and saved queries, as CloudFormation makes, changes and deletes them."""

from __future__ import annotations

import json
import re

import pytest

from ceap.local.engine import Engine
from ceap.local.stack_models import ResourceError
from ceap.local.stacks.resources import create, delete, find, update
from tests.local.stacks.by_hand import Resources, is_refused
from tests.local.stacks.support import Stacks, text
from tests.local.support import deploy_express, express_template

EMPTY = json.dumps({"widgets": []})
NOTE = json.dumps({"widgets": [{"type": "text", "properties": {"markdown": "note"}}]})
DASHBOARD, QUERY = "AWS::CloudWatch::Dashboard", "AWS::Logs::QueryDefinition"


def test_a_dashboard_has_the_body_that_its_properties_now_say(resources: Resources) -> None:
    cloudwatch = resources.client("cloudwatch")
    model, given = resources.made(DASHBOARD, DashboardName="board", DashboardBody=EMPTY)
    assert model.physical_resource_id == "board"
    assert cloudwatch.get_dashboard(DashboardName="board")["DashboardBody"] == EMPTY
    update(model, given := given._replace(properties={"DashboardName": "board", "DashboardBody": NOTE}))
    assert cloudwatch.get_dashboard(DashboardName="board")["DashboardBody"] == NOTE
    assert find(given, {"DashboardName": "board"}).physical_resource_id == "board"
    delete(model, given)
    delete(model, given)
    assert is_refused(cloudwatch, "get_dashboard", DashboardName="board")


@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"widgets": {}}'])
def test_a_body_that_is_no_list_of_widgets_is_refused_and_changes_nothing(resources: Resources, body: str) -> None:
    model, given = resources.made(DASHBOARD, DashboardName="kept", DashboardBody=EMPTY)
    with pytest.raises(ResourceError, match=r"DashboardBody must be a valid JSON|The dashboard body is invalid"):
        update(model, given._replace(properties={"DashboardName": "kept", "DashboardBody": body}))
    assert resources.client("cloudwatch").get_dashboard(DashboardName="kept")["DashboardBody"] == EMPTY
    with pytest.raises(ResourceError):
        create(resources.given(DASHBOARD, {"DashboardName": "new", "DashboardBody": body}))
    assert is_refused(resources.client("cloudwatch"), "get_dashboard", DashboardName="new")
    delete(model, given)


def test_a_dashboard_of_another_name_replaces_it(resources: Resources) -> None:
    stacks = Stacks(resources.engine)

    def body(name: str) -> str:
        return text({"Board": {"Type": DASHBOARD, "Properties": {"DashboardName": name, "DashboardBody": EMPTY}}})

    stacks.create("boards", body("first"))
    stacks.update("boards", body("second"))
    assert stacks.status("boards") == "UPDATE_COMPLETE"
    listed = resources.client("cloudwatch").list_dashboards()["DashboardEntries"]
    assert [entry["DashboardName"] for entry in listed] == ["second"]
    stacks.delete("boards")
    assert resources.client("cloudwatch").list_dashboards()["DashboardEntries"] == []


def test_a_saved_query_keeps_its_id_when_its_properties_change(resources: Resources) -> None:
    before = {"Name": "folder/query", "QueryString": "fields @timestamp"}
    model, given = resources.made(QUERY, **before)
    identifier = str(model.physical_resource_id)
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", identifier)
    other, _ = resources.made(QUERY, **before)
    assert other.physical_resource_id != identifier
    changed = update(model, given._replace(properties={**before, "Name": "folder/other"}))
    assert (changed.physical_resource_id, changed.get_cfn_attribute("QueryDefinitionId")) == (identifier, identifier)
    assert find(given, {"QueryDefinitionId": identifier}) is model
    delete(model, given)
    with pytest.raises(ResourceError, match="was not found"):
        find(given, {"QueryDefinitionId": identifier})


def test_a_saved_query_without_a_text_is_refused(resources: Resources) -> None:
    with pytest.raises(ResourceError, match="property 'QueryString' is missing"):
        resources.made(QUERY, Name="query")
    with pytest.raises(ResourceError, match="QueryString of a query definition is empty"):
        resources.made(QUERY, Name="query", QueryString="")


def test_the_engine_answers_no_call_for_saved_queries(resources: Resources) -> None:
    assert is_refused(resources.client("logs"), "describe_query_definitions")


def test_the_dashboard_of_a_workflow_has_the_names_of_its_resources(engine: Engine) -> None:
    deployed = deploy_express(engine)
    body = engine.client("cloudwatch").get_dashboard(DashboardName="ceap-express-dev")["DashboardBody"]
    assert "${" not in body
    [widget] = [each for each in json.loads(body)["widgets"] if each["properties"].get("title") == "Messages"]
    assert [line[3] for line in widget["properties"]["metrics"]] == [
        "ceap-express-dev-dead-letter-queue",
        "ceap-express-dev-queue",
        ".",
    ]
    template = express_template()
    queries = {name for name, each in template["Resources"].items() if each["Type"] == QUERY}
    assert {*deployed.stack.of_type(QUERY)} == queries
