from __future__ import annotations

from typing import Any, Final

import pytest
import yaml

from ceap import project
from ceap.deploy.diff.change import (
    Consequence,
    Failure,
    Fate,
    MayBeReplaced,
    PropertyChange,
    Removed,
    Replaced,
    Updated,
    WillFail,
)
from ceap.deploy.diff.fate import name_property
from templates.resource_schemas import ResourceSchema, load_schema
from tests.deploy.diff.support import diff_of, resource, resource_changes

KNOWN: Final = yaml.safe_load((project.ROOT / "ceap/policy/vocabulary/stacks.yaml").read_text(encoding="utf-8"))
TYPES: Final = sorted(KNOWN["resources"])
QUEUE: Final = "AWS::SQS::Queue"
PIPE: Final = "AWS::Pipes::Pipe"
ROLE: Final = "AWS::IAM::Role"


def schema_of(kind: str) -> ResourceSchema:
    schema = load_schema(kind)
    assert schema
    return schema


def inside(path: tuple[str, ...], value: Any) -> Any:
    """Return the properties in which a value is at a path of a schema."""
    for key in reversed(path):
        value = [value] if key == "*" else {key: value}
    return value


CREATE_ONLY: Final = [(kind, path) for kind in TYPES for path in schema_of(kind).create_only]
CONDITIONAL: Final = [(kind, path) for kind in TYPES for path in schema_of(kind).conditional_create_only]


def id_of(part: str | tuple[str, ...]) -> str:
    return part if isinstance(part, str) else ".".join(part)


def test_the_templates_have_types_with_create_only_properties() -> None:
    assert ("AWS::SQS::Queue", ("QueueName",)) in CREATE_ONLY
    assert ("AWS::DynamoDB::Table", ("KeySchema",)) in CONDITIONAL


every_create_only = pytest.mark.parametrize(("kind", "path"), CREATE_ONLY, ids=id_of)


@every_create_only
def test_a_resource_whose_create_only_property_changes_is_replaced(kind: str, path: tuple[str, ...]) -> None:
    old, new = ({"Type": kind, "Properties": inside(path, value)} for value in ("a", "b"))
    [change] = resource_changes(diff_of({"One": old}, {"One": new}))
    assert isinstance(change, Replaced)
    assert [(one.path, one.old, one.new, one.consequence) for one in change.properties] == [
        (path, "a", "b", Consequence.REPLACES)
    ]


@every_create_only
def test_a_resource_that_gets_a_create_only_property_is_replaced(kind: str, path: tuple[str, ...]) -> None:
    old, new = {"Type": kind, "Properties": {}}, {"Type": kind, "Properties": inside(path, "a")}
    for before, after in ((old, new), (new, old)):
        [change] = resource_changes(diff_of({"One": before}, {"One": after}))
        assert isinstance(change, Replaced)


@every_create_only
def test_a_create_only_property_cannot_change_while_the_custom_name_stays(kind: str, path: tuple[str, ...]) -> None:
    name = name_property(schema_of(kind))
    if name is None or path == (name,):
        return  # the change of the name is what replaces it
    old, new = ({"Type": kind, "Properties": {name: "n"} | inside(path, value)} for value in ("a", "b"))
    diff = diff_of({"One": old}, {"One": new})
    [change] = resource_changes(diff)
    assert isinstance(change, WillFail)
    assert change.reason is Failure.NAME_STAYS
    assert change.subject.name == "n"
    assert f"change its {name} in the same deployment" in change.cure
    assert (diff.replaced, diff.failing) == ((), (change,))


@pytest.mark.parametrize(("kind", "path"), CONDITIONAL, ids=id_of)
def test_a_conditionally_create_only_property_may_replace(kind: str, path: tuple[str, ...]) -> None:
    name = name_property(schema_of(kind))
    for named in ({}, {name: "n"} if name else {}):
        old, new = ({"Type": kind, "Properties": named | inside(path, value)} for value in ("a", "b"))
        [change] = resource_changes(diff_of({"One": old}, {"One": new}))
        assert isinstance(change, MayBeReplaced)
        assert change.name_stays == (bool(named) and path != ("EventBusName",))


def test_any_other_property_changes_in_place() -> None:
    [change] = resource_changes(diff_of({"Q": resource(QUEUE, DelaySeconds=1)}, {"Q": resource(QUEUE, DelaySeconds=2)}))
    assert isinstance(change, Updated)
    assert change.properties == (PropertyChange(("DelaySeconds",), 1, 2, Consequence.IN_PLACE),)


def test_a_change_of_a_type_without_a_schema_may_replace() -> None:
    [change] = resource_changes(
        diff_of({"One": resource("Custom::Thing", A=1)}, {"One": resource("Custom::Thing", A=2)})
    )
    assert isinstance(change, MayBeReplaced)


def test_another_type_under_a_logical_id_fails() -> None:
    [change] = resource_changes(diff_of({"One": resource(QUEUE)}, {"One": resource("AWS::SNS::Topic")}))
    assert isinstance(change, WillFail)
    assert change.reason is Failure.TYPE_CHANGED
    assert change.cure == "give the AWS::SNS::Topic another logical id: One is an AWS::SQS::Queue"


def test_a_name_that_another_resource_of_the_stack_has_is_taken() -> None:
    old, new = {"Old": resource(QUEUE, QueueName="q")}, {"New": resource(QUEUE, QueueName="q")}
    taken, removed = resource_changes(diff_of(old, new))
    assert isinstance(taken, WillFail)
    assert taken.reason is Failure.NAME_TAKEN
    assert taken.cure == "keep the logical id Old, or give New another name"
    assert isinstance(removed, Removed)


def test_a_name_in_another_form_is_the_same_name() -> None:
    queue = resource(QUEUE, QueueName={"Fn::Sub": "q-${AWS::Region}"})
    pipes = [
        resource(PIPE, Name="p", Source=source)
        for source in (
            {"Fn::GetAtt": ["Q", "Arn"]},
            {"Fn::Sub": "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:q-${AWS::Region}"},
        )
    ]
    [change] = resource_changes(diff_of({"Q": queue, "P": pipes[0]}, {"Q": queue, "P": pipes[1]}))
    assert isinstance(change, Updated)
    assert change.properties[0].consequence is Consequence.IN_PLACE


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("a-${Stage}", "b-${Stage}", Replaced),
        ("a-${Stage}", "b", Replaced),
        ("a-${Stage}", "a-dev", MayBeReplaced),
        ("${Stage}", "${Other}", MayBeReplaced),
        ("a-${AWS::Region}", "b-${AWS::Region}", Replaced),
    ],
)
def test_a_name_that_may_come_out_the_same_may_replace(old: str, new: str, kind: type) -> None:
    parameters = {name: {"Type": "String"} for name in ("Stage", "Other")}
    sides = ({"Q": resource(QUEUE, QueueName={"Fn::Sub": name})} for name in (old, new))
    [change] = resource_changes(diff_of(*sides, Parameters=parameters))
    assert type(change) is kind


def test_a_replaced_role_changes_the_role_of_its_function_in_place() -> None:
    function = resource("AWS::Lambda::Function", Role={"Fn::GetAtt": ["R", "Arn"]})
    sides = ({"R": resource(ROLE, Path=path), "F": function} for path in ("/a/", "/b/"))
    role, followed = resource_changes(diff_of(*sides))
    assert isinstance(role, Replaced)
    assert isinstance(followed, Updated)
    assert followed.properties == (PropertyChange(("Role",), None, None, Consequence.IN_PLACE, "R is replaced"),)


def test_a_replaced_queue_replaces_the_pipe_that_reads_it() -> None:
    pipe = resource(PIPE, Source={"Fn::GetAtt": ["Q", "Arn"]}, Target={"Fn::Sub": "${P}-x"})
    sides = ({"Q": resource(QUEUE, FifoQueue=fifo), "P": pipe} for fifo in (True, False))
    queue, followed = resource_changes(diff_of(*sides))
    assert isinstance(queue, Replaced)
    assert isinstance(followed, Replaced)
    assert followed.properties == (PropertyChange(("Source",), None, None, Consequence.REPLACES, "Q is replaced"),)


def test_a_replaced_queue_fails_the_named_pipe_that_reads_it() -> None:
    pipe = resource(PIPE, Name="p", Source={"Fn::GetAtt": ["Q", "Arn"]})
    sides = ({"Q": resource(QUEUE, FifoQueue=fifo), "P": pipe} for fifo in (True, False))
    _, followed = resource_changes(diff_of(*sides))
    assert isinstance(followed, WillFail)
    assert followed.cure.endswith(", or leave what it refers to as it is")


def test_what_refers_to_a_resource_that_may_be_replaced_may_be_replaced() -> None:
    pipe = resource(PIPE, Source={"Fn::GetAtt": ["T", "StreamArn"]})
    sides = ({"T": resource("AWS::DynamoDB::Table", KeySchema=key), "P": pipe} for key in ("a", "b"))
    table, followed = resource_changes(diff_of(*sides))
    assert isinstance(table, MayBeReplaced)
    assert isinstance(followed, MayBeReplaced)
    assert followed.properties[0].cause == "T may be replaced"


def test_an_attribute_that_an_update_can_change_may_replace_what_takes_it() -> None:
    pipe = resource(PIPE, Source={"Fn::GetAtt": ["T", "StreamArn"]})
    sides = (
        {"T": resource("AWS::DynamoDB::Table", TableName="t", StreamSpecification=s), "P": pipe} for s in ("a", "b")
    )
    table, followed = resource_changes(diff_of(*sides))
    assert isinstance(table, Updated)
    assert isinstance(followed, MayBeReplaced)
    assert followed.properties[0].cause == "T.StreamArn may change"


@pytest.mark.parametrize(
    ("old", "new", "fate"),
    [
        (None, None, Fate.DELETED),
        ("Delete", "Delete", Fate.DELETED),
        ("Retain", "Retain", Fate.KEPT),
        ("Retain", "Delete", Fate.DELETED),
        ("Delete", "Retain", Fate.DELETED),
        ("Snapshot", "Snapshot", Fate.SNAPSHOT),
    ],
)
def test_the_old_resource_stays_only_where_both_templates_keep_it(old: str, new: str, fate: Fate) -> None:
    sides = (
        {"Q": resource(QUEUE, {"UpdateReplacePolicy": policy} if policy else {}, QueueName=name)}
        for name, policy in (("a", old), ("b", new))
    )
    diff = diff_of(*sides)
    [replaced] = diff.replaced
    assert replaced.fate is fate
    assert diff.lost == ((replaced,) if fate is Fate.DELETED else ())


@pytest.mark.parametrize(
    ("kind", "policy", "fate", "is_lost"),
    [
        (QUEUE, None, Fate.DELETED, True),
        (QUEUE, "Retain", Fate.KEPT, False),
        (QUEUE, "RetainExceptOnCreate", Fate.KEPT, False),
        ("AWS::S3::Bucket", "Delete", Fate.DELETED_IF_EMPTY, False),
        (ROLE, None, Fate.DELETED, False),
    ],
)
def test_the_deployed_template_decides_what_a_removed_resource_leaves(
    kind: str, policy: str | None, fate: Fate, is_lost: bool
) -> None:
    other = {"Other": resource(ROLE)}
    diff = diff_of({**other, "One": resource(kind, {"DeletionPolicy": policy} if policy else {})}, other)
    [removed] = resource_changes(diff)
    assert isinstance(removed, Removed)
    assert removed.fate is fate
    assert diff.lost == ((removed,) if is_lost else ())
