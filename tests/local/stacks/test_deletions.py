"""Deletions of stacks, exports in use, and imports of resources that stayed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local.engine import Engine
from tests.local.stacks.support import Resource, Stacks, queue, refusal, text

KEPT = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}


@pytest.fixture(scope="module")
def stacks() -> Iterator[Stacks]:
    with Engine.start() as engine:
        yield Stacks(engine)


def exporter(value: str, name: str = "shared") -> str:
    return text({"Queue": queue("exporter")}, Outputs={"Out": {"Value": value, "Export": {"Name": name}}})


def test_a_deleted_stack_keeps_what_its_policies_say(stacks: Stacks) -> None:
    resources = {"Gone": queue("goes"), "Kept": queue("stays", **KEPT)}
    arn = stacks.create("leaving", text(resources))
    stacks.delete("leaving")
    assert stacks.events(arn)[-5:] == [
        "leaving DELETE_IN_PROGRESS: User Initiated",
        "Kept DELETE_SKIPPED",
        "Gone DELETE_IN_PROGRESS",
        "Gone DELETE_COMPLETE",
        "leaving DELETE_COMPLETE",
    ]
    assert ("goes" in stacks.queues(), "stays" in stacks.queues()) == (False, True)
    stacks.client.get_waiter("stack_delete_complete").wait(StackName=arn)
    with pytest.raises(ClientError, match="Stack with id leaving does not exist"):
        stacks.stack("leaving")
    stacks.delete("leaving")


def test_a_protected_stack_is_not_deleted(stacks: Stacks) -> None:
    stacks.create("protected", text({"Queue": queue("protected")}), EnableTerminationProtection=True)
    with pytest.raises(ClientError) as failed:
        stacks.delete("protected")
    assert refusal(failed.value) == (
        "ValidationError: Stack [protected] cannot be deleted while TerminationProtection is enabled"
    )
    stacks.client.update_termination_protection(StackName="protected", EnableTerminationProtection=False)
    stacks.delete("protected")
    assert "protected" not in stacks.queues()


def test_a_resource_that_cannot_be_deleted_can_be_retained_then(stacks: Stacks) -> None:
    s3 = stacks.engine.client("s3")
    body = text({"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "full"}}, "Q": queue("beside")})
    arn = stacks.create("full", body)
    s3.put_object(Bucket="full", Key="k", Body=b"")
    with pytest.raises(ClientError, match="RetainResources can only be specified"):
        stacks.delete("full", RetainResources=["Bucket"])
    stacks.delete("full")
    assert stacks.status("full") == "DELETE_FAILED"
    assert "beside" not in stacks.queues()
    [failed] = [event for event in stacks.events("full") if event.startswith("Bucket DELETE_FAILED")]
    assert "The bucket you tried to delete is not empty" in failed
    stacks.delete("full", RetainResources=["Bucket"])
    assert stacks.status(arn) == "DELETE_COMPLETE"
    assert s3.list_objects_v2(Bucket="full")["KeyCount"] == 1


def test_an_export_in_use_is_neither_changed_nor_removed_nor_deleted(stacks: Stacks) -> None:
    stacks.create("exporter", exporter("one"))
    stacks.create("importer", text({"Queue": queue(None, QueueName={"Fn::ImportValue": "shared"})}))
    assert stacks.client.list_imports(ExportName="shared")["Imports"] == ["importer"]
    for body, verb in ((exporter("two"), "update"), (text({"Queue": queue("exporter")}), "delete")):
        stacks.update("exporter", body)
        assert stacks.status("exporter") == "UPDATE_ROLLBACK_COMPLETE"
        assert (
            f"exporter UPDATE_ROLLBACK_IN_PROGRESS: Update canceled. Cannot {verb} export shared as it is in use by "
            "importer." in stacks.events("exporter")
        )
    stacks.delete("exporter")
    stack = stacks.stack("exporter")
    assert (stack["StackStatus"], stack["StackStatusReason"]) == (
        "UPDATE_ROLLBACK_COMPLETE",
        "Delete canceled. Cannot delete export shared as it is in use by importer.",
    )
    stacks.create("rival", exporter("three").replace("exporter", "rival"))
    assert (
        "rival ROLLBACK_IN_PROGRESS: Export with name shared is already exported by stack exporter. "
        "Rollback requested by user." in stacks.events("rival")
    )
    stacks.delete("importer")
    stacks.update("exporter", exporter("four"))
    [export] = stacks.client.list_exports()["Exports"]
    assert (export["Name"], export["Value"]) == ("shared", "four")
    with pytest.raises(ClientError, match="Export 'shared' is not imported by any stack"):
        stacks.client.list_imports(ExportName="shared")
    stacks.delete("exporter")
    assert stacks.client.list_exports()["Exports"] == []


def test_what_stayed_is_taken_in_again_with_its_messages(stacks: Stacks) -> None:
    sqs = stacks.engine.client("sqs")
    stacks.create("adopted", text({"Queue": queue("adopted", **KEPT)}))
    url = stacks.physical("adopted")["Queue"]
    sqs.send_message(QueueUrl=url, MessageBody="in flight")
    stacks.delete("adopted")
    imported = [
        {
            "ResourceType": "AWS::SQS::Queue",
            "LogicalResourceId": "Queue",
            "ResourceIdentifier": {"QueueUrl": url},
        }
    ]
    described = stacks.propose(
        "adopted", text({"Queue": queue("adopted", **KEPT)}), "IMPORT", ResourcesToImport=imported
    )
    [change] = described["Changes"]
    assert (change["ResourceChange"]["Action"], change["ResourceChange"]["PhysicalResourceId"]) == ("Import", url)
    stacks.execute("adopted")
    assert stacks.events("adopted")[1:] == [
        "adopted IMPORT_IN_PROGRESS: User Initiated",
        "Queue IMPORT_IN_PROGRESS",
        "Queue IMPORT_COMPLETE: Resource import completed.",
        "adopted IMPORT_COMPLETE",
    ]
    assert stacks.physical("adopted") == {"Queue": url}
    stacks.update("adopted", text({"Queue": queue("adopted", VisibilityTimeout=7, **KEPT), "New": queue("beside-it")}))
    assert stacks.status("adopted") == "UPDATE_COMPLETE"
    assert stacks.engine.messages(url) == ["in flight"]


@pytest.mark.parametrize(
    ("body", "sections", "message"),
    [
        ({"Queue": queue("stray")}, {}, "[Queue] must have DeletionPolicy attribute specified in the template."),
        (
            {"Queue": queue("stray", **KEPT), "Other": queue("other")},
            {},
            "Resources [Other] is missing from ResourceToImport list",
        ),
        (
            {"Queue": queue("stray", **KEPT)},
            {"Outputs": {"O": {"Value": "x"}}},
            "As part of the import operation, you cannot modify or add [Outputs]",
        ),
    ],
)
def test_an_import_does_nothing_else(
    stacks: Stacks, body: dict[str, Resource], sections: Resource, message: str
) -> None:
    imported = [
        {"ResourceType": "AWS::SQS::Queue", "LogicalResourceId": "Queue", "ResourceIdentifier": {"QueueUrl": "x"}}
    ]
    with pytest.raises(ClientError) as failed:
        stacks.propose("stray", text(body, **sections), "IMPORT", ResourcesToImport=imported)
    assert refusal(failed.value).endswith(message)


def test_an_import_of_what_is_not_there_takes_nothing(stacks: Stacks) -> None:
    imported = [
        {
            "ResourceType": "AWS::SQS::Queue",
            "LogicalResourceId": "Queue",
            "ResourceIdentifier": {"QueueUrl": "https://sqs.us-east-1.amazonaws.com/1/never"},
        }
    ]
    stacks.propose("never", text({"Queue": queue("never", **KEPT)}), "IMPORT", ResourcesToImport=imported)
    stacks.execute("never")
    assert stacks.status("never") == "IMPORT_ROLLBACK_COMPLETE"
    assert [event for event in stacks.events("never") if "FAILED" in event] == [
        "Queue IMPORT_FAILED: Resource of type 'AWS::SQS::Queue' with identifier "
        "'https://sqs.us-east-1.amazonaws.com/1/never' was not found."
    ]


def test_a_resource_of_another_stack_is_not_taken_in(stacks: Stacks) -> None:
    owner = stacks.create("owner", text({"Queue": queue("owned", **KEPT)}))
    url = stacks.physical("owner")["Queue"]
    imported = [
        {"ResourceType": "AWS::SQS::Queue", "LogicalResourceId": "Queue", "ResourceIdentifier": {"QueueUrl": url}}
    ]
    stacks.propose("thief", text({"Queue": queue("owned", **KEPT)}), "IMPORT", ResourcesToImport=imported)
    stacks.execute("thief")
    assert stacks.status("thief") == "IMPORT_ROLLBACK_COMPLETE"
    assert f"Queue IMPORT_FAILED: {url} already exists in stack {owner}" in stacks.events("thief")
    assert stacks.physical("owner") == {"Queue": url}
