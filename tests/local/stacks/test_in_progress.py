"""Stacks that are being worked on: what their clients see, and which calls they allow meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local.engine import Engine
from ceap.local.stacks import resources
from ceap.local.stacks.exports import Exports
from ceap.local.stacks.resources import Given, Model
from tests.local.stacks.support import Stacks, queue, refusal, text


@pytest.fixture(scope="module")
def stacks() -> Iterator[Stacks]:
    with Engine.start() as engine:
        yield Stacks(engine)


@contextmanager
def held_at(name: str) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Hold the creation of a queue; yields an event that says when it has begun, and one that lets it go on."""
    begun, goes_on, create = threading.Event(), threading.Event(), resources.create

    def create_held(given: Given) -> Model:
        if given.name == name:
            begun.set()
            goes_on.wait(10)
        return create(given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resources, "create", create_held)
        try:
            yield begun, goes_on
        finally:
            goes_on.set()


def test_another_client_sees_how_far_a_stack_is_and_cannot_change_it(stacks: Stacks) -> None:
    stacks.propose("slow", text({"A": queue("a"), "B": queue("b", DependsOn="A")}), "CREATE")
    with held_at("b") as (begun, goes_on):
        stacks.client.execute_change_set(StackName="slow", ChangeSetName="change")
        begun.wait(10)
        assert stacks.status("slow") == "CREATE_IN_PROGRESS"
        assert stacks.events("slow")[-2:] == ["A CREATE_COMPLETE", "B CREATE_IN_PROGRESS"]
        found = stacks.client.describe_change_set(StackName="slow", ChangeSetName="change")
        assert found["ExecutionStatus"] == "EXECUTE_IN_PROGRESS"
        with pytest.raises(ClientError) as failed:
            stacks.propose("slow", text({"A": queue("a")}))
        assert refusal(failed.value).endswith("/ID is in CREATE_IN_PROGRESS state and can not be updated.")
        goes_on.set()
        stacks.engine._stacks.wait()
    assert stacks.status("slow") == "CREATE_COMPLETE"


def test_a_stack_can_be_deleted_while_it_is_created(stacks: Stacks) -> None:
    with held_at("half-2") as (begun, goes_on):
        body = text({"A": queue("half-1"), "B": queue("half-2", DependsOn="A"), "C": queue("half-3", DependsOn="B")})
        arn = stacks.client.create_stack(StackName="half", TemplateBody=body)["StackId"]
        begun.wait(10)
        stacks.client.delete_stack(StackName="half")
        goes_on.set()
        stacks.engine._stacks.wait()
    assert stacks.status(arn) == "DELETE_COMPLETE"
    assert not {"half-1", "half-2", "half-3"} & set(stacks.queues())


def test_an_update_can_be_cancelled_but_not_deleted(stacks: Stacks) -> None:
    stacks.create("cancelled", text({"A": queue("kept-a")}))
    with held_at("new-b") as (begun, goes_on):
        body = text({"A": queue("kept-a"), "B": queue("new-b"), "C": queue("new-c", DependsOn="B")})
        stacks.client.update_stack(StackName="cancelled", TemplateBody=body)
        begun.wait(10)
        with pytest.raises(ClientError, match="cannot be deleted while in status UPDATE_IN_PROGRESS"):
            stacks.client.delete_stack(StackName="cancelled")
        stacks.client.cancel_update_stack(StackName="cancelled")
        goes_on.set()
        stacks.engine._stacks.wait()
    assert stacks.status("cancelled") == "UPDATE_ROLLBACK_COMPLETE"
    assert {"kept-a"} == {"kept-a", "new-b", "new-c"} & set(stacks.queues())
    with pytest.raises(ClientError, match="CancelUpdateStack cannot be called from current stack status"):
        stacks.client.cancel_update_stack(StackName="cancelled")


def test_an_error_of_the_engine_ends_the_operation(stacks: Stacks, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(Exports, "check", fail)
        stacks.create("bug", text({"A": queue("bug")}))
    stack = stacks.stack("bug")
    assert (stack["StackStatus"], stack["StackStatusReason"]) == (
        "CREATE_FAILED",
        "Internal Failure: RuntimeError('a bug')",
    )
