"""Dead letters that are chosen: looked at, sent to the queue one by one, none lost and none twice unseen."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError  # type: ignore[import-untyped]  # botocore ships no types

from ceap import signals
from ceap.errors import UsageError
from ceap.local.clock import CLOCK
from ceap.operate import replay_letters
from ceap.operate.replay_dead import Look, look_for, send_chosen
from ceap.operate.replay_letters import Filters, look
from ceap.operate.replay_names import REPLAY_OF
from ceap.operate.replay_report import letter_lines, sent_lines
from ceap.operate.replay_send import Replayed, Sending
from tests.operate.dead_letters import (
    Express,
    body_of,
    dead_letters,
    kill,
    means,
    record_of,
    small_express,
    succeeded,
    travel,
    visible,
)

ALL = Filters()


@pytest.fixture(scope="module")
def shared() -> Iterator[Express]:
    with small_express() as found:
        yield found


@pytest.fixture
def express(shared: Express, monkeypatch: pytest.MonkeyPatch) -> Express:
    monkeypatch.setattr(replay_letters, "WAIT_S", 0)  # the engine's answer without a wait is whole
    shared.reset()
    return shared


def replay(
    found: Express, filters: Filters, *, again: bool = False, rate: int = 500, told: list[str] | None = None
) -> Replayed:
    looked = look_for(found.aws, found.workflow, filters, again=again)
    return send(found, looked, rate=rate, told=told)


def send(
    found: Express, looked: Look, *, rate: int = 500, told: list[str] | None = None, sleep: Any = None
) -> Replayed:
    sending = Sending(rate, sleep or (lambda _: None))
    return send_chosen(found.aws, found.workflow, looked, sending, means(found, [] if told is None else told))


def failing(found: Express, operation: str, code: str, times: int = 1, status: int = 400) -> None:
    """Let AWS refuse a call of SQS, so many times."""
    left = [times]
    client = found.aws.client_once("sqs") if operation == "SendMessage" else found.aws.client("sqs")

    def refuse(**_: Any) -> Any:
        if left[0]:
            left[0] -= 1
            answer = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
            raise ClientError(answer, operation)

    client.meta.events.register(f"provide-client-params.sqs.{operation}", refuse)


def test_a_look_tells_why_each_failed_and_leaves_all_as_they_were(express: Express) -> None:
    ids = [kill(express, "a"), kill(express, "b", "RateStage"), kill(express, "c", "TakeStage", "TransientStageError")]
    letters, _ = look(express.aws, express.workflow)
    assert [(letter.id, letter.stage, letter.error) for letter in letters] == [
        (ids[0], "SiftStage", "PermanentStageError"),
        (ids[1], "RateStage", "PermanentStageError"),
        (ids[2], "TakeStage", "TransientStageError"),
    ]
    assert [letter.size_bytes for letter in letters] == [len(body_of("a"))] * 3
    assert all(letter.receives == 4 for letter in letters)  # the pipe's three, and this look
    assert (dead_letters(express), visible(express)) == (["a", "b", "c"], 3)
    text = "\n".join(letter_lines(letters, [], 3, CLOCK.now()))
    assert "1 x TransientStageError in TakeStage" in text
    assert '"amount"' not in text  # no body is shown


def test_the_beginning_of_an_id_takes_no_dead_letter_and_the_whole_one_is_named(express: Express) -> None:
    message = kill(express, "a")
    looked = look_for(express.aws, express.workflow, Filters(messages=frozenset({message[:8]})), again=False)
    assert looked.letters == ()
    assert [(left.what, left.why) for left in looked.left] == [
        (message[:8], f"is only the beginning of an id: give {message}")
    ]


def test_a_filter_takes_one_kind_of_failure_out_of_three(express: Express) -> None:
    kill(express, "a", "RateStage")
    kill(express, "b", "TakeStage", "TransientStageError")
    kill(express, "c", "RateStage")
    kill(express, "d")
    done = replay(express, Filters(error="permanentstage", stage="RateStage"))
    assert (len(done.sent), done.left, done.twice) == (2, (), ())
    assert (dead_letters(express), visible(express)) == (["b", "d"], 2)
    assert sorted(succeeded(express)) == ["a", "c"]


def test_a_replay_keeps_the_attributes_and_names_what_it_repeats(express: Express) -> None:
    first = kill(express, "a", kind="order")
    [sent] = replay(express, ALL).sent
    express.engine.functions.inject("ceap-express-dev-Sift", "PermanentStageError", 3)
    execution = express.engine.drain()[-1]
    [letter], _ = look(express.aws, express.workflow)
    assert (letter.id, letter.repeats) == (sent.replay, (first,))
    assert replay(express, ALL).sent[0].message == sent.replay
    attributes = record_of(execution)["messageAttributes"]
    assert (attributes["kind"]["stringValue"], attributes[REPLAY_OF]["stringValue"]) == ("order", first)
    [message] = express.aws.client("sqs").receive_message(
        QueueUrl=express.workflow.queue, MessageAttributeNames=["All"]
    )["Messages"]
    assert message["MessageAttributes"][REPLAY_OF]["StringValue"] == f"{first},{sent.replay}"


def test_messages_are_chosen_by_id_by_age_and_by_number(express: Express) -> None:
    ids = [kill(express, name) for name in "abc"]
    letters, _ = look(express.aws, express.workflow)
    middle = letters[1].sent
    assert [letter.id for letter in Filters(messages=frozenset(ids[1:2])).take(letters)] == ids[1:2]
    assert [letter.id for letter in Filters(sent_before=middle).take(letters)] == ids[:1]
    assert [letter.id for letter in Filters(sent_after=middle).take(letters)] == ids[2:]
    assert [letter.id for letter in Filters(limit=2).take(letters)] == ids[:2]


def test_a_message_that_is_not_there_is_said(express: Express) -> None:
    kill(express, "a")
    done = replay(express, Filters(messages=frozenset({"no-such-id"})))
    assert ([left.what for left in done.left], done.sent, done.has_failed) == (["no-such-id"], (), True)
    assert dead_letters(express) == ["a"]


def test_an_unknown_stage_is_refused(express: Express) -> None:
    with pytest.raises(UsageError, match="did you mean SiftStage"):
        look_for(express.aws, express.workflow, Filters(stage="SiftStag"), again=False)


def test_what_was_sent_and_not_deleted_is_told_and_not_sent_again(express: Express) -> None:
    first, _ = kill(express, "a"), kill(express, "b")
    failing(express, "DeleteMessage", "ServiceUnavailable")
    done = replay(express, ALL)
    assert ([sent.message for sent in done.twice], done.sent, done.has_failed) == ([first], (), True)
    assert any(line.startswith(f"TWICE  {first}") for line in sent_lines(done))
    assert (sorted(dead_letters(express)), visible(express)) == (["a", "b"], 2)
    assert succeeded(express) == ["a"]

    then = replay(express, ALL)
    assert [left.what for left in then.left] == [first]
    assert "was replayed already: execution" in then.left[0].why
    assert "SUCCEEDED" in then.left[0].why
    assert then.has_failed
    assert succeeded(express) == ["a", "b"]
    assert dead_letters(express) == ["a"]

    assert len(replay(express, ALL, again=True).sent) == 1
    assert succeeded(express) == ["a", "b", "a"]


def test_a_replay_that_is_a_dead_letter_beside_its_original_is_told(express: Express) -> None:
    first = kill(express, "a")
    failing(express, "DeleteMessage", "ServiceUnavailable")
    replay(express, ALL)
    express.engine.functions.inject("ceap-express-dev-Sift", "PermanentStageError", 3)
    express.engine.drain()
    assert dead_letters(express) == ["a", "a"]
    done = replay(express, ALL)
    assert [left.what for left in done.left] == [first]
    assert "which is a dead letter, too" in done.left[0].why
    assert len(done.sent) == 1


def test_a_message_that_the_queue_refuses_stays_a_dead_letter(express: Express) -> None:
    kill(express, "a")
    failing(express, "SendMessage", "AccessDenied")
    done = replay(express, ALL)
    assert (done.sent, len(done.left), done.twice) == ((), 1, ())
    assert "AWS refused SendMessage" in done.left[0].why
    assert (dead_letters(express), visible(express)) == (["a"], 1)


def test_a_message_whose_sending_got_no_answer_is_kept_and_told_apart(
    express: Express, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = kill(express, "a"), kill(express, "b")
    client, calls = express.aws.client_once("sqs"), list[str]()
    send_it = client._endpoint.http_session.send

    def lose(request: Any) -> Any:
        send_it(request)  # SQS has taken it
        calls.append(request.url)
        raise ReadTimeoutError(endpoint_url=request.url)

    with monkeypatch.context() as patch:
        patch.setattr(client._endpoint.http_session, "send", lose)
        done = replay(express, ALL)
    assert len(calls) == 1  # no attempt after the one whose answer was lost
    assert ([each.what for each in done.unanswered], done.sent, done.twice) == ([first], (), ())
    assert ([left.what for left in done.left], done.has_failed) == ([second], True)
    lines = list(sent_lines(done))
    assert any(line.startswith(f"MAY HAVE BEEN SENT  {first}") for line in lines)
    assert lines[-1] == (
        "0 messages sent to the queue, 1 left in the dead-letter queue, "
        "1 that may have been sent, left in the dead-letter queue"
    )
    assert (sorted(dead_letters(express)), visible(express)) == (["a", "b"], 2)
    assert succeeded(express) == ["a"]
    then = replay(express, ALL)
    assert [left.what for left in then.left] == [first]  # was replayed already
    assert succeeded(express) == ["a", "b"]


def test_a_message_at_which_aws_itself_failed_may_have_been_sent(express: Express) -> None:
    message = kill(express, "a")
    failing(express, "SendMessage", "InternalFailure", status=500)
    done = replay(express, ALL)
    assert ([each.what for each in done.unanswered], done.left, done.sent) == ([message], (), ())
    assert (dead_letters(express), visible(express)) == (["a"], 1)


def test_an_interrupted_replay_gives_back_what_it_holds(express: Express) -> None:
    for name in "abc":
        kill(express, name)
    told: list[str] = []

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        send(express, look_for(express.aws, express.workflow, ALL, again=False), told=told, sleep=interrupt)
    assert told == ["1 of 3 messages were sent; call again for the rest"]
    assert (dead_letters(express), visible(express)) == (["b", "c"], 2)
    assert succeeded(express) == ["a"]
    replay(express, ALL)
    assert succeeded(express) == ["a", "b", "c"]


def test_ctrl_c_waits_until_a_message_that_was_sent_is_deleted(express: Express) -> None:
    for name in "ab":
        kill(express, name)
    looked = look_for(express.aws, express.workflow, ALL, again=False)
    events, told = express.aws.client_once("sqs").meta.events, list[str]()

    def interrupt(**_: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    events.register("after-call.sqs.SendMessage", interrupt)
    try:
        signal.signal(signal.SIGINT, signals._receive)
        with pytest.raises(KeyboardInterrupt), signals.raised():
            send(express, looked, told=told)
    finally:
        signal.signal(signal.SIGINT, before)
        events.unregister("after-call.sqs.SendMessage", interrupt)
    assert told == ["1 of 2 messages were sent; call again for the rest"]
    assert (dead_letters(express), visible(express)) == (["b"], 1)
    assert succeeded(express) == ["a"]


def test_what_somebody_holds_is_counted_and_not_shown(express: Express) -> None:
    kill(express, "a")
    queue = express.workflow.dead_letter_queue
    express.engine.client("sqs").receive_message(QueueUrl=queue, VisibilityTimeout=60)
    looked = look_for(express.aws, express.workflow, ALL, again=False)
    assert (looked.letters, looked.total, looked.held) == ((), 0, 1)
    told: list[str] = []
    assert send(express, looked, told=told).sent == ()
    assert told[0].startswith("1 message in flight, not shown here")


def test_ten_attributes_leave_no_room_for_the_name_of_the_origin(express: Express) -> None:
    kill(express, "a", **{f"k{n}": "v" for n in range(10)})
    [sent] = replay(express, ALL).sent
    assert sent.origin is False
    assert succeeded(express) == ["a"]


def test_a_message_as_large_as_the_queue_takes_is_sent_without_the_attribute(express: Express) -> None:
    kill(express, "a")
    url = express.workflow.queue
    express.engine.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"MaximumMessageSize": "1024"})
    express.engine.client("sqs").send_message(QueueUrl=express.workflow.dead_letter_queue, MessageBody="x" * 1024)
    done = replay(express, ALL)
    assert [sent.origin for sent in done.sent] == [True, False]
    assert express.deployed.dead_letters == []


def test_the_rate_is_kept(express: Express) -> None:
    for name in "abc":
        kill(express, name)
    slept: list[float] = []
    send(express, look_for(express.aws, express.workflow, ALL, again=False), rate=4, sleep=slept.append)
    assert slept == [0.25, 0.25]


def test_a_stopped_pipe_is_told(express: Express) -> None:
    kill(express, "a")
    express.aws.client("pipes").stop_pipe(Name=express.workflow.pipe)
    told: list[str] = []
    replay(express, ALL, told=told)
    assert told == [
        "the pipe ceap-express-dev is STOPPED: messages wait in the queue until it runs, "
        "`ceap resume --env dev workflows/express.yaml`"
    ]
    assert succeeded(express) == []
    assert express.engine.messages(express.workflow.queue) == [body_of("a")]


def test_a_look_longer_than_the_visibility_timeout_tells_each_message_once(express: Express) -> None:
    for name in "ab":
        kill(express, name)
    with replay_letters.Hold(express.aws, express.workflow.dead_letter_queue) as hold:
        found = []
        for message in hold.messages():
            found.append(message["MessageId"])
            if len(found) == 2:
                travel(replay_letters.HOLD_S + 1)
    assert len(found) == len(set(found)) == 2
    assert visible(express) == 2


def test_a_look_ends_when_a_receive_brings_nothing_new(express: Express, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a queue that is too long: before its end the first messages are back."""
    monkeypatch.setattr(replay_letters, "HOLD_S", 0)
    for name in "abc":
        express.engine.send(express.workflow.dead_letter_queue, body_of(name))
    letters, is_whole = look(express.aws, express.workflow)
    assert (len(letters), is_whole) == (3, False)


def test_a_look_takes_no_more_than_its_maximum_and_says_so(express: Express, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_letters, "LETTERS_MAX", 10)
    for number in range(12):
        express.engine.send(express.workflow.dead_letter_queue, body_of(str(number)))
    looked = look_for(express.aws, express.workflow, Filters(messages=frozenset({"other"})), again=False)
    assert (looked.total, looked.is_whole) == (10, False)
    assert looked.left[0].why == "is not among the 10 that were looked at"
    told: list[str] = []
    send(express, looked, told=told)
    assert told[0].startswith("only 10 messages were looked at, whichever SQS gave, and more may be there")
    assert visible(express) == 12

    monkeypatch.undo()
    monkeypatch.setattr(replay_letters, "WAIT_S", 0)
    looked = look_for(express.aws, express.workflow, ALL, again=False)
    assert (looked.total, looked.is_whole) == (12, True)
