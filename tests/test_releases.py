"""An upgrade from the last release replaces and loses nothing that the changelog does not name."""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ceap.cfn.lookup import BUCKET, LOG_GROUP, QUEUE, TABLE
from ceap.cfn.template import Template, parse_template
from templates.resource_schemas import load_schema
from tests import releases
from tests.releases import REFERENCE, ROOT, announced, breaks, last_release, load_templates, unannounced

CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
BASELINE = last_release()
OLD = load_templates(BASELINE / REFERENCE)

Body = dict[str, Any]
Resources = dict[str, Body]


def test_an_upgrade_from_the_last_release_breaks_only_what_the_changelog_says() -> None:
    new = {name: parse_template(text, name) for name, text in releases.build_reference().items()}
    now = {name.partition(".")[0]: template for name, template in new.items()}
    assert unannounced(OLD, now, announced(CHANGELOG, BASELINE.name)) == {}


def test_the_baseline_is_that_of_the_version_that_the_changelog_has_last() -> None:
    [version, *_] = re.findall(r"^## (\d\S*) - \d{4}-\d{2}-\d{2}$", CHANGELOG, re.MULTILINE)
    assert version == releases.version() == BASELINE.name
    assert set(OLD) == {"foundation", "deploy", *(path.stem for path in releases.WORKFLOWS)}


def holding(template: Template, resources: Resources, **sections: Any) -> Template:
    """Return a template with other resources, and other sections."""
    return msgspec.structs.replace(template, data={**template.data, "Resources": resources, **sections})


def each_stateful() -> Iterator[tuple[Template, str, Body]]:
    """Yield each resource of the baseline that holds data, with its logical id and template."""
    for template in OLD.values():
        for logical_id, body in template.data["Resources"].items():
            schema = load_schema(body["Type"])
            if schema and schema.is_stateful:
                yield template, logical_id, body


def test_the_baseline_has_each_kind_of_what_holds_data() -> None:
    kinds = Counter(body["Type"] for _, _, body in each_stateful())
    assert set(kinds) == {BUCKET, LOG_GROUP, QUEUE, TABLE}
    assert kinds.total() > 25


@pytest.mark.parametrize(
    "edit",
    [
        lambda name, body: {f"{name}2": body},
        lambda _, __: {},
        lambda name, body: {name: body | {"Type": "AWS::SSM::Parameter"}},
    ],
    ids=["another logical id", "removed", "another type"],
)
def test_what_leaves_its_stack_is_found(edit: Callable[[str, Body], Resources]) -> None:
    for template in OLD.values():
        for name, body in template.data["Resources"].items():
            found = breaks(holding(template, {name: body}), holding(template, edit(name, body)))
            assert name in found, (template.file, name)


def test_a_property_that_replaces_what_holds_data_is_found() -> None:
    seen = set()
    for template, name, body in each_stateful():
        for key in create_only(body):
            changed = copy.deepcopy(body)
            changed["Properties"][key] = other(changed["Properties"][key])
            found = breaks(holding(template, {name: body}), holding(template, {name: changed}))
            assert name in found, (template.file, name, key)
            seen.add((body["Type"], key))
    assert seen >= {(BUCKET, "BucketName"), (LOG_GROUP, "LogGroupName"), (QUEUE, "QueueName"), (TABLE, "TableName")}


def create_only(body: Body) -> list[str]:
    """Return the properties of a resource by which it is replaced."""
    schema = load_schema(body["Type"])
    assert schema is not None
    return [path[0] for path in schema.create_only if len(path) == 1 and path[0] in body["Properties"]]


def other(value: Any) -> Any:
    """Return a value that is surely another one than that of a property."""
    return value[1:] if isinstance(value, list) else "surely-another"


@pytest.mark.parametrize("policy", ["DeletionPolicy", "UpdateReplacePolicy"])
@pytest.mark.parametrize("left", ["Delete", None])
def test_what_is_no_longer_kept_is_found(policy: str, left: str | None) -> None:
    kept = [each for each in each_stateful() if str(each[2][policy]).startswith("Retain")]
    assert len(kept) > 10
    for template, name, body in kept:
        lost = {key: value for key, value in body.items() if key != policy} | ({policy: left} if left else {})
        assert set(breaks(holding(template, {name: body}), holding(template, {name: lost}))) == {name}


def test_what_is_kept_for_a_shorter_time_is_found_and_a_longer_one_passes() -> None:
    resources = OLD["triggered"].data["Resources"]
    for name, key in (("DeadLetterQueue", "MessageRetentionPeriod"), ("TakeFunctionLogGroup", "RetentionInDays")):
        for factor, expected in ((0.5, {name}), (2, set())):
            changed = copy.deepcopy(resources)
            changed[name]["Properties"][key] = int(resources[name]["Properties"][key] * factor)
            assert set(breaks(OLD["triggered"], holding(OLD["triggered"], changed))) == expected


def test_an_export_or_a_parameter_that_fails_an_upgrade_is_found() -> None:
    foundation = OLD["foundation"]
    outputs, parameters = foundation.data["Outputs"], foundation.data["Parameters"]
    resources = foundation.data["Resources"]
    [gone] = breaks(foundation, holding(foundation, resources, Outputs={**outputs, "AlertTopic": {"Value": "x"}}))
    assert "AlertTopic" in gone
    left = {name: body for name, body in parameters.items() if name != "AlertEmail"}
    assert set(breaks(foundation, holding(foundation, resources, Parameters=left))) == {"AlertEmail"}
    more = {**parameters, "Region": {"Type": "String"}}
    assert set(breaks(foundation, holding(foundation, resources, Parameters=more))) == {"Region"}


def test_what_is_added_or_changed_in_place_passes() -> None:
    workflow = OLD["triggered"]
    resources = copy.deepcopy(workflow.data["Resources"])
    resources["TakeFunction"]["Properties"]["MemorySize"] = 4096
    resources["Queue"]["Properties"]["VisibilityTimeout"] = 100
    resources["Added"] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "ceap-${Environment}-x"}}}
    parameters = {**workflow.data["Parameters"], "Added": {"Type": "String", "Default": ""}}
    outputs = {**workflow.data["Outputs"], "Added": {"Value": "x"}}
    assert breaks(workflow, holding(workflow, resources, Parameters=parameters, Outputs=outputs)) == {}


ANNOUNCING = """\
# Changelog

## Unreleased

### Upgrade

- `*.Queue`: is replaced; call `ceap drain` before.

## 1.1.0 - 2027-02-03

- `foundation.AlertTopic`: has another name.

## 1.0.0 - 2027-01-02

- `deploy.*`: is of the release itself.
"""


def test_what_the_changelog_announces_above_the_release_passes_and_nothing_else() -> None:
    patterns = announced(ANNOUNCING, "1.0.0")
    assert patterns == ["*.Queue", "foundation.AlertTopic"]
    without = {
        name: holding(template, {key: body for key, body in template.data["Resources"].items() if "Queue" not in key})
        for name, template in OLD.items()
    }
    found = {what.partition(".")[2] for what in unannounced(OLD, without, patterns)}
    assert "DeadLetterQueue" in found
    assert "Queue" in {name for template in OLD.values() for name in template.data["Resources"]} - found
    assert unannounced(OLD, {}, ["[!d]*"]) == {"deploy.*": "the template is gone"}


def test_the_next_baseline_is_that_of_the_version_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "RELEASES", tmp_path)
    (tmp_path / "0.0.9" / REFERENCE).mkdir(parents=True)
    releases.write_baseline()
    assert [path.name for path in tmp_path.iterdir()] == [releases.version()]
    written = load_templates(tmp_path / releases.version() / REFERENCE)
    assert unannounced(written, load_templates(tmp_path / releases.version() / REFERENCE), []) == {}
    assert set(written) == {name.partition(".")[0] for name in releases.build_reference()}
