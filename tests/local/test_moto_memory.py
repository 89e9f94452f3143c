"""What moto made is gone as soon as its account has deleted it, or its engine is closed."""

from __future__ import annotations

import gc
import weakref

from moto.logs.models import logs_backends
from moto.s3.models import s3_backends
from moto.sqs.models import sqs_backends

from ceap.local.engine import Engine
from ceap.local.sessions import REGION


def test_a_deleted_message_and_a_deleted_object_are_gone(engine: Engine) -> None:
    queues, objects = engine.client("sqs"), engine.client("s3")
    url = queues.create_queue(QueueName="queue")["QueueUrl"]
    objects.create_bucket(Bucket="bucket")
    engine.send(url, "body")
    objects.put_object(Bucket="bucket", Key="key", Body=b"content")
    made = [
        weakref.ref(sqs_backends[engine.account][REGION].get_queue("queue")._messages[0]),
        weakref.ref(s3_backends[engine.account]["aws"].get_bucket("bucket").keys["key"]),
    ]
    [received] = queues.receive_message(QueueUrl=url)["Messages"]
    queues.delete_message(QueueUrl=url, ReceiptHandle=received["ReceiptHandle"])
    objects.delete_object(Bucket="bucket", Key="key")
    gc.collect()
    assert [each() for each in made] == [None, None]


def test_a_closed_engine_keeps_no_resource() -> None:
    with Engine.start() as engine:
        url = engine.client("sqs").create_queue(QueueName="queue")["QueueUrl"]
        engine.client("s3").create_bucket(Bucket="bucket")
        engine.client("logs").create_log_group(logGroupName="group")
        engine.send(url, "body")
        engine.client("s3").put_object(Bucket="bucket", Key="key", Body=b"content")
        engine.client("s3").create_multipart_upload(Bucket="bucket", Key="other")
        bucket = s3_backends[engine.account]["aws"].get_bucket("bucket")
        made: list[weakref.ref[object]] = [
            weakref.ref(sqs_backends[engine.account][REGION].get_queue("queue")._messages[0]),
            weakref.ref(logs_backends[engine.account][REGION].groups["group"]),
            weakref.ref(bucket.keys["key"]),
            weakref.ref(next(iter(bucket.multiparts.values()))),
            weakref.ref(engine),
        ]
        del bucket, engine
    gc.collect()
    assert [each() for each in made] == [None] * 5


def test_the_name_of_a_closed_engines_bucket_is_free_again() -> None:
    for _ in range(2):
        with Engine.start() as engine:
            engine.client("s3").create_bucket(Bucket="the-same")
            assert [name for name, _ in engine.objects("the-same")] == []
