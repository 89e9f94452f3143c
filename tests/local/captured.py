"""Requests as boto3 makes them, caught before they are sent."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree

from botocore.awsrequest import AWSPreparedRequest, AWSResponse  # type: ignore[import-untyped]  # no types
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # no types

from ceap.local.calls import Request
from ceap.local.gateway import client
from ceap.local.sessions import Sessions

REGION, ACCOUNT = "us-east-1", "123456789012"
Call = Callable[[Any], Any]


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


class EmptyBody:
    def stream(self) -> list[bytes]:
        return []


def request_of(service: str, call: Call) -> Request:
    """Return the request that a call of a boto3 client makes."""
    caught: list[AWSPreparedRequest] = []

    def catch(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        caught.append(request)
        return AWSResponse(request.url, 500, {}, EmptyBody())

    caller = client(service, "http://127.0.0.1:1", Sessions(ACCOUNT).driver)
    caller.meta.events.register("before-send", catch)
    with contextlib.suppress(ClientError, ElementTree.ParseError):  # of the answer, which is empty
        call(caller)
    caller.close()
    [prepared] = caught
    url = urlsplit(prepared.url)
    body = prepared.body or b""
    return Request(
        service=caller.meta.service_model.signing_name,
        region=REGION,
        account=ACCOUNT,
        method=prepared.method,
        path=unquote(url.path),
        query=dict(parse_qsl(url.query, keep_blank_values=True)),
        headers={
            key.lower(): value.decode() if isinstance(value, bytes) else value
            for key, value in prepared.headers.items()
        },
        body=body.encode() if isinstance(body, str) else (body if isinstance(body, bytes) else b""),
    )
