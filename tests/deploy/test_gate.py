from __future__ import annotations

from ceap.deploy.change_sets import Effect
from ceap.deploy.diff.change import (
    Consequence,
    Diff,
    Failure,
    Fate,
    MayBeReplaced,
    PropertyChange,
    Removed,
    Replaced,
    Subject,
    WillFail,
)
from ceap.deploy.gate import object_to

QUEUE = Subject("Queue", "AWS::SQS::Queue", "ceap-x-dev-queue", is_stateful=True)
PIPE = Subject("Pipe", "AWS::Pipes::Pipe", "ceap-x-dev-pipe", is_stateful=False)
NAMED = PropertyChange(("QueueName",), "a", "b", Consequence.REPLACES)


def diff(*changes: object) -> Diff:
    return Diff("x", "old", "new", tuple(changes))  # type: ignore[arg-type]  # each test gives what it is about


def effect(subject: Subject, action: str = "Modify", **more: object) -> Effect:
    return Effect(logical_id=subject.logical_id, type=subject.type, action=action, **more)  # type: ignore[arg-type]


def words(effects: list[Effect], known: Diff) -> list[str]:
    return [str(each) for each in object_to(effects, known)]


def test_changes_in_place_and_additions_pass() -> None:
    assert words([effect(QUEUE, replacement="False"), effect(PIPE, "Add")], diff()) == []


def test_a_replacement_that_only_cloudformation_knows_is_an_objection() -> None:
    assert words([effect(QUEUE, replacement="True", causes=("QueueName",))], diff()) == [
        "Queue (AWS::SQS::Queue) would be replaced, as QueueName changes (known to CloudFormation)"
    ]


def test_a_replacement_that_only_the_comparison_knows_is_an_objection() -> None:
    assert words([], diff(Replaced(QUEUE, (NAMED,), Fate.DELETED))) == [
        "Queue (AWS::SQS::Queue) would be replaced, as QueueName changes; the old one is deleted, with its data "
        "(known to ceap diff)"
    ]


def test_what_both_know_is_one_objection() -> None:
    [objection] = object_to([effect(QUEUE, replacement="True")], diff(Replaced(QUEUE, (NAMED,), Fate.KEPT)))
    assert objection.known_by == ("CloudFormation", "ceap diff")
    assert objection.what == "would be replaced, as QueueName changes; the old one is kept"


def test_a_stateful_resource_that_goes_with_its_data_is_an_objection_of_both() -> None:
    expected = ["Queue (AWS::SQS::Queue) would be deleted with its data (known to CloudFormation and ceap diff)"]
    assert words([effect(QUEUE, "Remove", policy_action="Delete")], diff(Removed(QUEUE, Fate.DELETED))) == expected


def test_a_resource_that_stays_when_it_leaves_the_stack_passes() -> None:
    assert words([effect(QUEUE, "Remove", policy_action="Retain")], diff(Removed(QUEUE, Fate.KEPT))) == []


def test_a_stateless_resource_may_go() -> None:
    assert words([effect(PIPE, "Remove", policy_action="Delete")], diff(Removed(PIPE, Fate.DELETED))) == []


def test_what_follows_an_attribute_of_a_resource_that_stays_passes() -> None:
    queue = effect(QUEUE, replacement="False")
    pipe = effect(PIPE, replacement="Conditional", causes=("Source",), is_certain=False, depends_on=("Queue",))
    assert words([queue, pipe], diff()) == []


def test_what_follows_an_attribute_of_a_replaced_resource_is_an_objection() -> None:
    queue = effect(QUEUE, replacement="True")
    pipe = effect(PIPE, replacement="Conditional", causes=("Source",), is_certain=False, depends_on=("Queue",))
    assert words([queue, pipe], diff()) == [
        "Pipe (AWS::Pipes::Pipe) may be replaced, as Source changes (known to CloudFormation)",
        "Queue (AWS::SQS::Queue) would be replaced (known to CloudFormation)",
    ]


def test_what_the_comparison_leaves_open_cloudformation_decides() -> None:
    open_one = MayBeReplaced(PIPE, (), Fate.DELETED, name_stays=False)
    assert words([effect(PIPE, replacement="False")], diff(open_one)) == []
    assert words([], diff(open_one)) == [
        "Pipe (AWS::Pipes::Pipe) may be replaced; the old one is deleted (known to ceap diff)"
    ]


def test_what_will_fail_comes_first_and_once_and_has_a_cure() -> None:
    will_fail = WillFail(PIPE, Failure.NAME_STAYS, (), "give it another name")
    objection, other = object_to([effect(PIPE, replacement="True"), effect(QUEUE, replacement="True")], diff(will_fail))
    assert (objection.is_hopeless, other.logical_id) == (True, "Queue")
    assert str(objection) == (
        "Pipe (AWS::Pipes::Pipe) would fail: a resource with a custom name cannot be replaced (known to ceap diff); "
        "give it another name"
    )
