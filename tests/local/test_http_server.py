"""The engine's HTTP server: what clients may send on a connection, and when it stays open."""

from __future__ import annotations

import hashlib
import http.client
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ceap.local.answers import Answer
from ceap.local.http_server import Message, Server

MIB = 1 << 20


def serve(message: Message) -> Answer:
    """Answer with the body, or with what the path asks for."""
    match message.target.partition("?")[0]:
        case "/unread":
            return Answer(200, b"unread")
        case "/fail":
            raise RuntimeError("fault")
        case "/headers":
            shown = dict(message.headers) | {f"spelt {key}": name for key, name in message.spelt.items()}
            return Answer(200, "\n".join(f"{name}={value}" for name, value in sorted(shown.items())).encode("latin-1"))
        case "/digest":
            return Answer(200, hashlib.sha256(message.body()).hexdigest().encode())
        case "/large":
            return Answer(200, b"x" * (40 * MIB))
        case "/none" | "/length" as path:
            return Answer(204 if path == "/none" else 200, b"", {"content-length": "7"} if path == "/length" else {})
    return Answer(200, message.body(), {"X-Method": message.method, "X-Target": message.target})


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server(serve)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def connection(server: Server) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1])
    yield connection
    connection.close()


def exchange(server: Server, sent: bytes) -> bytes:
    """Return all that the server answers until it closes the connection."""
    with socket.create_connection(("127.0.0.1", server.server_address[1])) as raw:
        raw.sendall(sent)
        raw.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: raw.recv(65536), b""))


def test_a_connection_takes_one_request_after_another(connection: http.client.HTTPConnection) -> None:
    ports = set()
    for method, target, body in (("PUT", "/a?b=c", b"one"), ("GET", "/", b""), ("POST", "/unread", b"x" * 3 * MIB)):
        connection.request(method, target, body)
        ports.add(connection.sock.getsockname()[1])
        response = connection.getresponse()
        assert response.read() == (b"unread" if target == "/unread" else body)
    assert len(ports) == 1


def test_requests_may_come_before_the_answers(server: Server) -> None:
    sent = b"PUT /a HTTP/1.1\r\nContent-Length: 3\r\n\r\none" * 3
    assert exchange(server, sent).count(b"\r\n\r\none") == 3


def test_a_client_may_ask_to_close(server: Server) -> None:
    closing = b"GET / HTTP/1.1\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n\r\n"
    assert exchange(server, closing).count(b"HTTP/1.1 200") == 1
    assert exchange(server, b"GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n").count(b"HTTP/1.1 200") == 1


def test_a_body_may_come_in_chunks(connection: http.client.HTTPConnection) -> None:
    for _ in range(2):
        connection.request(
            "PUT", "/a", iter([b"one", b"two" * 50_000]), {"Transfer-Encoding": "chunked"}, encode_chunked=True
        )
        assert connection.getresponse().read() == b"one" + b"two" * 50_000


@pytest.mark.parametrize(
    "sent", [b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Le", b"PUT /a HTTP/1.1\r\nHost: h\r\n", b"PUT /a H"]
)
def test_a_request_whose_headers_end_early_is_not_served(server: Server, sent: bytes) -> None:
    assert exchange(server, sent) == b""


def test_an_empty_line_may_come_before_a_request(server: Server) -> None:
    assert exchange(server, b"GET /unread HTTP/1.1\r\n\r\n\r\nGET /unread HTTP/1.1\r\n\r\n").count(b" 200 ") == 2


def test_a_body_is_asked_for_when_it_is_read(server: Server) -> None:
    head = b"PUT %s HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.server_address[1])) as raw:
        raw.sendall(head % b"/a")
        assert raw.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.sendall(b"one")
        assert raw.recv(65536).endswith(b"\r\n\r\none")
    refused = exchange(server, head % b"/unread")
    assert b"100 Continue" not in refused
    assert b"Connection: close" in refused
    assert refused.endswith(b"unread")


def test_a_head_has_the_length_and_no_body(connection: http.client.HTTPConnection) -> None:
    for target, length in (("/length", "7"), ("/unread", "6")):
        connection.request("HEAD", target)
        response = connection.getresponse()
        assert (response.headers["Content-Length"], response.read()) == (length, b"")
    connection.request("GET", "/none")
    response = connection.getresponse()
    assert (response.status, response.headers["Content-Length"], response.read()) == (204, None, b"")


def test_a_fault_is_an_error_of_the_server_and_the_connection_goes_on(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", "/fail", b"body")
    response = connection.getresponse()
    assert (response.status, b"Internal Server Error" in response.read()) == (500, True)
    connection.request("GET", "/unread")
    assert connection.getresponse().read() == b"unread"


def test_names_of_headers_have_hyphens_and_only_metadata_may_have_underscores(server: Server) -> None:
    sent = (
        b"GET /headers HTTP/1.1\r\nHost: h\r\nA:  1 \r\na: 2\r\nX-Amz-Meta-a_B: 3\r\nX_Amz_Target: no\r\n"
        b"x-amz-meta-c: 4\r\nx-amz-meta_c: no\r\nX-Amz-Meta-D: \xfc\r\nConnection: close\r\n\r\n"
    )
    shown = exchange(server, sent).partition(b"\r\n\r\n")[2].decode("latin-1").split("\n")
    assert shown == [
        "a=1,2",
        "connection=close",
        "host=h",
        "spelt x-amz-meta-a-b=X-Amz-Meta-a_B",
        "x-amz-meta-a-b=3",
        "x-amz-meta-c=4",
        "x-amz-meta-d=\xfc",
    ]


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET http://elsewhere/ HTTP/1.1\r\n\r\n",
        b"GET /a#b HTTP/1.1\r\n\r\n",
        b"GET /a b HTTP/1.1\r\n\r\n",
        b"GET / HTTP/2\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: 1\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nA : 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnone\r\n",
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n",
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0_3\r\nabc\r\n0\r\n\r\n",
        b"PUT / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nabc",
        b"PUT / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 2\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nA: 1\rB: 2\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: 1\r\n" * 300 + b"\r\n",
    ],
)
def test_what_is_no_request_is_refused_and_the_connection_closed(server: Server, sent: bytes) -> None:
    answer = exchange(server, sent + b"GET / HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("sent", [b"", b"GET", b"PUT /a HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf"])
def test_a_client_that_goes_in_the_middle_harms_nobody(
    server: Server, connection: http.client.HTTPConnection, sent: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", server.server_address[1])) as raw:
        raw.sendall(sent)
    with socket.create_connection(("127.0.0.1", server.server_address[1])) as raw:
        raw.sendall(b"GET /large HTTP/1.1\r\n\r\n")
        raw.recv(10)
    connection.request("GET", "/unread")
    assert connection.getresponse().read() == b"unread"


def test_large_bodies_go_through_whole(connection: http.client.HTTPConnection) -> None:
    body = bytes(range(256)) * (100 * MIB // 256)
    connection.request("PUT", "/digest", body)
    assert connection.getresponse().read().decode() == hashlib.sha256(body).hexdigest()
    connection.request("GET", "/large")
    assert len(connection.getresponse().read()) == 40 * MIB


def test_many_clients_are_served_side_by_side(server: Server) -> None:
    together = threading.Barrier(30)

    def call(number: int) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1])
        connection.connect()
        together.wait(30)
        found = []
        for _ in range(5):
            connection.request("PUT", "/a", str(number).encode())
            found.append(connection.getresponse().read())
        connection.close()
        return b"".join(found)

    with ThreadPoolExecutor(30) as pool:
        assert list(pool.map(call, range(30))) == [str(number).encode() * 5 for number in range(30)]


def test_a_refused_client_gets_its_answer_even_if_it_goes_on_sending(server: Server) -> None:
    refused = exchange(server, b"PUT /a HTTP/1.1\r\nno colon\r\n\r\n" + b"x" * 3 * MIB)
    assert refused.startswith(b"HTTP/1.1 400 ")


def test_stopping_closes_open_connections_and_frees_the_port() -> None:
    server = Server(serve)
    server.start()
    with socket.create_connection(("127.0.0.1", server.server_address[1])) as raw:
        raw.sendall(b"GET /unread HTTP/1.1\r\n\r\n")
        assert raw.recv(65536).endswith(b"unread")
        server.stop()
        assert raw.recv(65536) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.server_address[1]))
