"""The packaged sources run from an unpacked package, with nothing beside them but what the Lambda runtime has."""

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import botocore.session  # type: ignore[import-untyped]  # botocore ships no types
import pytest
from moto.server import ThreadedMotoServer

import handlers
from ceap.archive import build_zip, read_sources
from ceap.deploy.package import merge
from handlers.runtime.contract import output_key
from handlers.runtime.needs import table_variable
from templates import lambda_runtime
from tests import reference

HANDLERS = Path(handlers.__file__).parent
REGION, BUCKET = "us-east-1", "bucket"

PROGRAM = """
import sys
sys.path += sys.argv[1:]
from handlers.sift import handler

class Invocation:
    def get_remaining_time_in_millis(self):
        return 60_000

event = {"executionId": "e", "currentStage": "OwnStage", "previousStage": "BeforeStage", "workflowBucket": "bucket"}
handler({**event, "initialData": None}, Invocation())
print(*{getattr(module, "__file__", None) or "" for module in sys.modules.values()}, sep="\\n")
"""


def installed(distribution: str) -> dict[str, bytes]:
    """Return the files of an installed distribution by their path in site-packages, as its wheel holds them."""
    files = metadata.files(distribution)
    assert files
    return {
        path.as_posix(): path.read_binary()
        for path in files
        if ".." not in path.parts
        and path.suffix != ".pyc"
        and path.name not in {"INSTALLER", "REQUESTED", "direct_url.json"}
    }


def unpack(folder: Path, parts: list[tuple[str, dict[str, bytes]]]) -> Path:
    zipfile.ZipFile(io.BytesIO(build_zip(merge(parts)))).extractall(folder)
    return folder


def link_runtime(folder: Path) -> Path:
    """Make a folder of what the runtime has installed: links, as botocore is large."""
    folder.mkdir()
    for name in lambda_runtime.PACKAGES:
        distribution = metadata.distribution(name)
        for top in {path.parts[0] for path in distribution.files or ()} - {"..", "__pycache__"}:
            (folder / top).symlink_to(str(distribution.locate_file(top)))
    return folder


def connect(endpoint: str, service: str) -> Any:
    return botocore.session.get_session().create_client(
        service, region_name=REGION, endpoint_url=endpoint, aws_access_key_id="key", aws_secret_access_key="secret"
    )


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_a_stage_runs_from_the_unpacked_package(tmp_path: Path, endpoint: str) -> None:
    pins = re.findall(r"^([\w.-]+)==", (HANDLERS / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    sources = [("handlers", read_sources(HANDLERS)), ("reference", reference.read_stages())]
    task = unpack(tmp_path / "task", [*sources, *((pin, installed(pin)) for pin in pins)])
    runtime = link_runtime(tmp_path / "runtime")
    s3, dynamodb = connect(endpoint, "s3"), connect(endpoint, "dynamodb")
    s3.create_bucket(Bucket=BUCKET)
    dynamodb.create_table(
        TableName="settings",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("PK", "SK")],
    )
    record = {"id": "r-1"}
    header = '{"executionId":"e","stage":"BeforeStage","startedAt":"2026-01-02T03:04:05Z","data":['
    body = f'{header}\n{json.dumps(record)}\n],"metadata":{{"outputRecordCount":1}}}}\n'
    s3.put_object(Bucket=BUCKET, Key=output_key("e", "BeforeStage"), Body=body.encode())
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", PROGRAM, str(task), str(runtime)],
        env={
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            table_variable("config"): "settings",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    output = json.loads(s3.get_object(Bucket=BUCKET, Key=output_key("e", "OwnStage"))["Body"].read())
    assert output["data"] == [record]
    loaded = done.stdout.splitlines()
    assert str(task / "handlers" / "sift.py") in loaded
    assert [path for path in loaded if "site-packages" in path] == []
