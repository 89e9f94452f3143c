from __future__ import annotations

from typing import Any, Final

from ceap.deploy.diff.change import (
    Added,
    AttributeChanged,
    EntryChanged,
    ExportChanged,
    MayBeReplaced,
    Removed,
    Replaced,
)
from ceap.deploy.diff.compare import compare
from tests.deploy.diff.support import resource, resource_changes, template

QUEUE: Final = "AWS::SQS::Queue"
PARAMETERS: Final = {"Name": {"Type": "String", "Default": ""}, "Secret": {"Type": "String", "NoEcho": True}}
CONDITIONS: Final = {"Named": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Name"}, ""]}]}}
IF_NAMED: Final = {"Fn::If": ["Named", "one", "two"]}
SECTIONS: Final[dict[str, Any]] = {"Parameters": PARAMETERS, "Conditions": CONDITIONS}


def test_another_value_of_a_parameter_replaces() -> None:
    one = template({"Q": resource(QUEUE, QueueName={"Fn::Sub": "q-${Name}"})}, **SECTIONS)
    diff = compare(one, one, old_parameters={"Name": "a"}, new_parameters={"Name": "b"})
    replaced, value = diff.changes
    assert isinstance(replaced, Replaced)
    assert replaced.subject.name == "q-b"
    assert value == EntryChanged(("Parameters", "Name", "value"), "a", "b")


def test_another_default_may_replace_where_values_are_unknown() -> None:
    named = {"Q": resource(QUEUE, QueueName={"Ref": "Name"}), "R": resource(QUEUE, QueueName=IF_NAMED)}
    one, two = (
        template(named, Parameters={"Name": {"Type": "String", "Default": default}}, Conditions=CONDITIONS)
        for default in ("", "b")
    )
    queue, conditional, _ = compare(one, two).changes
    assert [type(queue), type(conditional)] == [MayBeReplaced, MayBeReplaced]
    given = compare(one, two, old_parameters={"Name": "a"}, new_parameters={"Name": "a"})
    assert [type(change) for change in given.changes] == [EntryChanged]


def test_the_value_of_a_secret_parameter_is_not_shown() -> None:
    one = template({"Q": resource(QUEUE, QueueName={"Ref": "Secret"})}, **SECTIONS)
    diff = compare(one, one, old_parameters={"Secret": "s1"}, new_parameters={"Secret": "s2"})
    assert [type(change) for change in diff.changes] == [MayBeReplaced, EntryChanged]
    assert "s1" not in str(diff)
    assert "s2" not in str(diff)


def test_a_condition_that_no_longer_holds_removes_its_resource() -> None:
    one = template({"Q": resource(QUEUE, {"Condition": "Named"}), "O": resource(QUEUE)}, **SECTIONS)
    removed = compare(one, one, old_parameters={"Name": "a"}, new_parameters={})
    added = compare(one, one, old_parameters={}, new_parameters={"Name": "a"})
    assert [type(each) for each in resource_changes(removed)] == [Removed]
    assert [type(each) for each in resource_changes(added)] == [Added]


def test_a_condition_defined_anew_may_change_what_depends_on_it() -> None:
    name = {"Fn::If": ["Named", "a", "b"]}
    resources = {"Q": resource(QUEUE, QueueName=name), "O": resource(QUEUE, {"Condition": "Named"})}
    conditions = {"Named": {"Fn::Equals": [{"Ref": "Name"}, "x"]}}
    diff = compare(template(resources, **SECTIONS), template(resources, **SECTIONS | {"Conditions": conditions}))
    assert [type(each) for each in resource_changes(diff)] == [MayBeReplaced, AttributeChanged]


def test_a_name_from_a_map_replaces_when_the_map_changes() -> None:
    queue = {"Q": resource(QUEUE, QueueName={"Fn::FindInMap": ["M", "a", "b"]})}
    sides = (template(queue, Mappings={"M": {"a": {"b": name}}}) for name in ("one", "two"))
    assert [type(each) for each in resource_changes(compare(*sides))] == [Replaced]


def test_an_export_that_goes_or_changes_is_told() -> None:
    def exporting(name: str, queue: str) -> Any:
        output = {"Value": {"Ref": "Q"}, "Export": {"Name": name}}
        return template({"Q": resource(QUEUE, QueueName=queue)}, Outputs={"O": output})

    def exports(old: Any, new: Any) -> list[Any]:
        return [each for each in compare(old, new).changes if isinstance(each, ExportChanged)]

    assert exports(exporting("e", "a"), exporting("f", "a")) == [ExportChanged("e", is_removed=True, is_certain=True)]
    assert exports(exporting("e", "a"), exporting("e", "b")) == [ExportChanged("e", is_removed=False, is_certain=True)]
