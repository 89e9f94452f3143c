"""Updates of stacks: in place, by replacement, failed and rolled back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local.engine import Engine
from ceap.local.stack_models import ResourceError
from ceap.local.stacks import resources
from ceap.local.stacks.resources import Given, Model
from tests.local.stacks.support import Resource, Stacks, queue, refusal, text


@pytest.fixture(scope="module")
def stacks() -> Iterator[Stacks]:
    with Engine.start() as engine:
        yield Stacks(engine)


def visibility(stacks: Stacks, name: str) -> str:
    sqs = stacks.engine.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    return str(found["VisibilityTimeout"])


def policy(name: str) -> Resource:
    """Return a policy of a queue, which takes no tags."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": f"arn:aws:sqs:*:*:{name}",
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [{"Ref": "Queue"}], "PolicyDocument": document}}


def test_an_update_without_changes_is_refused(stacks: Stacks) -> None:
    body = text({"Queue": queue("unchanged")})
    stacks.create("unchanged", body)
    with pytest.raises(ClientError, match=r"No updates are to be performed\."):
        stacks.update("unchanged", body)


def test_what_replaces_a_resource_is_created_before_the_old_one_is_deleted(stacks: Stacks) -> None:
    stacks.create("replaced", text({"Queue": queue("old-name"), "Kept": queue("kept", UpdateReplacePolicy="Retain")}))
    count = len(stacks.events("replaced"))
    new = {
        "Queue": queue("new-name"),
        "Kept": queue("kept-new", UpdateReplacePolicy="Retain", DependsOn="Queue"),
    }
    stacks.update("replaced", text(new))
    creation = "Requested update requires the creation of a new physical resource; hence creating one."
    assert stacks.events("replaced", after=count) == [
        "replaced UPDATE_IN_PROGRESS: User Initiated",
        f"Queue UPDATE_IN_PROGRESS: {creation}",
        "Queue UPDATE_IN_PROGRESS: Resource creation Initiated",
        "Queue UPDATE_COMPLETE",
        f"Kept UPDATE_IN_PROGRESS: {creation}",
        "Kept UPDATE_IN_PROGRESS: Resource creation Initiated",
        "Kept UPDATE_COMPLETE",
        "replaced UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "Kept DELETE_SKIPPED",
        "Queue DELETE_IN_PROGRESS",
        "Queue DELETE_COMPLETE",
        "replaced UPDATE_COMPLETE",
    ]
    assert {"new-name", "kept", "kept-new"} <= set(stacks.queues())
    assert "old-name" not in stacks.queues()


def test_a_resource_under_the_same_name_cannot_be_replaced(stacks: Stacks) -> None:
    stacks.create("custom", text({"Queue": queue("custom.fifo", FifoQueue=True)}))
    count = len(stacks.events("custom"))
    stacks.update("custom", text({"Queue": queue("custom.fifo")}))
    assert stacks.events("custom", after=count)[2:4] == [
        "Queue UPDATE_FAILED: CloudFormation cannot update a stack when a custom-named resource requires replacing. "
        "Rename custom.fifo and update the stack again.",
        "custom UPDATE_ROLLBACK_IN_PROGRESS: The following resource(s) failed to update: [Queue]. ",
    ]
    assert stacks.status("custom") == "UPDATE_ROLLBACK_COMPLETE"


def test_a_failed_update_brings_back_what_it_changed_replaced_and_created(stacks: Stacks) -> None:
    stacks.engine.client("sqs").create_queue(QueueName="taken")
    old = {
        "Changed": queue("changed", VisibilityTimeout=1),
        "Replaced": queue("was"),
        "Gone": queue("not-yet-gone"),
    }
    stacks.create("failing", text(old))
    before = stacks.physical("failing")
    new = {
        "Changed": queue("changed", VisibilityTimeout=2),
        "Replaced": queue("becomes"),
        "Fresh": queue("fresh"),
        "Taken": queue("taken", DependsOn=["Changed", "Replaced", "Fresh"]),
    }
    stacks.update("failing", text(new))
    assert stacks.status("failing") == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.physical("failing") == before
    assert visibility(stacks, "changed") == "1"
    assert {"was", "not-yet-gone", "taken"} <= set(stacks.queues())
    assert not {"becomes", "fresh"} & set(stacks.queues())
    [first, *_] = [event for event in stacks.events("failing") if "FAILED" in event]
    assert first == ("Taken CREATE_FAILED: Resource of type 'AWS::SQS::Queue' with identifier 'taken' already exists.")
    stacks.update("failing", text({**old, "Changed": queue("changed", VisibilityTimeout=3)}))
    assert (stacks.status("failing"), visibility(stacks, "changed")) == ("UPDATE_COMPLETE", "3")


def test_a_rollback_of_an_update_keeps_new_resources_with_retain_alone(stacks: Stacks) -> None:
    stacks.create("policies", text({"Queue": queue("policies")}))
    new = {
        "Queue": queue("policies"),
        "Retained": queue("retained", DeletionPolicy="Retain"),
        "Excepted": queue("excepted", DeletionPolicy="RetainExceptOnCreate"),
        "Broken": queue("policies", DependsOn=["Retained", "Excepted"]),
    }
    stacks.update("policies", text(new))
    assert stacks.status("policies") == "UPDATE_ROLLBACK_COMPLETE"
    assert ("retained" in stacks.queues(), "excepted" in stacks.queues()) == (True, False)


def test_a_failed_creation_is_rolled_back_and_the_stack_can_only_be_deleted(stacks: Stacks) -> None:
    first = {
        "First": queue("first"),
        "Excepted": queue("except-on-create", DeletionPolicy="RetainExceptOnCreate"),
        "Retained": queue("retained-first", DeletionPolicy="Retain"),
        "Broken": queue("first", DependsOn=["First", "Excepted", "Retained"]),
    }
    stacks.create("broken", text(first))
    events = stacks.events("broken")
    assert [event for event in events if event.startswith("broken ")] == [
        "broken CREATE_IN_PROGRESS: User Initiated",
        "broken ROLLBACK_IN_PROGRESS: The following resource(s) failed to create: [Broken]. "
        "Rollback requested by user.",
        "broken ROLLBACK_COMPLETE",
    ]
    assert {event for event in events if "DELETE" in event} == {
        "Retained DELETE_SKIPPED",
        "First DELETE_IN_PROGRESS",
        "First DELETE_COMPLETE",
        "Excepted DELETE_IN_PROGRESS",
        "Excepted DELETE_COMPLETE",
    }
    assert {"retained-first"} == {"first", "except-on-create", "retained-first"} & set(stacks.queues())
    with pytest.raises(ClientError) as failed:
        stacks.update("broken", text({"First": queue("other")}))
    assert refusal(failed.value).endswith("/ID is in ROLLBACK_COMPLETE state and can not be updated.")
    assert stacks.client.get_template(StackName="broken")["TemplateBody"] == {"Resources": first}
    stacks.delete("broken")
    stacks.create("broken", text({"First": queue("first")}))
    assert stacks.status("broken") == "CREATE_COMPLETE"


@pytest.mark.parametrize(
    ("option", "status", "left"), [("DO_NOTHING", "CREATE_FAILED", True), ("DELETE", "DELETE_COMPLETE", False)]
)
def test_a_caller_may_choose_what_a_failed_creation_does(stacks: Stacks, option: str, status: str, left: bool) -> None:
    name = option.lower().replace("_", "-")
    body = text({"First": queue(name), "Broken": queue(name, DependsOn="First")})
    arn = stacks.create(name, body, OnFailure=option)
    assert (stacks.status(arn), name in stacks.queues()) == (status, left)


@pytest.mark.parametrize(("skipped", "seconds"), [((), "1"), (("A",), "2")])
def test_a_rollback_that_failed_can_be_continued(
    stacks: Stacks, monkeypatch: pytest.MonkeyPatch, skipped: tuple[str, ...], seconds: str
) -> None:
    name = f"stuck-{seconds}"
    stacks.create(name, text({"A": queue(name, VisibilityTimeout=1), "R": queue(f"{name}-old")}))
    before = stacks.physical(name)
    update = resources.update

    def refuse(model: Model, given: Given) -> Model:
        if given.properties["VisibilityTimeout"] == 1:
            raise ResourceError("throttled")
        return update(model, given)

    with monkeypatch.context() as patch:
        patch.setattr(resources, "update", refuse)
        new = {
            "A": queue(name, VisibilityTimeout=2, DependsOn="N"),
            "N": queue(f"{name}-fresh"),
            "R": queue(f"{name}-new", DependsOn="A"),
            "B": queue(name, DependsOn="R"),
        }
        stacks.update(name, text(new))
    assert stacks.events(name)[-2:] == [
        "A UPDATE_FAILED: throttled",
        f"{name} UPDATE_ROLLBACK_FAILED: The following resource(s) failed to update: [A]. ",
    ]
    stacks.client.continue_update_rollback(StackName=name, ResourcesToSkip=skipped)
    stacks.engine._stacks.wait()
    assert (stacks.status(name), visibility(stacks, name)) == ("UPDATE_ROLLBACK_COMPLETE", seconds)
    assert stacks.physical(name) == before
    assert [each for each in stacks.queues() if each.startswith(f"{name}-")] == [f"{name}-old"]
    with pytest.raises(ClientError, match="can not continue rollback"):
        stacks.client.continue_update_rollback(StackName=name)


def test_a_change_set_may_delete_new_resources_whatever_their_policy(stacks: Stacks) -> None:
    body = text({"A": queue("new-retained", DeletionPolicy="Retain"), "B": queue("new-retained", DependsOn="A")})
    stacks.propose("deletes-new", body, "CREATE")
    stacks.execute("deletes-new", RetainExceptOnCreate=True)
    assert stacks.status("deletes-new") == "ROLLBACK_COMPLETE"
    assert "new-retained" not in stacks.queues()


def test_the_tags_of_a_stack_are_those_of_its_resources(stacks: Stacks) -> None:
    def tags() -> dict[str, str]:
        url = stacks.physical("tagged")["Queue"]
        found: dict[str, str] = stacks.engine.client("sqs").list_queue_tags(QueueUrl=url).get("Tags", {})
        return found

    own = [{"Key": "Team", "Value": "own"}]
    resources = {"Queue": queue("tagged", Tags=own), "Policy": policy("tagged")}
    both = [{"Key": "Team", "Value": "stack"}, {"Key": "Stage", "Value": "one"}]
    stacks.create("tagged", text(resources), Tags=both)
    assert tags() == {"Team": "own", "Stage": "one"}
    described = stacks.propose("tagged", text(resources), Tags=[{"Key": "Stage", "Value": "two"}])
    [change] = [each["ResourceChange"] for each in described["Changes"]]
    assert (change["LogicalResourceId"], change["Scope"], change["Replacement"]) == ("Queue", ["Tags"], "False")
    stacks.execute("tagged")
    assert tags() == {"Team": "own", "Stage": "two"}
    assert stacks.stack("tagged")["Tags"] == [{"Key": "Stage", "Value": "two"}]
