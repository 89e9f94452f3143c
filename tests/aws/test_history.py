"""Records of deployments in an artifact bucket: none is lost, overwritten or read wrongly."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from ceap.aws import history
from ceap.aws.bucket import sha256_of
from ceap.aws.history import Operation, Outcome, Record, Retained
from ceap.aws.session import Aws
from ceap.errors import SetupError

BUCKET = "ceap-artifacts-history"
TEMPLATE = "Resources: {}\n"
NOW = datetime(2026, 11, 29, 18, 15, 30, 123456, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def bucket(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket=BUCKET)


def record(stack: str, number: int = 0, outcome: Outcome = Outcome.STARTED) -> Record:
    return Record(
        id=f"20261129T18153{number}000Z-3f9a1c",
        stack=stack,
        operation=Operation.DEPLOY,
        outcome=outcome,
        by="arn:aws:iam::123456789012:user/me",
        parameters={"Environment": "dev"},
        artifacts={"handlers/1/base.zip": "0" * 64},
        template_sha256=sha256_of(TEMPLATE.encode()),
        revision="1" * 40,
        is_clean=True,
    )


def test_an_id_begins_with_the_time_and_later_ones_sort_behind() -> None:
    ids = [history.new_id(NOW + timedelta(milliseconds=number)) for number in (0, 1, 1000, 100_000)]
    assert ids[0].startswith("20261129T181530123Z-")
    assert ids == sorted(ids)
    assert len({history.new_id(NOW) for _ in range(20)}) == 20


def test_a_record_is_read_as_it_was_saved_with_its_template(aws: Aws) -> None:
    begun = record("ceap-one-dev")
    history.save(aws, BUCKET, begun, TEMPLATE)
    assert history.load_all(aws, BUCKET, "ceap-one-dev") == (begun,)
    assert history.load_template(aws, BUCKET, begun) == TEMPLATE


def test_a_record_gets_its_outcome_at_the_end(aws: Aws) -> None:
    begun = record("ceap-end-dev")
    history.save(aws, BUCKET, begun, TEMPLATE)
    left = Retained(logical_id="Queue", type="AWS::SQS::Queue", identifier={"QueueUrl": "https://queue"})
    done = msgspec.structs.replace(begun, outcome=Outcome.DONE, retained=(left,))
    history.finish(aws, BUCKET, done)
    assert history.load_all(aws, BUCKET, "ceap-end-dev") == (done,)


def test_records_come_in_the_order_of_time_and_of_their_stack_alone(aws: Aws) -> None:
    records = tuple(record("ceap-many-dev", number, Outcome.DONE) for number in range(5))
    for each in reversed(records):
        history.save(aws, BUCKET, each)
    history.save(aws, BUCKET, record("ceap-many-dev2"))
    assert history.load_all(aws, BUCKET, "ceap-many-dev") == records


def test_the_latest_is_the_last_that_is_done() -> None:
    first, second = record("s", 1, Outcome.DONE), record("s", 2, Outcome.DONE)
    failed, begun = record("s", 3, Outcome.FAILED), record("s", 4)
    assert history.latest([first, second, failed, begun]) == second
    assert history.latest([failed, begun]) is None


def test_a_missing_bucket_has_no_records(aws: Aws) -> None:
    assert history.load_all(aws, "ceap-artifacts-nowhere", "ceap-one-dev") == ()


def test_a_record_cannot_be_written_without_the_bucket(aws: Aws) -> None:
    with pytest.raises(SetupError) as caught:
        history.save(aws, "ceap-artifacts-nowhere", record("ceap-one-dev"))
    assert str(caught.value) == (
        "s3://ceap-artifacts-nowhere: there is no such bucket; deploy the foundation of the environment, which makes it"
    )


def test_of_two_deployers_with_one_id_one_is_refused(aws: Aws) -> None:
    def save(revision: str) -> str:
        try:
            history.save(aws, BUCKET, msgspec.structs.replace(record("ceap-two-dev"), revision=revision))
        except SetupError as error:
            return str(error)
        return revision

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(save, ("1", "2")))
    [kept] = history.load_all(aws, BUCKET, "ceap-two-dev")
    assert said == [
        kept.revision,
        f"s3://{BUCKET}/deployments/ceap-two-dev/{kept.id}.json: is there already, of another deployment; call again",
    ]


@pytest.mark.parametrize(
    ("first", "then", "last"),
    [
        (Outcome.DONE, Outcome.FAILED, Outcome.DONE),
        (Outcome.DONE, Outcome.DONE, Outcome.DONE),
        (Outcome.FAILED, Outcome.DONE, Outcome.DONE),
    ],
)
def test_of_two_who_follow_an_operation_the_one_that_saw_it_done_counts(
    first: Outcome, then: Outcome, last: Outcome, aws: Aws
) -> None:
    begun = record(f"ceap-{first}-{then}-dev")
    history.save(aws, BUCKET, begun)
    for outcome in (first, then):
        history.finish(aws, BUCKET, msgspec.structs.replace(begun, outcome=outcome))
    assert [each.outcome for each in history.load_all(aws, BUCKET, begun.stack)] == [last]


def test_a_record_that_was_never_begun_cannot_end(aws: Aws) -> None:
    with pytest.raises(SetupError, match=r"^s3://\S+\.json: is missing; somebody else has removed it"):
        history.finish(aws, BUCKET, record("ceap-never-dev", outcome=Outcome.DONE))


@pytest.mark.parametrize(
    ("stack", "content", "why"),
    [
        ("ceap-cut-dev", b'{"id": "x"', "Input data was truncated"),
        ("ceap-alien-dev", b'{"id": "x", "color": 1}', "Object contains unknown field `color`"),
        ("ceap-text-dev", b"\xff", r"JSON is malformed: invalid character \(byte 0\)"),
    ],
)
def test_a_damaged_record_is_named(aws: Aws, stack: str, content: bytes, why: str) -> None:
    key = f"deployments/{stack}/x.json"
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=content)
    cure = "if a newer ceap wrote it, take that version, or else restore or delete it"
    with pytest.raises(SetupError, match=rf"^s3://{BUCKET}/{key}: is not a record of a deployment: {why}.*; {cure}$"):
        history.load_all(aws, BUCKET, stack)


def test_a_record_under_the_key_of_another_is_damaged(aws: Aws) -> None:
    history.save(aws, BUCKET, record("ceap-moved-dev"))
    key = f"deployments/ceap-moved-dev/{record('ceap-moved-dev').id}.json"
    aws.client("s3").copy_object(
        Bucket=BUCKET, Key="deployments/ceap-new-dev/1.json", CopySource={"Bucket": BUCKET, "Key": key}
    )
    with pytest.raises(SetupError, match=f"1.json: is not a record of a deployment: it is that of {key}; "):
        history.load_all(aws, BUCKET, "ceap-new-dev")


def test_a_template_that_was_not_deployed_is_refused(aws: Aws) -> None:
    begun = record("ceap-forged-dev")
    with pytest.raises(SetupError) as caught:
        history.load_template(aws, BUCKET, begun)
    key = f"deployments/ceap-forged-dev/{begun.id}.template.yaml"
    cure = "go back to another deployment, or deploy a revision of git"
    assert str(caught.value) == f"s3://{BUCKET}/{key}: is missing; {cure}"
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"Resources: {Other: {}}")
    with pytest.raises(SetupError) as caught:
        history.load_template(aws, BUCKET, begun)
    assert str(caught.value) == f"s3://{BUCKET}/{key}: is not the template that was deployed; {cure}"


def test_the_last_record_is_read_however_it_ended(aws: Aws) -> None:
    assert history.load_last(aws, BUCKET, "ceap-last-dev") is None
    assert history.load_last(aws, "ceap-artifacts-none", "ceap-last-dev") is None
    for number, outcome in enumerate((Outcome.DONE, Outcome.FAILED)):
        history.save(aws, BUCKET, record("ceap-last-dev", number, outcome), TEMPLATE)
    last = history.load_last(aws, BUCKET, "ceap-last-dev")
    assert last == record("ceap-last-dev", 1, Outcome.FAILED)
    assert history.time_of(last) == datetime(2026, 11, 29, 18, 15, 31, tzinfo=UTC)
