"""What a measured process takes for S3 and DynamoDB: a server of no contents; prints its port when it is ready.

An object is 1000 bytes, whatever its key. A table is empty, takes everything, and answers after 5 ms, as does a bus.
"""

import json
import signal
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OBJECT = b"x" * 1000
LATENCY_S = 0.005
ANSWERS = {"UpdateItem": b"{}", "BatchGetItem": b'{"Responses":{},"UnprocessedKeys":{}}'}
ANSWERS["BatchWriteItem"] = b'{"UnprocessedItems":{}}'


def publish(body: bytes) -> bytes:
    taken = [{"EventId": "event"} for _ in json.loads(body)["Entries"]]
    return json.dumps({"FailedEntryCount": 0, "Entries": taken}).encode()


class Handler(BaseHTTPRequestHandler):
    """Keeps connections open, as S3 and DynamoDB do."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet per answer, not one per header
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer(OBJECT)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(LATENCY_S)
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        self._answer(publish(body) if operation == "PutEvents" else ANSWERS[operation])

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("ETag", '"etag"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the bench, which ends this server itself
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
