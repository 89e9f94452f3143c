from __future__ import annotations

import pytest

from ceap.deploy.plan import (
    REVIEW,
    Change,
    ContinueRollback,
    DeleteStack,
    Import,
    Refuse,
    RemoveChangeSets,
    Situation,
    Step,
    Wait,
    next_step,
)

STACK = "ceap-realtime-dev"


def at(status: str | None, **more: object) -> Situation:
    return Situation(name=STACK, status=status, **more)  # type: ignore[arg-type]  # each test gives what it is about


@pytest.mark.parametrize(
    "status",
    [
        "CREATE_IN_PROGRESS",
        "ROLLBACK_IN_PROGRESS",
        "DELETE_IN_PROGRESS",
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "IMPORT_IN_PROGRESS",
        "IMPORT_ROLLBACK_IN_PROGRESS",
    ],
)
def test_an_operation_that_runs_is_waited_for(status: str) -> None:
    assert next_step(at(status, pending=("ceap-1",)), ["Queue"], ()) == Wait()


@pytest.mark.parametrize(
    ("status", "step"),
    [
        (None, Change(is_new=True)),
        (REVIEW, Change(is_new=True)),
        ("CREATE_COMPLETE", Change(is_new=False)),
        ("UPDATE_COMPLETE", Change(is_new=False)),
        ("UPDATE_ROLLBACK_COMPLETE", Change(is_new=False)),
        ("IMPORT_COMPLETE", Change(is_new=False)),
        ("CREATE_FAILED", DeleteStack("its creation failed")),
        ("ROLLBACK_COMPLETE", DeleteStack("its creation failed")),
        ("ROLLBACK_FAILED", DeleteStack("its creation failed")),
        ("DELETE_FAILED", DeleteStack("its deletion failed")),
        ("IMPORT_ROLLBACK_COMPLETE", DeleteStack("the import of what stayed failed")),
        ("UPDATE_ROLLBACK_FAILED", ContinueRollback()),
    ],
)
def test_a_status_that_is_at_rest_leads_to_one_step(status: str | None, step: Step) -> None:
    assert next_step(at(status), [], ()) == step


def test_a_stack_whose_import_failed_is_not_deleted_with_what_it_held_before() -> None:
    now = at("IMPORT_ROLLBACK_COMPLETE", resources={"Queue": "https://queue"})
    assert next_step(now, [], ()) == Change(is_new=False)


def test_what_an_interrupted_call_left_unconfirmed_is_removed_first() -> None:
    assert next_step(at(REVIEW, pending=("ceap-1", "ceap-2")), ["Queue"], ()) == RemoveChangeSets(("ceap-1", "ceap-2"))


@pytest.mark.parametrize("status", [None, REVIEW, "CREATE_COMPLETE"])
def test_what_stayed_is_imported_before_the_stack_is_changed(status: str | None) -> None:
    assert next_step(at(status), ["Queue", "DeadLetterQueue"], ()) == Import(("DeadLetterQueue", "Queue"))


def test_what_the_stack_holds_again_is_not_imported_twice() -> None:
    now = at("IMPORT_COMPLETE", resources={"Queue": "https://queue"})
    assert next_step(now, ["Queue"], ()) == Change(is_new=False)


@pytest.mark.parametrize(
    ("status", "tried"), [("DELETE_FAILED", DeleteStack), ("UPDATE_ROLLBACK_FAILED", ContinueRollback)]
)
def test_a_step_that_did_not_help_is_not_taken_again(status: str, tried: type[Step]) -> None:
    now = at(status, reason="the bucket is not empty")
    assert next_step(now, [], [tried]) == Refuse(
        f"the stack is still {status}: the bucket is not empty",
        "remove what is in the way, as its events say, and run this command again",
    )


@pytest.mark.parametrize("status", ["UPDATE_FAILED", "IMPORT_ROLLBACK_FAILED"])
def test_a_stack_that_others_left_in_between_is_refused(status: str) -> None:
    assert next_step(at(status), ["Queue"], ()) == Refuse(
        f"the stack is {status}, which ceap does not leave behind",
        f"run `aws cloudformation rollback-stack --stack-name {STACK}`, then this command again",
    )
